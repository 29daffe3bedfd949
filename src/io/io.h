/*
 * io/io - bytes at offsets, from many files, several reads under way at once.
 *
 * One contract, three engines: io_sync (pread, the oracle), io_mmap (maps and
 * lends the mapping), io_uring (batched, falls back to sync where the kernel
 * refuses it: ENOSYS, EPERM in containers).  The bytes are the same from each.
 *
 *     struct pw_read read = {.fd = -1, .path = path, .length = capacity, .buffer = b};
 *     pw_io_submit(io, &read);
 *     struct pw_read *done = pw_io_wait(io);     one that has completed, in any order
 *     ... use done->data, done->got ...
 *     pw_io_done(io, done);                      gives a lent mapping back
 *
 * Threads: an engine belongs to one thread, except pw_io_done(), which any
 * thread may call once for each completed read.
 * Errors: of a read, in the read itself (sys_errno); short reads at the end of a
 * file are not errors here: got says how much there was.
 */
#ifndef PW_IO_IO_H
#define PW_IO_IO_H

#include "patchworks.h"

/* One read.  The caller owns it and everything it points to until pw_io_wait() returns it. */
struct pw_read {
    /* request */
    int fd;           /* descriptor to read from, or -1 to open path */
    const char *path; /* with fd -1: opened read-only, read, closed; used only until pw_io_submit() returns */
    uint64_t offset;
    size_t length; /* bytes wanted; with a path the capacity of buffer, and the file may be shorter */
    void *buffer;  /* at least length bytes */
    void *tag;     /* the caller's */

    /* result */
    const void *data; /* the bytes: buffer, or a mapping lent until pw_io_done() */
    size_t got;
    int sys_errno; /* 0, or why the read failed; ENOENT when path does not exist */

    /* the engine's own */
    struct pw_read *next;
    void *mapping;
    size_t mapping_bytes;
    int opened; /* fd was opened for this read and is closed with it */
};

struct pw_io;

/*
 * Opens an engine with up to depth reads under way.  PW_IO_AUTO takes io_uring
 * where it works, else sync.  PW_IO_URING fails where it does not work.
 * Errors: PW_E_NOMEM, PW_E_UNSUPPORTED (the engine is not built in or refused).
 */
enum pw_status pw_io_open(enum pw_io_engine engine, unsigned depth, struct pw_io **io, struct pw_error *error);
void pw_io_close(struct pw_io *io); /* waits for what is under way; NULL allowed */

const char *pw_io_name(const struct pw_io *io); /* "uring" "mmap" "sync" */

/* Queues read; starts at the latest when pw_io_wait() has no completed one to return.  Never blocks on a full queue: waits inside. */
void pw_io_submit(struct pw_io *io, struct pw_read *read);

/* Blocks for a completed read; NULL when nothing is under way. */
struct pw_read *pw_io_wait(struct pw_io *io);

/* Gives back what read->data lends.  Any thread. */
void pw_io_done(struct pw_io *io, struct pw_read *read);

/* Memory of an engine, without the callers' buffers. */
size_t pw_io_memory_bytes(enum pw_io_engine engine, unsigned depth);

/* Whether io_uring is built in and the kernel grants a ring now. */
int pw_io_uring_works(void);

#endif
