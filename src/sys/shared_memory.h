/*
 * sys/shared_memory - memory that other processes see as well.
 *
 *     pw_shared_memory_open(&memory, NULL, error)     nothing in it yet; its descriptor can be handed on
 *     pw_shared_memory_size(&memory, bytes, error)    once: now it has its size, is mapped, and keeps that size
 *     pw_shared_memory_close(&memory)
 *
 * Without a path it has no name, so that nothing is left of it when all processes are gone, and it is sealed:
 * nobody who holds the descriptor can make it shorter and so kill others that touch it.  With a path it is a file (in
 * a memory file system) for processes that cannot inherit descriptors; the file is removed when it is closed.
 *
 * Memory: what size() was given.  Threads: one at a time; the mapping from any.
 */
#ifndef PW_SYS_SHARED_MEMORY_H
#define PW_SYS_SHARED_MEMORY_H

#include "patchworks.h"

struct pw_shared_memory {
    int fd; /* -1: none */
    void *data;
    size_t bytes;
    char path[108]; /* "" without a name */
};

/* Errors: PW_E_IO and the like when the system has none; PW_E_EXISTS when there is a file at path. */
enum pw_status pw_shared_memory_open(struct pw_shared_memory *memory, const char *path, struct pw_error *error);

/* Errors: PW_E_NOMEM, PW_E_NO_SPACE (the file system of path is full). */
enum pw_status pw_shared_memory_size(struct pw_shared_memory *memory, uint64_t bytes, struct pw_error *error);

void pw_shared_memory_close(struct pw_shared_memory *memory); /* safe with fd -1 */

#endif
