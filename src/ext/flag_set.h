/*
 * ext/flag_set - many flags, in memory when they fit, in a scratch file when they do not.
 *
 * All are 0 at first.  Memory: at most memory_bytes.  Errors: PW_E_IO and the like of
 * the scratch file.  Threads: one.
 */
#ifndef PW_EXT_FLAG_SET_H
#define PW_EXT_FLAG_SET_H

#include "base/memory.h"
#include "patchworks.h"
#include "sys/file.h"

struct pw_flag_set {
    struct pw_buffer memory;
    int in_file;
    struct pw_scratch file;
};

enum pw_status pw_flag_set_init(struct pw_flag_set *set, uint64_t n, uint64_t memory_bytes, const char *scratch_dir,
                                struct pw_error *error);
void pw_flag_set_destroy(struct pw_flag_set *set); /* safe on a zeroed set */

enum pw_status pw_flag_set_get(const struct pw_flag_set *set, uint64_t i, int *flag, struct pw_error *error);
enum pw_status pw_flag_set_raise(struct pw_flag_set *set, uint64_t i, struct pw_error *error);

#endif
