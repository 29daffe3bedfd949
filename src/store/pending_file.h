/*
 * store/pending_file - an output file that appears whole or not at all.
 *
 *     pw_pending_check(path, overwrite, error)        before the work: could it be written?
 *     struct pw_pending_file file = {.fd = -1};
 *     pw_pending_open(&file, path, overwrite, error)  a hidden file beside path
 *     ... pwrite to file.fd ...
 *     pw_pending_commit(&file, error)                 synced, then renamed to path
 *     pw_pending_abort(&file)                         removed; nothing after commit
 *
 * The file has no name until it is committed, so that a killed process leaves
 * nothing; where the file system cannot do that it is .NAME.pw-XXXXXX in the same
 * directory.  Without overwrite a file that has come into being at path in the
 * meantime is not replaced.
 *
 * Threads: one at a time.
 */
#ifndef PW_STORE_PENDING_FILE_H
#define PW_STORE_PENDING_FILE_H

#include "patchworks.h"

/* fd -1 means none. */
struct pw_pending_file {
    int fd;
    int overwrite;
    char path[4096];
    char hidden[4096]; /* "" while it has no name */
};

/* Errors: PW_E_EXISTS, PW_E_NOT_FOUND (no such directory), PW_E_ARGUMENT (a directory, a device, too long a name). */
enum pw_status pw_pending_check(const char *path, int overwrite, struct pw_error *error);

enum pw_status pw_pending_open(struct pw_pending_file *file, const char *path, int overwrite, struct pw_error *error);
/* The same with a hidden name from the beginning, for libraries that want one; a process that is killed leaves it. */
enum pw_status pw_pending_open_named(struct pw_pending_file *file, const char *path, int overwrite,
                                     struct pw_error *error);
enum pw_status pw_pending_commit(struct pw_pending_file *file, struct pw_error *error);
/* A path by which this process can open the file while it is hidden. */
void pw_pending_place(const struct pw_pending_file *file, char *path, size_t capacity);

void pw_pending_abort(struct pw_pending_file *file); /* safe when nothing is open */

#endif
