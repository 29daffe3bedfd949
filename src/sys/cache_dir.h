/*
 * sys/cache_dir - the directory of what is kept from one run for the next: $XDG_CACHE_HOME/patchworks or ~/.cache/patchworks.
 *
 * Only what belongs to the user, and nobody else may write to, is trusted.  Any thread.
 */
#ifndef PW_SYS_CACHE_DIR_H
#define PW_SYS_CACHE_DIR_H

#include <stddef.h>

/* Makes it when it is missing.  0 when there is none that can be trusted. */
int pw_cache_dir(char *out, size_t bytes);

/* Whether path is a file that can be trusted. */
int pw_cache_is_own_file(const char *path);

#endif
