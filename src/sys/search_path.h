/*
 * sys/search_path - directories with colons between them, as in $PATH.
 *
 * Empty entries are left out: the current directory is searched when it is named.  Any thread.
 */
#ifndef PW_SYS_SEARCH_PATH_H
#define PW_SYS_SEARCH_PATH_H

#include <stddef.h>

/* The first directory of directories that has a readable file called name.suffix: its path into out.  0: there is none. */
int pw_search_path_find(const char *directories, const char *name, const char *suffix, char *out, size_t bytes);

/*
 * Calls found() with each file of that suffix that pw_search_path_find() would find, by directory and then by name.
 * name is without the suffix.
 */
void pw_search_path_each(const char *directories, const char *suffix,
                         void (*found)(const char *name, const char *path, void *user), void *user);

#endif
