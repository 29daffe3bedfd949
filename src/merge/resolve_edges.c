/* Edges: from the edge file to the ranges, and in a range to parents and links. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "label/unionfind.h"
#include "merge/resolve_parts.h"

/* Edges looked ahead, so that what they need is in the cache when their turn comes. */
enum {
    AHEAD = 16
};

/* ---- the edge file ----------------------------------------------------- */

static enum pw_status push_inner(struct pw_resolve *r, uint64_t range, uint64_t a, uint64_t b, struct pw_error *error)
{
    uint64_t record = pw_resolve_place_of(r, a) | pw_resolve_place_of(r, b) << 32;
    return pw_buckets_push(&r->inner, pw_resolve_down(r, range), &record, error);
}

/* Puts an edge into the bucket of its greater end. */
static inline enum pw_status push_edge(struct pw_resolve *r, uint64_t a, uint64_t b, struct pw_error *error)
{
    uint64_t low = a < b ? a : b, high = a < b ? b : a, range = pw_resolve_range_of(r, high);
    if (pw_resolve_range_of(r, low) == range)
        return push_inner(r, range, low, high, error);
    uint64_t record = pw_resolve_place_of(r, high) | low << r->layout.range_bits;
    return pw_buckets_push(&r->outer, pw_resolve_down(r, range), &record, error);
}

/* The global label of a local one; UINT64_MAX when the tile has none such. */
static inline uint64_t global_label(const struct pw_resolve *r, uint32_t tile, uint32_t label)
{
    if (tile >= r->grid->n_tiles || label == 0 || label > r->map->offset[tile + 1] - r->map->offset[tile])
        return UINT64_MAX;
    return r->map->offset[tile] + label - 1;
}

static enum pw_status take_edge(struct pw_resolve *r, const struct pw_edge *edge, struct pw_error *error)
{
    uint64_t a = global_label(r, edge->tile_a, edge->label_a), b = global_label(r, edge->tile_b, edge->label_b);
    if (a == UINT64_MAX || b == UINT64_MAX)
        return pw_fail(error, PW_E_FORMAT, "%s: joins label %u of tile %u with label %u of tile %u, which do not exist",
                       r->edges->file.name, edge->label_a, edge->tile_a, edge->label_b, edge->tile_b);
    if (r->layout.n_ranges > 1)
        return push_edge(r, a, b, error);
    pw_unite(r->parent, (uint32_t)a, (uint32_t)b);
    return PW_OK;
}

enum pw_status pw_resolve_take_edges(struct pw_resolve *r, struct pw_error *error)
{
    struct pw_edge *buffer = r->io;
    uint32_t capacity = (uint32_t)(r->layout.io_bytes / sizeof *buffer), n;
    for (uint64_t at = 0;;) {
        uint64_t before = at;
        enum pw_status status = pw_edge_file_read(r->edges, r->rule, &at, buffer, capacity, &n, error);
        for (uint32_t i = 0; i < n && status == PW_OK; i++)
            status = take_edge(r, &buffer[i], error);
        if (status == PW_OK)
            status = pw_resolve_tell(r, at - before, error);
        if (status != PW_OK || n == 0)
            return status;
        r->map->n_edges += n;
    }
}

/* ---- a range ----------------------------------------------------------- */

static enum pw_status unite_inner(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    enum pw_status status = pw_buckets_open(&r->inner, pw_resolve_down(r, range), error);
    while (status == PW_OK) {
        const uint64_t *edge;
        uint64_t n;
        status = pw_buckets_next(&r->inner, &edge, &n, error);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t ahead = edge[i + AHEAD < n ? i + AHEAD : i];
            __builtin_prefetch(&r->parent[ahead & UINT32_MAX], 1);
            __builtin_prefetch(&r->parent[ahead >> 32], 1);
            pw_unite(r->parent, (uint32_t)edge[i], (uint32_t)(edge[i] >> 32));
        }
    }
    return status == PW_EMPTY ? PW_OK : status;
}

/* Afterwards each label's parent is its root. */
static void flatten(uint32_t *parent, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        parent[i] = parent[parent[i]];
}

/* An edge from root, which may have a link already: then what its other end is joined with is that link. */
static enum pw_status link_root(struct pw_resolve *r, uint32_t root, uint64_t lower, struct pw_error *error)
{
    uint64_t link = r->link[root];
    if (link == lower)
        return PW_OK;
    r->link[root] = pw_min_u64(link, lower);
    return link == UINT64_MAX ? PW_OK : push_edge(r, link, lower, error);
}

static enum pw_status link_outer(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    unsigned bits = r->layout.range_bits;
    enum pw_status status = pw_buckets_open(&r->outer, pw_resolve_down(r, range), error);
    while (status == PW_OK) {
        const uint64_t *edge;
        uint64_t n;
        status = pw_buckets_next(&r->outer, &edge, &n, error);
        for (uint64_t i = 0; i < n && status == PW_OK; i++) {
            uint64_t ahead = pw_resolve_place_of(r, edge[i + AHEAD < n ? i + AHEAD : i]);
            __builtin_prefetch(&r->parent[ahead]);
            __builtin_prefetch(&r->link[ahead], 1); /* most labels are their own root */
            status = link_root(r, r->parent[pw_resolve_place_of(r, edge[i])], edge[i] >> bits, error);
        }
    }
    return status == PW_EMPTY ? PW_OK : status;
}

enum pw_status pw_resolve_unite(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    uint64_t n = pw_resolve_range_labels(r, range);
    enum pw_status status = PW_OK;
    if (r->layout.n_ranges == 1) {
        flatten(r->parent, n);
        return PW_OK;
    }
    for (uint64_t i = 0; i < n; i++)
        r->parent[i] = (uint32_t)i;
    status = unite_inner(r, range, error);
    flatten(r->parent, n);
    memset(r->link, 0xff, n * sizeof *r->link);
    if (status == PW_OK)
        status = link_outer(r, range, error);
    if (status == PW_OK)
        status = pw_file_write(r->parents.fd, r->parent, n * sizeof *r->parent,
                               pw_resolve_range_start(r, range) * sizeof *r->parent, r->parents.name, error);
    return status;
}
