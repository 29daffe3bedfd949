#include "merge/edges.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

enum {
    BUFFERED = 16384,
    RECENT = 4096
};

size_t pw_edge_record_bytes(enum pw_rule_family family)
{
    return family == PW_FAMILY_TOUCH ? offsetof(struct pw_edge, shared) : sizeof(struct pw_edge);
}

static enum pw_status init(struct pw_edge_file *edges, enum pw_rule_family family, struct pw_error *error)
{
    memset(edges, 0, sizeof *edges);
    edges->file.fd = -1;
    edges->record_bytes = pw_edge_record_bytes(family);
    edges->buffer = pw_alloc(BUFFERED, sizeof(struct pw_edge), error);
    edges->recent = pw_alloc(RECENT, sizeof *edges->recent, error);
    return edges->buffer == NULL || edges->recent == NULL ? PW_E_NOMEM : PW_OK;
}

enum pw_status pw_edge_file_open(struct pw_edge_file *edges, const char *scratch_dir, enum pw_rule_family family,
                                 struct pw_error *error)
{
    enum pw_status status = init(edges, family, error);
    return status == PW_OK ? pw_scratch_open(&edges->file, scratch_dir, "edge file", error) : status;
}

enum pw_status pw_edge_file_keep(struct pw_edge_file *edges, const char *directory, enum pw_rule_family family,
                                 struct pw_error *error)
{
    enum pw_status status = init(edges, family, error);
    return status == PW_OK ? pw_scratch_keep(&edges->file, directory, PW_EDGE_FILE, error) : status;
}

enum pw_status pw_edge_file_open_kept(struct pw_edge_file *edges, const char *directory, enum pw_rule_family family,
                                      struct pw_error *error)
{
    uint64_t bytes = 0;
    enum pw_status status = init(edges, family, error);
    if (status == PW_OK)
        status = pw_scratch_open_kept(&edges->file, directory, PW_EDGE_FILE, error);
    if (status == PW_OK)
        status = pw_scratch_bytes(&edges->file, &bytes, error);
    if (status == PW_OK && bytes % edges->record_bytes != 0)
        return pw_fail(error, PW_E_TRUNCATED, "%s: %llu bytes are not a whole number of candidates of %zu",
                       edges->file.name, (unsigned long long)bytes, edges->record_bytes);
    edges->n_written = bytes / edges->record_bytes;
    return status;
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
    enum pw_status status = pw_file_write(edges->file.fd, edges->buffer, edges->n_buffered * edges->record_bytes,
                                          edges->n_written * edges->record_bytes, edges->file.name, error);
    if (status == PW_OK)
        edges->n_written += edges->n_buffered;
    edges->n_buffered = 0;
    return status;
}

/* Whether edge was added a short while ago; remembered if not. */
static int is_repeated(struct pw_edge_file *edges, const struct pw_edge *edge)
{
    uint32_t hash = edge->label_a * 2654435761u ^ edge->label_b * 2246822519u ^ edge->tile_b * 3266489917u;
    struct pw_edge *recent = &edges->recent[hash >> 8 & (RECENT - 1)];
    if (memcmp(recent, edge, sizeof *edge) == 0)
        return 1;
    *recent = *edge;
    return 0;
}

enum pw_status pw_edge_file_add(struct pw_edge_file *edges, const struct pw_edge *edge, struct pw_error *error)
{
    if (edges->record_bytes < sizeof *edge && is_repeated(edges, edge))
        return PW_OK;
    memcpy(edges->buffer + edges->n_buffered++ * edges->record_bytes, edge, edges->record_bytes);
    return edges->n_buffered == BUFFERED ? pw_edge_file_flush(edges, error) : PW_OK;
}

enum pw_status pw_edge_file_read(const struct pw_edge_file *edges, const struct pw_rule *rule, uint64_t *at,
                                 struct pw_edge *out, uint32_t capacity, uint32_t *n, struct pw_error *error)
{
    size_t bytes = edges->record_bytes;
    for (*n = 0; *n == 0 && *at < edges->n_written;) {
        uint32_t read = (uint32_t)pw_min_u64(edges->n_written - *at, capacity);
        /* Read into the end of out, then unpacked from its front: what is unpacked never overtakes what is read. */
        const unsigned char *from = (unsigned char *)out + capacity * sizeof *out - read * bytes;
        enum pw_status status =
            pw_file_read_exactly(edges->file.fd, (void *)from, read * bytes, *at * bytes, edges->file.name, error);
        if (status != PW_OK)
            return status;
        *at += read;
        for (uint32_t i = 0; i < read; i++) {
            struct pw_edge edge = {0};
            memcpy(&edge, from + i * bytes, bytes);
            if (rule == NULL || pw_rule_accepts(rule, &edge))
                out[(*n)++] = edge;
        }
    }
    return PW_OK;
}
