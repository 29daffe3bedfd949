/*
 * merge/resolve_parts - what the steps of merge/resolve share; not for others.
 *
 *     pw_resolve_take_edges      the edge file into the buckets of its ranges (resolve_edges.c)
 *     from the last range to the first
 *         pw_resolve_unite       parents and links of the range, from its edges (resolve_edges.c)
 *         pw_resolve_gather      facts of its sets; whole objects go to the sorter (resolve_objects.c)
 *     pw_resolve_number          ids of objects to the buckets of their labels (resolve_ids.c)
 *     from the first range to the last
 *         pw_resolve_give_ids    ids of the range's labels, to the id map (resolve_ids.c)
 *
 * Records that wait in buckets, bits being layout.range_bits and places numbers of labels within the range of the
 * bucket; other labels are global:
 *
 *     inner     place | place << 32                            an edge within the range
 *     outer     place | lower label << bits                    an edge out of it
 *     facts     place | asker << bits, first voxel, count      of the set of asker, which is linked to place
 *     requests  place | asker << bits                          asker wants to know the id of place
 *     ids       place | id << bits                             of an object, or an answer
 *
 * A count is twice a number of voxels, plus 1 when one of them touches the border of the volume.
 */
#ifndef PW_MERGE_RESOLVE_PARTS_H
#define PW_MERGE_RESOLVE_PARTS_H

#include "base/memory.h"
#include "ext/sorter.h"
#include "merge/resolve.h"
#include "merge/resolve_layout.h"

struct pw_resolve {
    const struct pw_grid *grid;
    const struct pw_stage *stage;
    const struct pw_edge_file *edges;
    const struct pw_rule *rule;
    struct pw_object_filter filter;
    struct pw_resolve_watch watch;
    struct pw_progress done; /* of candidates to read, and labels to sweep over twice */
    double began, told;      /* seconds: when resolving, and when watch was called last */
    const char *scratch_dir;
    struct pw_id_map *map;
    struct pw_resolve_layout layout;

    struct pw_buffer memory; /* of all that follows but the sorter */
    void *io;                /* layout.io_bytes */
    void *bucket_memory[PW_RESOLVE_QUEUES];
    /* Of the labels of a range: */
    uint64_t *first; /* of a root: first voxel of its set in the volume; UINT64_MAX: none */
    uint64_t *count; /* of a root */
    uint64_t *link;  /* of a root: a label of a lower range; UINT64_MAX: none */
    uint64_t *id;    /* the same memory as first */
    uint32_t *parent;

    struct pw_blocks blocks;
    struct pw_buckets inner, outer, facts; /* keys: ranges from the last to the first */
    struct pw_buckets requests, ids;       /* keys: ranges */
    struct pw_scratch parents;             /* of all labels, between the two sweeps */
    struct pw_sorter objects;              /* (first voxel, root) */
};

static inline uint64_t pw_resolve_range_of(const struct pw_resolve *r, uint64_t label)
{
    return label >> r->layout.range_bits;
}

static inline uint64_t pw_resolve_place_of(const struct pw_resolve *r, uint64_t label)
{
    return label & ((UINT64_C(1) << r->layout.range_bits) - 1);
}

static inline uint64_t pw_resolve_range_start(const struct pw_resolve *r, uint64_t range)
{
    return range << r->layout.range_bits;
}

static inline uint64_t pw_resolve_range_labels(const struct pw_resolve *r, uint64_t range)
{
    uint64_t rest = r->layout.n_labels - pw_resolve_range_start(r, range);
    return rest < r->layout.range_labels ? rest : r->layout.range_labels;
}

/* The place in a bucket's order of a range when sweeping down. */
static inline uint64_t pw_resolve_down(const struct pw_resolve *r, uint64_t range)
{
    return r->layout.n_ranges - 1 - range;
}

/* n more candidates or labels are done; PW_E_CANCELLED when no more are wanted.  The watch is called ten times a second. */
enum pw_status pw_resolve_tell(struct pw_resolve *r, uint64_t n, struct pw_error *error);

enum pw_status pw_resolve_take_edges(struct pw_resolve *r, struct pw_error *error);
enum pw_status pw_resolve_unite(struct pw_resolve *r, uint64_t range, struct pw_error *error);
enum pw_status pw_resolve_gather(struct pw_resolve *r, uint64_t range, struct pw_error *error);
enum pw_status pw_resolve_number(struct pw_resolve *r, struct pw_error *error);
enum pw_status pw_resolve_give_ids(struct pw_resolve *r, uint64_t range, struct pw_error *error);

#endif
