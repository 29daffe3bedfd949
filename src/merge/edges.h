/*
 * merge/edges - the edge file: statements that two local ids of two tiles are one object.
 *
 * Edges are logged while tiles are processed, in (tile, local id) form, because the
 * global number of a local id needs every tile's count first.
 *
 * Threads: one writer; reading begins when writing has ended.
 */
#ifndef PW_MERGE_EDGES_H
#define PW_MERGE_EDGES_H

#include "patchworks.h"
#include "sys/file.h"

struct pw_edge {
    uint32_t tile_a, label_a;
    uint32_t tile_b, label_b;
};

struct pw_edge_file {
    struct pw_scratch file;
    uint64_t n_written; /* in the file */
    struct pw_edge *buffer;
    uint32_t n_buffered;
    struct pw_edge *recent; /* edges written lately, by hash: most repeats of a seam are dropped here */
};

enum pw_status pw_edge_file_open(struct pw_edge_file *edges, const char *scratch_dir, struct pw_error *error);
void pw_edge_file_close(struct pw_edge_file *edges); /* safe on a zeroed one */
uint64_t pw_edge_file_memory_bytes(void);

enum pw_status pw_edge_file_add(struct pw_edge_file *edges, const struct pw_edge *edge, struct pw_error *error);
enum pw_status pw_edge_file_flush(struct pw_edge_file *edges, struct pw_error *error);

/* Reads up to capacity edges from number first on into out; *n is 0 past the last. */
enum pw_status pw_edge_file_read(const struct pw_edge_file *edges, uint64_t first, struct pw_edge *out,
                                 uint32_t capacity, uint32_t *n, struct pw_error *error);

#endif
