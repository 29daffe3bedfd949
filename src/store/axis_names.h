/*
 * store/axis_names - axes as the caller names them, for files that do not say.
 *
 * Threads: pure functions.
 */
#ifndef PW_STORE_AXIS_NAMES_H
#define PW_STORE_AXIS_NAMES_H

#include "store/source.h"

/*
 * Gives the axes of source the names in letters ("tzyx"), slowest first; "s" (samples of a
 * pixel) is a channel.  Scales stay.
 * Errors: PW_E_ARGUMENT (another number of axes, with those there are; a letter that is no axis, or twice).
 */
enum pw_status pw_axes_rename(struct pw_source *source, const char *letters, struct pw_error *error);

/* Sets an axis's name and kind. */
void pw_axis_name(struct pw_axis *axis, char letter);

#endif
