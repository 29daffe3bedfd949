/* pw_explain(): the labels, candidates and masks that made one object of a kept stage. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "ext/sorter.h"
#include "merge/label_extent.h"
#include "run/kept_merge.h"

enum {
    EDGES_AT_A_TIME = 4096
};

/* The ids of the labels of the tile that was looked up last. */
struct id_cache {
    uint64_t tile;
    uint64_t *id;
};

/* The labels of one record of a stage. */
struct tile_labels {
    const struct pw_stage *stage;
    struct pw_record_reader reader;
    struct pw_label_fact *fact;
    struct pw_label_extent *extent;
};

/* A candidate as it is sorted: the smaller end first. */
struct link {
    uint64_t end[2]; /* tile << 32 | local id */
    uint64_t shared, flags;
    uint64_t sizes;     /* first << 32 | second */
    uint64_t object[2]; /* before anything is painted */
};

enum {
    LINK_WORDS = sizeof(struct link) / sizeof(uint64_t)
};

struct look {
    struct pw_job *job;
    const struct pw_explain_calls *calls;
    struct pw_kept_objects objects;
    struct pw_explained about;
    uint64_t part;             /* the object before anything is painted */
    unsigned char *has_labels; /* of it: a bit for every tile */
    struct id_cache ids[2];
    uint64_t *owner;
    struct tile_labels seen, painted;
    struct pw_sorter links;
    struct pw_scratch finals; /* under witness: the final id of every object of parts */
};

/* ---- buffers ----------------------------------------------------------- */

static uint64_t look_bytes(const struct pw_job *job)
{
    uint64_t labels = pw_stage_most_labels(&job->stage), n_tiles = job->grid.n_tiles, voxels;
    uint64_t each = sizeof(struct pw_label_fact) + sizeof(struct pw_label_extent);
    uint64_t bytes = pw_kept_objects_memory_bytes(n_tiles) + n_tiles / 8 + pw_stage_largest_record(&job->stage);
    bytes += labels * (each + 3 * sizeof(uint64_t)) + EDGES_AT_A_TIME * sizeof(struct pw_edge);
    if (job->sizes.rule.merge != PW_MERGE_WITNESS || !pw_product_u64(job->grid.tile, 3, &voxels))
        return bytes;
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    memcpy(limits.shape, job->grid.tile, sizeof limits.shape);
    return bytes + pw_record_bytes_max(&limits) + voxels * (each + sizeof(uint64_t));
}

static enum pw_status init_labels(struct tile_labels *labels, const struct look *look, const struct pw_stage *stage,
                                  struct pw_error *error)
{
    uint64_t n = pw_max_u64(pw_stage_most_labels(stage), 1);
    labels->stage = stage;
    labels->fact = pw_alloc(n, sizeof *labels->fact, error);
    labels->extent = pw_alloc(n, sizeof *labels->extent, error);
    if (labels->fact == NULL || labels->extent == NULL)
        return PW_E_NOMEM;
    return pw_record_reader_init(&labels->reader, &look->job->grid, stage, error);
}

static void release_labels(struct tile_labels *labels)
{
    pw_record_reader_release(&labels->reader);
    free(labels->fact);
    free(labels->extent);
}

static enum pw_status reserve(struct look *look, struct pw_error *error)
{
    const struct pw_stage *stage = &look->job->stage;
    uint64_t labels = pw_max_u64(pw_stage_most_labels(stage), pw_stage_most_labels(look->objects.final_stage));
    for (int i = 0; i < 2; i++) {
        look->ids[i].tile = UINT64_MAX;
        look->ids[i].id = pw_alloc(pw_max_u64(labels, 1), sizeof *look->ids[i].id, error);
        if (look->ids[i].id == NULL)
            return PW_E_NOMEM;
    }
    look->owner = pw_alloc(pw_max_u64(labels, 1), sizeof *look->owner, error);
    look->has_labels = pw_alloc(look->job->grid.n_tiles / 8 + 1, 1, error);
    if (look->owner == NULL || look->has_labels == NULL)
        return PW_E_NOMEM;
    enum pw_status status = init_labels(&look->seen, look, stage, error);
    if (status == PW_OK && look->objects.is_painted)
        status = init_labels(&look->painted, look, look->objects.final_stage, error);
    return status;
}

static void release(struct look *look)
{
    for (int i = 0; i < 2; i++)
        free(look->ids[i].id);
    free(look->owner);
    free(look->has_labels);
    release_labels(&look->seen);
    release_labels(&look->painted);
    pw_sorter_destroy(&look->links);
    pw_scratch_close(&look->finals);
    pw_kept_objects_release(&look->objects);
}

/* Facts and extents of the labels of tile, over all of the box that its record keeps. */
static enum pw_status load_labels(struct tile_labels *labels, uint64_t tile, struct pw_error *error)
{
    enum pw_status status = pw_record_reader_load(&labels->reader, tile, error);
    const struct pw_record_header *header = &labels->reader.header;
    if (status == PW_OK)
        status = pw_table_decode(labels->reader.record + header->table, (size_t)(header->planes - header->table),
                                 header->n_labels, labels->fact, error);
    if (status == PW_OK)
        status = pw_label_extents(&labels->reader, &labels->reader.box, labels->extent, error);
    return status;
}

static void find_first(const struct pw_grid *grid, uint64_t tile, const struct pw_label_fact *fact, uint64_t first[3])
{
    struct pw_box core = pw_grid_core(grid, tile);
    memset(first, 0, 3 * sizeof *first);
    if (fact->voxels == 0)
        return;
    first[2] = core.start[2] + fact->first % core.shape[2];
    first[1] = core.start[1] + fact->first / core.shape[2] % core.shape[1];
    first[0] = core.start[0] + fact->first / core.shape[2] / core.shape[1];
}

static void find_box(const struct pw_box *box, const struct pw_label_extent *extent, uint64_t start[3],
                     uint64_t shape[3])
{
    for (int i = 0; i < 3; i++) {
        start[i] = box->start[i] + extent->low[i];
        shape[i] = extent->high[i] - extent->low[i];
    }
}

/* ---- which object ------------------------------------------------------ */

/* The object of parts that became the final id. */
static enum pw_status find_part(struct look *look, struct pw_error *error)
{
    const struct pw_kept_objects *o = &look->objects;
    uint64_t *id = look->ids[0].id, n;
    look->part = look->about.id;
    if (!o->is_painted)
        return PW_OK;
    for (uint64_t tile = 0; tile < look->job->grid.n_tiles; tile++) {
        n = o->painted.entry[tile].n_labels;
        enum pw_status status = pw_id_map_read(&o->painted_map, tile, id, n, error);
        if (status != PW_OK)
            return status;
        for (uint64_t i = 0; i < n; i++)
            if (id[i] == look->about.id)
                return pw_file_read_exactly(o->origins.fd, &look->part, sizeof look->part,
                                            (o->painted_map.offset[tile] + i) * sizeof look->part, o->origins.name,
                                            error);
    }
    return pw_fail(error, PW_E_INTERNAL, "object %llu has no label", (unsigned long long)look->about.id);
}

/* Final ids by objects of parts: what is not written reads as 0. */
static enum pw_status write_finals(struct look *look, struct pw_sorter *pairs, struct pw_error *error)
{
    enum {
        BUFFERED = 8192
    };
    uint64_t pair[2] = {0}, n_parts = look->objects.parts.n_objects + 1;
    uint64_t *buffer = pw_alloc(BUFFERED, sizeof *buffer, error);
    if (buffer == NULL)
        return PW_E_NOMEM;
    enum pw_status next = pw_sorter_next(pairs, pair, error), status = next < 0 ? next : PW_OK;
    for (uint64_t at = 0; at < n_parts && status == PW_OK; at += BUFFERED) {
        uint64_t n = pw_min_u64(BUFFERED, n_parts - at);
        memset(buffer, 0, BUFFERED * sizeof *buffer);
        while (next == PW_OK && pair[0] < at + n) {
            buffer[pair[0] - at] = pair[1];
            next = pw_sorter_next(pairs, pair, error);
        }
        status = next < 0 ? next
                          : pw_file_write(look->finals.fd, buffer, (size_t)n * sizeof *buffer, at * sizeof *buffer,
                                          look->finals.name, error);
    }
    free(buffer);
    return status;
}

/* From the ids and the origins of the painted labels, side by side. */
static enum pw_status collect_finals(struct look *look, struct pw_sorter *pairs, struct pw_error *error)
{
    const struct pw_kept_objects *o = &look->objects;
    uint64_t *id = look->ids[0].id, *origin = look->ids[1].id;
    enum pw_status status = PW_OK;
    for (uint64_t tile = 0; tile < look->job->grid.n_tiles && status == PW_OK; tile++) {
        uint64_t n = o->painted.entry[tile].n_labels;
        status = pw_id_map_read(&o->painted_map, tile, id, n, error);
        if (status == PW_OK)
            status = pw_file_read_exactly(o->origins.fd, origin, (size_t)n * sizeof *origin,
                                          o->painted_map.offset[tile] * sizeof *origin, o->origins.name, error);
        for (uint64_t i = 0; i < n && status == PW_OK; i++) {
            uint64_t pair[2] = {origin[i], id[i]};
            status = pw_sorter_add(pairs, pair, error);
        }
    }
    return status == PW_OK ? pw_sorter_finish(pairs, error) : status;
}

static enum pw_status find_finals(struct look *look, struct pw_error *error)
{
    static const struct pw_sorter_form form = {.words = 2, .key_words = 1, .combine = pw_sorter_keep_first};
    struct pw_sorter pairs = {0};
    if (!look->objects.is_painted)
        return PW_OK;
    enum pw_status status =
        pw_sorter_init(&pairs, &form, look->job->sizes.resolve_bytes, look->job->scratch_dir, error);
    if (status == PW_OK)
        status = collect_finals(look, &pairs, error);
    if (status == PW_OK)
        status = pw_scratch_open(&look->finals, look->job->scratch_dir, "final ids", error);
    if (status == PW_OK)
        status = write_finals(look, &pairs, error);
    pw_sorter_destroy(&pairs);
    look->ids[0].tile = look->ids[1].tile = UINT64_MAX;
    return status;
}

static enum pw_status final_of(const struct look *look, uint64_t part, uint64_t *final, struct pw_error *error)
{
    *final = part;
    if (part == look->part)
        *final = look->about.id;
    else if (look->objects.is_painted)
        return pw_file_read_exactly(look->finals.fd, final, sizeof *final, part * sizeof *final, look->finals.name,
                                    error);
    return PW_OK;
}

/* ---- labels ------------------------------------------------------------ */

static enum pw_status read_owners(struct look *look, uint64_t tile, struct pw_error *error)
{
    uint64_t n = look->job->stage.entry[tile].n_labels;
    return look->objects.is_painted ? pw_owners_read(&look->objects.owners, tile, look->owner, n, error) : PW_OK;
}

static void tell_label(const struct look *look, uint64_t tile, uint64_t i)
{
    const struct tile_labels *seen = &look->seen;
    const struct pw_explained *about = &look->about;
    struct pw_explained_label label = {.tile = tile, .label = (uint32_t)(i + 1), .core_voxels = seen->fact[i].voxels};
    label.is_owner = about->has_owner && tile == about->owner_tile && label.label == about->owner_label;
    pw_grid_position(&look->job->grid, tile, label.position);
    find_first(&look->job->grid, tile, &seen->fact[i], label.first);
    find_box(&seen->reader.box, &seen->extent[i], label.box_start, label.box_shape);
    look->calls->label(&label, look->calls->user);
}

/* Hands every label of the object to take, tile by tile, with its tile's ids in look->ids[0]. */
typedef enum pw_status (*take_tile_fn)(struct look *look, uint64_t tile, struct pw_error *error);

static enum pw_status for_each_tile(struct look *look, take_tile_fn take, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint64_t tile = 0; tile < look->job->grid.n_tiles && status == PW_OK; tile++) {
        uint64_t n = look->job->stage.entry[tile].n_labels, i = 0;
        status = pw_id_map_read(&look->objects.parts, tile, look->ids[0].id, n, error);
        while (status == PW_OK && i < n && look->ids[0].id[i] != look->part)
            i++;
        if (status == PW_OK && i < n)
            status = take(look, tile, error);
    }
    look->ids[0].tile = UINT64_MAX;
    return status;
}

/* Whether local id i + 1, which no other tile knows of, touches no artificial face of what its tile saw. */
static enum pw_status is_whole(struct look *look, uint64_t tile, uint64_t i, int *whole, struct pw_error *error)
{
    enum pw_status status = load_labels(&look->seen, tile, error);
    const struct pw_box *box = &look->seen.reader.box;
    const struct pw_label_extent *e = &look->seen.extent[i];
    *whole = 1;
    for (int a = 0; a < 3 && status == PW_OK; a++) {
        int at_low = e->low[a] == 0 && box->start[a] > 0;
        int at_high = e->high[a] == box->shape[a] && box->start[a] + box->shape[a] < look->job->grid.volume[a];
        *whole &= !at_low && !at_high;
    }
    return status;
}

/* The owner is told by any label of the object. */
static enum pw_status find_owner(struct look *look, uint64_t tile, struct pw_error *error)
{
    uint64_t n = look->job->stage.entry[tile].n_labels;
    look->has_labels[tile / 8] |= (unsigned char)(1 << tile % 8);
    enum pw_status status = read_owners(look, tile, error);
    for (uint64_t i = 0; look->objects.is_painted && i < n && status == PW_OK; i++) {
        int owns = look->owner[i] == PW_OWNER_FIRST + look->objects.parts.offset[tile] + i;
        if (look->ids[0].id[i] != look->part)
            continue;
        if (look->owner[i] == PW_OWNER_PRIVATE)
            status = is_whole(look, tile, i, &owns, error);
        if (owns) {
            look->about.has_owner = 1;
            look->about.owner_tile = tile;
            look->about.owner_label = (uint32_t)(i + 1);
        }
    }
    return status;
}

static enum pw_status tell_labels(struct look *look, uint64_t tile, struct pw_error *error)
{
    enum pw_status status = load_labels(&look->seen, tile, error);
    for (uint64_t i = 0; status == PW_OK && i < look->seen.reader.header.n_labels; i++)
        if (look->ids[0].id[i] == look->part)
            tell_label(look, tile, i);
    return status;
}

/* ---- candidates -------------------------------------------------------- */

static int may_have(const struct look *look, uint64_t tile)
{
    return look->has_labels[tile / 8] >> tile % 8 & 1;
}

static enum pw_status object_of(struct look *look, struct id_cache *cache, uint64_t tile, uint32_t label,
                                uint64_t *object, struct pw_error *error)
{
    uint64_t n = look->job->stage.entry[tile].n_labels;
    if (label == 0 || label > n)
        return pw_fail(error, PW_E_FORMAT, "%s: names label %u of tile %llu, which has %llu",
                       look->job->edges.file.name, label, (unsigned long long)tile, (unsigned long long)n);
    if (cache->tile != tile) {
        enum pw_status status = pw_id_map_read(&look->objects.parts, tile, cache->id, n, error);
        if (status != PW_OK)
            return status;
        cache->tile = tile;
    }
    *object = cache->id[label - 1];
    return PW_OK;
}

static enum pw_status add_edge(struct look *look, const struct pw_edge *edge, struct pw_error *error)
{
    uint64_t a = (uint64_t)edge->tile_a << 32 | edge->label_a, b = (uint64_t)edge->tile_b << 32 | edge->label_b;
    int swapped = a > b;
    struct link link = {.end = {swapped ? b : a, swapped ? a : b}, .shared = edge->shared, .flags = edge->flags};
    uint64_t size_a = edge->size_a, size_b = edge->size_b, object_a, object_b;
    if (edge->tile_a >= look->job->grid.n_tiles || edge->tile_b >= look->job->grid.n_tiles)
        return pw_fail(error, PW_E_FORMAT, "%s: names a tile that is not there", look->job->edges.file.name);
    if (!may_have(look, edge->tile_a) && !may_have(look, edge->tile_b))
        return PW_OK;
    enum pw_status status = object_of(look, &look->ids[0], edge->tile_a, edge->label_a, &object_a, error);
    if (status == PW_OK)
        status = object_of(look, &look->ids[1], edge->tile_b, edge->label_b, &object_b, error);
    if (status != PW_OK || (object_a != look->part && object_b != look->part))
        return status;
    link.sizes = swapped ? size_b << 32 | size_a : size_a << 32 | size_b;
    link.object[0] = swapped ? object_b : object_a;
    link.object[1] = swapped ? object_a : object_b;
    return pw_sorter_add(&look->links, link.end, error);
}

static enum pw_status collect_edges(struct look *look, struct pw_error *error)
{
    struct pw_edge *edge = pw_alloc(EDGES_AT_A_TIME, sizeof *edge, error);
    uint64_t at = 0;
    uint32_t n = 1;
    enum pw_status status = edge == NULL ? PW_E_NOMEM : PW_OK;
    while (status == PW_OK && n > 0) {
        status = pw_edge_file_read(&look->job->edges, NULL, &at, edge, EDGES_AT_A_TIME, &n, error);
        for (uint32_t i = 0; i < n && status == PW_OK; i++)
            status = add_edge(look, &edge[i], error);
    }
    free(edge);
    return status == PW_OK ? pw_sorter_finish(&look->links, error) : status;
}

/* What the rule compares with tau. */
static double score_of(const struct pw_rule *rule, double shared, double a, double b)
{
    if (pw_rule_family(rule) == PW_FAMILY_TOUCH)
        return NAN;
    if (rule->merge == PW_MERGE_OVERLAP && rule->metric == PW_METRIC_MUTUAL)
        return (shared / a + shared / b) / 2;
    if (rule->merge == PW_MERGE_OVERLAP && rule->metric == PW_METRIC_IOMIN)
        return shared / (a < b ? a : b);
    return shared / (a + b - shared);
}

static enum pw_status tell_edge(struct look *look, const struct link *link, struct pw_error *error)
{
    const struct pw_rule *rule = &look->job->sizes.rule;
    struct pw_edge edge = {.tile_a = (uint32_t)(link->end[0] >> 32),
                           .label_a = (uint32_t)link->end[0],
                           .tile_b = (uint32_t)(link->end[1] >> 32),
                           .label_b = (uint32_t)link->end[1],
                           .shared = (uint32_t)link->shared,
                           .size_a = (uint32_t)(link->sizes >> 32),
                           .size_b = (uint32_t)link->sizes,
                           .flags = (uint32_t)link->flags};
    struct pw_explained_edge told = {.tile = {edge.tile_a, edge.tile_b},
                                     .label = {edge.label_a, edge.label_b},
                                     .shared = edge.shared,
                                     .size = {edge.size_a, edge.size_b},
                                     .score = score_of(rule, edge.shared, edge.size_a, edge.size_b),
                                     .is_best = (edge.flags & PW_EDGE_BEST) != 0,
                                     .is_accepted = pw_rule_accepts(rule, &edge)};
    enum pw_status status = final_of(look, link->object[0], &told.object[0], error);
    if (status == PW_OK)
        status = final_of(look, link->object[1], &told.object[1], error);
    if (status == PW_OK)
        look->calls->edge(&told, look->calls->user);
    return status;
}

/* Candidates are logged in the order in which tiles were done, and those of touch repeatedly: they are sorted. */
static enum pw_status tell_edges(struct look *look, struct pw_error *error)
{
    static const struct pw_sorter_form form = {.words = LINK_WORDS, .key_words = 2, .combine = pw_sorter_keep_first};
    struct link link;
    enum pw_status status =
        pw_sorter_init(&look->links, &form, look->job->sizes.resolve_bytes, look->job->scratch_dir, error);
    if (status == PW_OK)
        status = collect_edges(look, error);
    while (status == PW_OK) {
        status = pw_sorter_next(&look->links, link.end, error);
        if (status == PW_OK)
            status = tell_edge(look, &link, error);
    }
    return status == PW_EMPTY ? PW_OK : status;
}

/* ---- painted pieces ---------------------------------------------------- */

static void take_label(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    (void)row;
    (void)start;
    (void)end;
    *(uint32_t *)context = label;
}

/* Whose mask a piece is of: into the core of another tile only that of the owner is painted. */
static enum pw_status find_source(struct look *look, struct pw_explained_piece *piece, struct pw_error *error)
{
    struct pw_box voxel = {{piece->first[0], piece->first[1], piece->first[2]}, {1, 1, 1}};
    piece->source_tile = look->about.owner_tile;
    piece->source_label = look->about.owner_label;
    if (look->about.has_owner && piece->tile != look->about.owner_tile)
        return PW_OK;
    piece->source_tile = piece->tile;
    return pw_record_reader_visit(&look->seen.reader, &voxel, take_label, &piece->source_label, error);
}

static enum pw_status tell_pieces_of(struct look *look, uint64_t tile, const uint64_t *id, struct pw_error *error)
{
    struct tile_labels *painted = &look->painted;
    enum pw_status status = load_labels(painted, tile, error);
    if (status == PW_OK)
        status = pw_record_reader_load(&look->seen.reader, tile, error);
    for (uint64_t i = 0; status == PW_OK && i < painted->reader.header.n_labels; i++) {
        struct pw_explained_piece piece = {.tile = tile, .voxels = painted->fact[i].voxels};
        if (id[i] != look->about.id)
            continue;
        find_first(&look->job->grid, tile, &painted->fact[i], piece.first);
        find_box(&painted->reader.box, &painted->extent[i], piece.box_start, piece.box_shape);
        status = find_source(look, &piece, error);
        if (status == PW_OK)
            look->calls->piece(&piece, look->calls->user);
    }
    return status;
}

static enum pw_status tell_pieces(struct look *look, struct pw_error *error)
{
    const struct pw_kept_objects *o = &look->objects;
    uint64_t *id = look->ids[0].id;
    enum pw_status status = PW_OK;
    for (uint64_t tile = 0; o->is_painted && tile < look->job->grid.n_tiles && status == PW_OK; tile++) {
        uint64_t n = o->painted.entry[tile].n_labels, i = 0;
        status = pw_id_map_read(&o->painted_map, tile, id, n, error);
        while (status == PW_OK && i < n && id[i] != look->about.id)
            i++;
        if (status == PW_OK && i < n)
            status = tell_pieces_of(look, tile, id, error);
    }
    return status;
}

/* ---- the whole --------------------------------------------------------- */

static enum pw_status describe(struct look *look, uint64_t id, struct pw_error *error)
{
    struct pw_explained *about = &look->about;
    const struct pw_rule *rule = &look->job->sizes.rule;
    about->id = id;
    about->n_objects = look->objects.final_map->n_objects;
    about->is_painted = look->objects.is_painted;
    about->has_counts = pw_rule_family(rule) != PW_FAMILY_TOUCH;
    pw_rule_describe(rule, about->merge, sizeof about->merge);
    memcpy(about->tile, look->job->grid.tile, sizeof about->tile);
    memcpy(about->grid, look->job->grid.count, sizeof about->grid);
    if (id == 0 || id > about->n_objects)
        return pw_fail(error, PW_E_RANGE, "there is no object %llu: the stage has %llu objects (%s), from 1 on",
                       (unsigned long long)id, (unsigned long long)about->n_objects, about->merge);
    return PW_OK;
}

static enum pw_status explain(struct look *look, uint64_t id, struct pw_error *error)
{
    enum pw_status status = pw_kept_resolve(look->job, &look->objects, error);
    if (status == PW_OK)
        status = describe(look, id, error);
    if (status == PW_OK)
        status = reserve(look, error);
    if (status == PW_OK)
        status = find_part(look, error);
    if (status == PW_OK)
        status = find_finals(look, error);
    if (status == PW_OK)
        status = for_each_tile(look, find_owner, error);
    if (status != PW_OK)
        return status;
    look->calls->begin(&look->about, look->calls->user);
    status = for_each_tile(look, tell_labels, error);
    if (status == PW_OK)
        status = tell_edges(look, error);
    return status == PW_OK ? tell_pieces(look, error) : status;
}

enum pw_status pw_explain(const struct pw_run_options *given, uint64_t id, const struct pw_explain_calls *calls,
                          struct pw_error *error)
{
    struct pw_run_options options = *given;
    struct pw_kept kept;
    struct pw_job job;
    struct look look = {.job = &job, .calls = calls, .finals.fd = -1};
    pw_job_init(&job, &options);
    enum pw_status status = pw_kept_open_to_look(&job, &options, &kept, error);
    if (status == PW_OK)
        status = pw_job_plan_look(&job, look_bytes(&job), error);
    if (status == PW_OK)
        status = pw_kept_find_candidates(&job, given->input, &kept, error);
    if (status == PW_OK)
        status = explain(&look, id, error);
    release(&look);
    pw_job_close(&job);
    return status;
}
