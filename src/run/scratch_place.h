/*
 * run/scratch_place - where scratch files go.
 *
 * Threads: no shared state.
 */
#ifndef PW_RUN_SCRATCH_PLACE_H
#define PW_RUN_SCRATCH_PLACE_H

#include <stddef.h>

#include "patchworks.h"

/*
 * asked: the directory that the user names, or NULL.  Else the directory of output, where it can be written to; else, and for
 * output "-" or NULL, $TMPDIR or /tmp.  Errors: PW_E_ARGUMENT when what is asked for is no directory.
 */
enum pw_status pw_scratch_choose(const char *asked, const char *output, char *out, size_t capacity,
                                 struct pw_error *error);

#endif
