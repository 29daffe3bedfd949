/*
 * base/memory - large buffers that are reserved once and reused.
 *
 * Pages of a fresh mapping cost microseconds each on virtual machines, so the
 * pipeline maps its buffers before the first tile, on huge pages where the
 * system has them, and never gives them back while it runs.
 */
#ifndef PW_BASE_MEMORY_H
#define PW_BASE_MEMORY_H

#include "patchworks.h"

/* A mapping.  Zeroed means none. */
struct pw_buffer {
    void *data;
    size_t bytes; /* usable, at least what was asked for */
};

/*
 * Maps bytes of zeroed memory (page-aligned, huge pages advised from 2 MiB up).
 * what names the buffer in the error.  Errors: PW_E_NOMEM.
 */
enum pw_status pw_buffer_init(struct pw_buffer *buffer, uint64_t bytes, const char *what, struct pw_error *error);

/* Gives the memory back; safe on a zeroed buffer. */
void pw_buffer_release(struct pw_buffer *buffer);

/*
 * malloc, calloc-like and string copies that fill error when memory is out.
 * Free with free().
 */
void *pw_alloc(uint64_t count, size_t element_bytes, struct pw_error *error); /* zeroed; NULL on failure */
char *pw_strdup(const char *text, struct pw_error *error);

#endif
