/*
 * base/error - filling a struct pw_error, once, where the failure is understood.
 *
 *     if (fd < 0)
 *         return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot open", path);
 *
 * Both functions return the status they were given, so that a failing function
 * can fill and return in one statement.  A NULL error is allowed.  The message
 * is one line; control characters that a file name may hold are replaced.
 */
#ifndef PW_BASE_ERROR_H
#define PW_BASE_ERROR_H

#include "patchworks.h"

/* Fills error with status and the formatted message; returns status. */
enum pw_status pw_fail(struct pw_error *error, enum pw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * As pw_fail(), and appends ": " and the text of sys_errno.  PW_E_IO becomes the
 * more exact status where sys_errno tells one: PW_E_NOT_FOUND (ENOENT),
 * PW_E_EXISTS (EEXIST), PW_E_NO_SPACE (ENOSPC, EDQUOT), PW_E_PIPE (EPIPE),
 * PW_E_NOMEM (ENOMEM).
 */
enum pw_status pw_fail_errno(struct pw_error *error, enum pw_status status, int sys_errno, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Writes text to out, at most capacity bytes (8 or more) with the 0; of a longer one the begin and the end, "exec:python3
 * ... segment.py": what a path or a command line is about stands at its end.  UTF-8 is not cut inside a character.
 */
void pw_shorten(char *out, size_t capacity, const char *text);

#endif
