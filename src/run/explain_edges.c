/* The candidates of an object, and the final ids of the objects at their ends. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "run/explain_parts.h"

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

/* ---- final ids --------------------------------------------------------- */

/* Final ids by objects of parts: what is not written reads as 0. */
static enum pw_status write_finals(struct pw_explain_look *look, struct pw_sorter *pairs, struct pw_error *error)
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
static enum pw_status collect_finals(struct pw_explain_look *look, struct pw_sorter *pairs, struct pw_error *error)
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

enum pw_status pw_explain_find_finals(struct pw_explain_look *look, struct pw_error *error)
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

static enum pw_status final_of(const struct pw_explain_look *look, uint64_t part, uint64_t *final,
                               struct pw_error *error)
{
    *final = part;
    if (part == look->part)
        *final = look->about.id;
    else if (look->objects.is_painted)
        return pw_file_read_exactly(look->finals.fd, final, sizeof *final, part * sizeof *final, look->finals.name,
                                    error);
    return PW_OK;
}

/* ---- candidates -------------------------------------------------------- */

static int may_have(const struct pw_explain_look *look, uint64_t tile)
{
    return look->has_labels[tile / 8] >> tile % 8 & 1;
}

static enum pw_status object_of(struct pw_explain_look *look, struct pw_id_cache *cache, uint64_t tile, uint32_t label,
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

static enum pw_status add_edge(struct pw_explain_look *look, const struct pw_edge *edge, struct pw_error *error)
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

static enum pw_status collect_edges(struct pw_explain_look *look, struct pw_error *error)
{
    struct pw_edge *edge = pw_alloc(PW_EXPLAIN_EDGES, sizeof *edge, error);
    uint64_t at = 0;
    uint32_t n = 1;
    enum pw_status status = edge == NULL ? PW_E_NOMEM : PW_OK;
    while (status == PW_OK && n > 0) {
        status = pw_edge_file_read(&look->job->edges, NULL, &at, edge, PW_EXPLAIN_EDGES, &n, error);
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

static enum pw_status tell_edge(struct pw_explain_look *look, const struct link *link, struct pw_error *error)
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
enum pw_status pw_explain_tell_edges(struct pw_explain_look *look, struct pw_error *error)
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
