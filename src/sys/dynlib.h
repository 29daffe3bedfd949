/*
 * sys/dynlib - loading a shared object and finding one function in it.
 */
#ifndef PW_SYS_DYNLIB_H
#define PW_SYS_DYNLIB_H

#include "patchworks.h"

typedef void (*pw_function)(void);

/*
 * Opens the object at path (a path with a slash; others get "./" in front) and
 * finds symbol.  name is for messages.  *handle is closed with pw_dynlib_close().
 * Errors: PW_E_NOT_FOUND, PW_E_PLUGIN (not loadable, or no such symbol).
 */
enum pw_status pw_dynlib_open(const char *path, const char *name, const char *symbol, void **handle,
                              pw_function *function, struct pw_error *error);
void pw_dynlib_close(void *handle); /* NULL allowed */

/*
 * Opens a library for as long as the process lives, the first of places (NULL at their end) where it is, and finds the
 * addresses of count names in it.  Errors: PW_E_NOT_FOUND (no such library, or no such name).
 */
enum pw_status pw_dynlib_symbols(const char *const *places, const char *const *names, size_t count, void **address,
                                 struct pw_error *error);

#endif
