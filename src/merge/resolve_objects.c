/* Facts of labels: from the label tables to the sets of a range, and from those without a link to objects. */
#include <string.h>

#include "base/checked.h"
#include "merge/fact_reader.h"
#include "merge/resolve_parts.h"

/* ---- facts of sets ----------------------------------------------------- */

/* Adds what is known of a label, or of a set, to the set of root. */
static inline void add_fact(struct pw_resolve *r, uint32_t root, uint64_t first, uint64_t count)
{
    r->first[root] = first < r->first[root] ? first : r->first[root];
    r->count[root] = (r->count[root] | (count & 1)) + (count & ~UINT64_C(1));
}

/* Adds those labels of tile that lie in start..end, the range's. */
static enum pw_status add_tile(struct pw_resolve *r, struct pw_fact_reader *reader, uint64_t tile, uint64_t start,
                               uint64_t end, struct pw_error *error)
{
    uint64_t label = r->map->offset[tile], last = pw_min_u64(r->map->offset[tile + 1], end);
    enum pw_status status = pw_fact_reader_open(reader, tile, error);
    while (status == PW_OK && label < last) {
        const struct pw_label_fact *fact;
        uint64_t n;
        status = pw_fact_reader_next(reader, &fact, &n, error);
        n = pw_min_u64(n, last - label);
        for (uint64_t i = label < start ? pw_min_u64(start - label, n) : 0; i < n; i++)
            add_fact(r, r->parent[label + i - start], fact[i].first,
                     fact[i].voxels * 2 + (uint64_t)fact[i].touches_border);
        label += n;
    }
    return status;
}

/* The tile that global label belongs to: the last that does not begin after it. */
static uint64_t tile_of(const struct pw_resolve *r, uint64_t label)
{
    uint64_t low = 0, high = r->grid->n_tiles - 1;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (r->map->offset[middle] <= label)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static enum pw_status add_tables(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    uint64_t start = pw_resolve_range_start(r, range), end = start + pw_resolve_range_labels(r, range);
    struct pw_fact_reader reader;
    enum pw_status status = PW_OK;
    pw_fact_reader_init(&reader, r->grid, r->stage, r->io, r->layout.io_bytes);
    reader.left_out = r->filter.left_out;
    for (uint64_t tile = tile_of(r, start); tile < r->grid->n_tiles && r->map->offset[tile] < end; tile++)
        if (status == PW_OK && r->map->offset[tile + 1] > r->map->offset[tile])
            status = add_tile(r, &reader, tile, start, end, error);
    return status;
}

/* Adds what sets of higher ranges hand down; these will ask for their ids. */
static enum pw_status add_handed_down(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    enum pw_status status = pw_buckets_open(&r->facts, pw_resolve_down(r, range), error);
    while (status == PW_OK) {
        const uint64_t *fact;
        uint64_t n;
        status = pw_buckets_next(&r->facts, &fact, &n, error);
        for (uint64_t i = 0; i < n && status == PW_OK; i++, fact += 3) {
            add_fact(r, r->parent[pw_resolve_place_of(r, fact[0])], fact[1], fact[2]);
            status = pw_buckets_push(&r->requests, range, fact, error);
        }
    }
    return status == PW_EMPTY ? PW_OK : status;
}

/* ---- sets -------------------------------------------------------------- */

static int is_dropped(const struct pw_object_filter *filter, uint64_t count)
{
    uint64_t voxels = count >> 1;
    return voxels < filter->least_voxels || (filter->most_voxels != 0 && voxels > filter->most_voxels) ||
           (filter->drop_border && (count & 1));
}

/* A set without a link is whole: an object, if it has a voxel. */
static enum pw_status add_object(struct pw_resolve *r, uint64_t label, uint64_t place, struct pw_error *error)
{
    uint64_t object[2] = {r->first[place], label};
    if (r->count[place] >> 1 == 0)
        return PW_OK;
    if (is_dropped(&r->filter, r->count[place])) {
        r->map->n_dropped++;
        r->map->dropped_voxels += r->count[place] >> 1;
        return PW_OK;
    }
    return pw_sorter_add(&r->objects, object, error);
}

static enum pw_status hand_down(struct pw_resolve *r, uint64_t label, uint64_t place, struct pw_error *error)
{
    uint64_t link = r->link[place];
    const uint64_t fact[3] = {pw_resolve_place_of(r, link) | label << r->layout.range_bits, r->first[place],
                              r->count[place]};
    return pw_buckets_push(&r->facts, pw_resolve_down(r, pw_resolve_range_of(r, link)), fact, error);
}

static enum pw_status dispose_of_sets(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    uint64_t n = pw_resolve_range_labels(r, range), start = pw_resolve_range_start(r, range);
    int has_links = r->layout.n_ranges > 1;
    enum pw_status status = PW_OK;
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        if (r->parent[i] != i)
            continue;
        status = has_links && r->link[i] != UINT64_MAX ? hand_down(r, start + i, i, error)
                                                       : add_object(r, start + i, i, error);
    }
    return status;
}

enum pw_status pw_resolve_gather(struct pw_resolve *r, uint64_t range, struct pw_error *error)
{
    uint64_t n = pw_resolve_range_labels(r, range);
    memset(r->first, 0xff, n * sizeof *r->first);
    memset(r->count, 0, n * sizeof *r->count);
    enum pw_status status = add_tables(r, range, error);
    if (status == PW_OK && r->layout.n_ranges > 1)
        status = add_handed_down(r, range, error);
    return status == PW_OK ? dispose_of_sets(r, range, error) : status;
}
