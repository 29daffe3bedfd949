#include "merge/edges.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

enum {
    BUFFERED = 16384,
    RECENT = 4096
};

enum pw_status pw_edge_file_open(struct pw_edge_file *edges, const char *scratch_dir, struct pw_error *error)
{
    memset(edges, 0, sizeof *edges);
    edges->file.fd = -1;
    edges->buffer = pw_alloc(BUFFERED, sizeof *edges->buffer, error);
    edges->recent = pw_alloc(RECENT, sizeof *edges->recent, error);
    if (edges->buffer == NULL || edges->recent == NULL)
        return PW_E_NOMEM;
    return pw_scratch_open(&edges->file, scratch_dir, "edge file", error);
}

void pw_edge_file_close(struct pw_edge_file *edges)
{
    if (edges->buffer == NULL && edges->recent == NULL)
        return;
    pw_scratch_close(&edges->file);
    free(edges->buffer);
    free(edges->recent);
    memset(edges, 0, sizeof *edges);
    edges->file.fd = -1;
}

uint64_t pw_edge_file_memory_bytes(void)
{
    return (uint64_t)(BUFFERED + RECENT) * sizeof(struct pw_edge);
}

enum pw_status pw_edge_file_flush(struct pw_edge_file *edges, struct pw_error *error)
{
    enum pw_status status = pw_file_write(edges->file.fd, edges->buffer, edges->n_buffered * sizeof *edges->buffer,
                                          edges->n_written * sizeof *edges->buffer, edges->file.name, error);
    if (status == PW_OK)
        edges->n_written += edges->n_buffered;
    edges->n_buffered = 0;
    return status;
}

enum pw_status pw_edge_file_add(struct pw_edge_file *edges, const struct pw_edge *edge, struct pw_error *error)
{
    uint32_t hash = edge->label_a * 2654435761u ^ edge->label_b * 2246822519u ^ edge->tile_b * 3266489917u;
    struct pw_edge *recent = &edges->recent[hash >> 8 & (RECENT - 1)];
    if (memcmp(recent, edge, sizeof *edge) == 0)
        return PW_OK;
    *recent = *edge;
    edges->buffer[edges->n_buffered++] = *edge;
    return edges->n_buffered == BUFFERED ? pw_edge_file_flush(edges, error) : PW_OK;
}

enum pw_status pw_edge_file_read(const struct pw_edge_file *edges, uint64_t first, struct pw_edge *out,
                                 uint32_t capacity, uint32_t *n, struct pw_error *error)
{
    *n = first < edges->n_written ? (uint32_t)pw_min_u64(edges->n_written - first, capacity) : 0;
    return pw_file_read_exactly(edges->file.fd, out, *n * sizeof *out, first * sizeof *out, edges->file.name, error);
}
