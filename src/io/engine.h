/*
 * io/engine - what an I/O engine provides to the front end in io.c.
 */
#ifndef PW_IO_ENGINE_H
#define PW_IO_ENGINE_H

#include "io/io.h"

struct pw_io_engine_ops {
    const char *name;
    /* Makes the engine's state for depth reads under way.  PW_E_UNSUPPORTED when it cannot work here. */
    enum pw_status (*open)(unsigned depth, void **state, struct pw_error *error);
    void (*close)(void *state);
    /*
     * Starts one read of an open descriptor; the front end has set fd and cut length to
     * the file.  Returns 1 when the read is complete already, 0 when it is under way.
     */
    int (*start)(void *state, struct pw_read *read);
    /* Blocks for one read under way; called only when there is one.  NULL for engines that complete at once. */
    struct pw_read *(*wait)(void *state);
    size_t (*memory_bytes)(unsigned depth);
};

extern const struct pw_io_engine_ops pw_io_sync_ops;
extern const struct pw_io_engine_ops pw_io_mmap_ops;
#ifdef HAVE_LIBURING
extern const struct pw_io_engine_ops pw_io_uring_ops;
#endif

#endif
