/*
 * sys/file - whole reads and writes, scratch files.
 *
 * Reads and writes here either do all that was asked or say why not; EINTR and
 * short transfers are dealt with.  Any thread; offsets are explicit.
 */
#ifndef PW_SYS_FILE_H
#define PW_SYS_FILE_H

#include "patchworks.h"

/* Opens path read-only.  The caller closes *fd. */
enum pw_status pw_file_open_read(const char *path, int *fd, struct pw_error *error);

/* Whether another process has locked the file against all others, as flock(2) does. */
int pw_file_is_locked(const char *path);

/*
 * Reads up to n bytes at offset; *got < n only at the end of the file.  path is
 * for the message.
 */
enum pw_status pw_file_read(int fd, void *buffer, size_t n, uint64_t offset, size_t *got, const char *path,
                            struct pw_error *error);

/* As pw_file_read(), and PW_E_TRUNCATED when the file ends before n bytes. */
enum pw_status pw_file_read_exactly(int fd, void *buffer, size_t n, uint64_t offset, const char *path,
                                    struct pw_error *error);

/*
 * As pw_file_read(), and *waited becomes 1 when some of it was not in memory yet, or the file system does not tell; else
 * it stays as it is.
 */
enum pw_status pw_file_read_noting(int fd, void *buffer, size_t n, uint64_t offset, size_t *got, int *waited,
                                   const char *path, struct pw_error *error);

/* Has the system begin to read n bytes (0: all that follow) at offset, without waiting.  It may not. */
void pw_file_expect(int fd, uint64_t offset, uint64_t n);

/* Writes all n bytes at offset. */
enum pw_status pw_file_write(int fd, const void *buffer, size_t n, uint64_t offset, const char *path,
                             struct pw_error *error);

/* Has the disk begin with what was written, without waiting: a later sync then has little left to wait for. */
void pw_file_begin_sync(int fd);

/* Gives the disk back what a part of a file takes; it then reads as zeros.  Where the file system cannot, nothing happens. */
void pw_file_discard(int fd, uint64_t offset, uint64_t n);

/* A scratch file: it has no name in its directory, and is gone when it is closed or the process dies; or a kept one. */
struct pw_scratch {
    int fd;          /* -1: none */
    char name[4200]; /* for messages: "DIR (stage log)" */
};

/* Makes a scratch file in directory dir; what ("stage log") says what for. */
enum pw_status pw_scratch_open(struct pw_scratch *scratch, const char *dir, const char *what, struct pw_error *error);
void pw_scratch_close(struct pw_scratch *scratch); /* safe with fd -1 */

/* Makes a file that stays, dir/name, which must not exist; and opens one that was kept, for reading. */
enum pw_status pw_scratch_keep(struct pw_scratch *scratch, const char *dir, const char *name, struct pw_error *error);
enum pw_status pw_scratch_open_kept(struct pw_scratch *scratch, const char *dir, const char *name,
                                    struct pw_error *error);

/* The same for reading and writing; it need not be there yet. */
enum pw_status pw_scratch_open_again(struct pw_scratch *scratch, const char *dir, const char *name,
                                     struct pw_error *error);

/* Cuts an open file off after bytes. */
enum pw_status pw_scratch_cut(const struct pw_scratch *scratch, uint64_t bytes, struct pw_error *error);

/* Bytes of an open file. */
enum pw_status pw_scratch_bytes(const struct pw_scratch *scratch, uint64_t *bytes, struct pw_error *error);

/* Free bytes of the file system that holds dir; UINT64_MAX when unknown. */
uint64_t pw_file_free_bytes(const char *dir);

/* The directory part of path ("." when there is none) into out. */
void pw_file_parent(const char *path, char *out, size_t capacity);

#endif
