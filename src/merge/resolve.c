/* The order of resolving, and what it reserves.  The steps are in resolve_edges.c, resolve_objects.c, resolve_ids.c. */
#include "merge/resolve.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/resolve_parts.h"
#include "sys/host.h"

static unsigned char *take(unsigned char **at, uint64_t bytes)
{
    unsigned char *p = *at;
    *at += pw_padded(bytes);
    return p;
}

static uint64_t memory_bytes(const struct pw_resolve_layout *layout)
{
    int several = layout->n_ranges > 1;
    uint64_t labels = layout->range_labels * (several ? PW_RESOLVE_LINKED_LABEL_BYTES : PW_RESOLVE_LABEL_BYTES);
    uint64_t buckets = several ? PW_RESOLVE_QUEUES * pw_buckets_memory_bytes(&layout->buckets) : 0;
    return layout->io_bytes + labels + buckets + (uint64_t)64 * (PW_RESOLVE_QUEUES + 5);
}

static enum pw_status reserve(struct pw_resolve *r, struct pw_error *error)
{
    static const struct pw_sorter_form by_first_voxel = {.words = 2, .key_words = 1};
    const struct pw_resolve_layout *layout = &r->layout;
    enum pw_status status = pw_buffer_init(&r->memory, memory_bytes(layout), "resolving", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = r->memory.data;
    r->io = take(&at, layout->io_bytes);
    r->parent = (void *)take(&at, layout->range_labels * sizeof *r->parent);
    r->first = r->id = (void *)take(&at, layout->range_labels * sizeof *r->first);
    r->count = (void *)take(&at, layout->range_labels * sizeof *r->count);
    if (layout->n_ranges > 1) {
        r->link = (void *)take(&at, layout->range_labels * sizeof *r->link);
        for (int i = 0; i < PW_RESOLVE_QUEUES; i++)
            r->bucket_memory[i] = take(&at, pw_buckets_memory_bytes(&layout->buckets));
    }
    return pw_sorter_init(&r->objects, &by_first_voxel, layout->sorter_bytes, r->scratch_dir, error);
}

static enum pw_status open_files(struct pw_resolve *r, struct pw_error *error)
{
    const struct pw_bucket_form *form = &r->layout.buckets;
    enum pw_status status = pw_scratch_open(&r->map->file, r->scratch_dir, "id map", error);
    if (status != PW_OK || r->layout.n_ranges == 1)
        return status;
    pw_blocks_init(&r->blocks, form->block_bytes, r->scratch_dir);
    pw_buckets_init(&r->inner, form, 1, &r->blocks, r->bucket_memory[0]);
    pw_buckets_init(&r->outer, form, 1, &r->blocks, r->bucket_memory[1]);
    pw_buckets_init(&r->facts, form, 3, &r->blocks, r->bucket_memory[2]);
    pw_buckets_init(&r->requests, form, 1, &r->blocks, r->bucket_memory[3]);
    return pw_scratch_open(&r->parents, r->scratch_dir, "parents of labels", error);
}

enum pw_status pw_resolve_tell(struct pw_resolve *r, uint64_t n, struct pw_error *error)
{
    double now = pw_host_seconds();
    r->done.done += n;
    if (r->watch.progress == NULL || now - r->told < 0.1)
        return PW_OK;
    r->told = now;
    r->done.seconds = now - r->began;
    return r->watch.progress(&r->done, r->watch.user) == 0 ? PW_OK : pw_fail(error, PW_E_CANCELLED, "stopped");
}

/* From the last range to the first: whole objects go to the sorter. */
static enum pw_status contract(struct pw_resolve *r, struct pw_error *error)
{
    for (uint64_t i = 0; r->layout.n_ranges == 1 && i < r->layout.n_labels; i++)
        r->parent[i] = (uint32_t)i; /* edges are united as they are read */
    enum pw_status status = pw_resolve_take_edges(r, error);
    for (uint64_t range = r->layout.n_ranges; range-- > 0 && status == PW_OK;) {
        status = pw_resolve_unite(r, range, error);
        if (status == PW_OK)
            status = pw_resolve_gather(r, range, error);
        if (status == PW_OK)
            status = pw_resolve_tell(r, pw_resolve_range_labels(r, range), error);
    }
    return status;
}

/* From the first range to the last: the id map. */
static enum pw_status number(struct pw_resolve *r, struct pw_error *error)
{
    if (r->layout.n_ranges > 1) /* in the memory of a queue that has served */
        pw_buckets_init(&r->ids, &r->layout.buckets, 1, &r->blocks, r->bucket_memory[0]);
    enum pw_status status = pw_resolve_number(r, error);
    /* The file is longer than what is on disk: parts that have been merged are given back. */
    uint64_t sorted_bytes = pw_min_u64(r->objects.file_bytes, 2 * r->objects.n_added * 2 * sizeof(uint64_t));
    pw_sorter_destroy(&r->objects);
    r->map->id_bytes = r->map->n_objects > UINT32_MAX ? 8 : 4;
    for (uint64_t range = 0; range < r->layout.n_ranges && status == PW_OK; range++) {
        status = pw_resolve_give_ids(r, range, error);
        if (status == PW_OK)
            status = pw_resolve_tell(r, pw_resolve_range_labels(r, range), error);
    }
    r->map->scratch_bytes = pw_max_u64(sorted_bytes, r->layout.n_labels * r->map->id_bytes);
    if (r->layout.n_ranges > 1)
        r->map->scratch_bytes += pw_blocks_file_bytes(&r->blocks) + r->layout.n_labels * sizeof *r->parent;
    return status;
}

static enum pw_status number_labels(const struct pw_grid *grid, const struct pw_stage *stage, struct pw_id_map *map,
                                    struct pw_error *error)
{
    map->offset = pw_alloc(grid->n_tiles + 1, sizeof *map->offset, error);
    if (map->offset == NULL)
        return PW_E_NOMEM;
    for (uint64_t tile = 0; tile < grid->n_tiles; tile++)
        map->offset[tile + 1] = map->offset[tile] + stage->entry[tile].n_labels;
    return PW_OK;
}

enum pw_status pw_resolve(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_edge_file *edges,
                          const struct pw_rule *rule, const struct pw_object_filter *filter,
                          const struct pw_resolve_watch *watch, uint64_t memory, const char *scratch_dir,
                          struct pw_id_map *map, struct pw_error *error)
{
    struct pw_resolve r = {.grid = grid,
                           .stage = stage,
                           .edges = edges,
                           .rule = rule,
                           .filter = filter != NULL ? *filter : (struct pw_object_filter){0},
                           .watch = watch != NULL ? *watch : (struct pw_resolve_watch){0},
                           .done = {.pass = PW_PASS_RESOLVE},
                           .began = pw_host_seconds(),
                           .scratch_dir = scratch_dir,
                           .map = map,
                           .parents.fd = -1};
    memset(map, 0, sizeof *map);
    map->file.fd = -1;
    enum pw_status status = number_labels(grid, stage, map, error);
    if (status == PW_OK)
        status = pw_resolve_layout_init(&r.layout, map->offset[grid->n_tiles], memory, error);
    if (status == PW_OK)
        status = reserve(&r, error);
    if (status == PW_OK)
        status = open_files(&r, error);
    r.done.total = edges->n_written + 2 * r.layout.n_labels;
    if (status == PW_OK)
        status = contract(&r, error);
    if (status == PW_OK)
        status = number(&r, error);
    pw_sorter_destroy(&r.objects);
    pw_blocks_close(&r.blocks);
    pw_scratch_close(&r.parents);
    pw_buffer_release(&r.memory);
    if (status != PW_OK)
        pw_id_map_release(map);
    return status;
}
