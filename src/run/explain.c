/* pw_explain(): the labels, candidates and masks that made one object of a kept stage. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "run/reshape.h"
#include "run/explain_parts.h"

/* ---- buffers ----------------------------------------------------------- */

static uint64_t look_bytes(const struct pw_job *job)
{
    uint64_t labels = pw_stage_most_labels(&job->stage), n_tiles = job->grid.n_tiles, voxels;
    uint64_t each = sizeof(struct pw_label_fact) + sizeof(struct pw_label_extent);
    uint64_t bytes = pw_kept_objects_memory_bytes(n_tiles) + n_tiles / 8 + pw_stage_largest_record(&job->stage);
    bytes += labels * (each + 3 * sizeof(uint64_t)) + PW_EXPLAIN_EDGES * sizeof(struct pw_edge);
    if (job->sizes.rule.merge != PW_MERGE_WITNESS || !pw_product_u64(job->grid.tile, 3, &voxels))
        return bytes;
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    memcpy(limits.shape, job->grid.tile, sizeof limits.shape);
    return bytes + pw_record_bytes_max(&limits) + voxels * (each + sizeof(uint64_t));
}

static enum pw_status init_labels(struct pw_tile_labels *labels, const struct pw_explain_look *look,
                                  const struct pw_stage *stage, struct pw_error *error)
{
    uint64_t n = pw_max_u64(pw_stage_most_labels(stage), 1);
    labels->fact = pw_alloc(n, sizeof *labels->fact, error);
    labels->extent = pw_alloc(n, sizeof *labels->extent, error);
    if (labels->fact == NULL || labels->extent == NULL)
        return PW_E_NOMEM;
    return pw_record_reader_init(&labels->reader, &look->job->grid, stage, error);
}

static void release_labels(struct pw_tile_labels *labels)
{
    pw_record_reader_release(&labels->reader);
    free(labels->fact);
    free(labels->extent);
}

static enum pw_status reserve(struct pw_explain_look *look, struct pw_error *error)
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

static void release(struct pw_explain_look *look)
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

/* ---- records ----------------------------------------------------------- */

/* Facts and extents of the labels of tile, over all of the box that its record keeps. */
enum pw_status pw_explain_load(struct pw_tile_labels *labels, uint64_t tile, struct pw_error *error)
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

void pw_explain_first(const struct pw_grid *grid, uint64_t tile, const struct pw_label_fact *fact, uint64_t first[3])
{
    struct pw_box core = pw_grid_core(grid, tile);
    memset(first, 0, 3 * sizeof *first);
    if (fact->voxels == 0)
        return;
    first[2] = core.start[2] + fact->first % core.shape[2];
    first[1] = core.start[1] + fact->first / core.shape[2] % core.shape[1];
    first[0] = core.start[0] + fact->first / core.shape[2] / core.shape[1];
}

void pw_explain_box(const struct pw_box *box, const struct pw_label_extent *extent, uint64_t start[3],
                    uint64_t shape[3])
{
    for (int i = 0; i < 3; i++) {
        start[i] = box->start[i] + extent->low[i];
        shape[i] = extent->high[i] - extent->low[i];
    }
}

/* ---- which object ------------------------------------------------------ */

/* The object of parts that became the final id. */
static enum pw_status find_part(struct pw_explain_look *look, struct pw_error *error)
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

/* ---- labels ------------------------------------------------------------ */

static enum pw_status read_owners(struct pw_explain_look *look, uint64_t tile, struct pw_error *error)
{
    uint64_t n = look->job->stage.entry[tile].n_labels;
    return look->objects.is_painted ? pw_owners_read(&look->objects.owners, tile, look->owner, n, error) : PW_OK;
}

static void tell_label(const struct pw_explain_look *look, uint64_t tile, uint64_t i)
{
    const struct pw_tile_labels *seen = &look->seen;
    const struct pw_explained *about = &look->about;
    struct pw_explained_label label = {.tile = tile, .label = (uint32_t)(i + 1), .core_voxels = seen->fact[i].voxels};
    label.is_owner = about->has_owner && tile == about->owner_tile && label.label == about->owner_label;
    pw_grid_position(&look->job->grid, tile, label.position);
    pw_explain_first(&look->job->grid, tile, &seen->fact[i], label.first);
    pw_explain_box(&seen->reader.box, &seen->extent[i], label.box_start, label.box_shape);
    label.first[0] = pw_grid_z(&look->job->grid, label.first[0]);
    label.box_start[0] = pw_grid_z(&look->job->grid, label.box_start[0]);
    look->calls->label(&label, look->calls->user);
}

/* Hands every label of the object to take, tile by tile, with its tile's ids in look->ids[0]. */
typedef enum pw_status (*take_tile_fn)(struct pw_explain_look *look, uint64_t tile, struct pw_error *error);

static enum pw_status for_each_tile(struct pw_explain_look *look, take_tile_fn take, struct pw_error *error)
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
static enum pw_status is_whole(struct pw_explain_look *look, uint64_t tile, uint64_t i, int *whole,
                               struct pw_error *error)
{
    enum pw_status status = pw_explain_load(&look->seen, tile, error);
    const struct pw_box *box = &look->seen.reader.box;
    const struct pw_label_extent *e = &look->seen.extent[i];
    *whole = 1;
    for (int a = 0; a < 3 && status == PW_OK; a++) {
        int at_low = e->low[a] == 0 && !pw_grid_is_low_border(&look->job->grid, a, box->start[a]);
        int at_high =
            e->high[a] == box->shape[a] && !pw_grid_is_high_border(&look->job->grid, a, box->start[a] + box->shape[a]);
        *whole &= !at_low && !at_high;
    }
    return status;
}

/* The owner is told by any label of the object. */
static enum pw_status find_owner(struct pw_explain_look *look, uint64_t tile, struct pw_error *error)
{
    uint64_t n = look->job->stage.entry[tile].n_labels;
    look->has_labels[tile / 8] |= (unsigned char)(1 << tile % 8);
    look->about.time = pw_grid_time(&look->job->grid, tile);
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

static enum pw_status tell_labels(struct pw_explain_look *look, uint64_t tile, struct pw_error *error)
{
    enum pw_status status = pw_explain_load(&look->seen, tile, error);
    for (uint64_t i = 0; status == PW_OK && i < look->seen.reader.header.n_labels; i++)
        if (look->ids[0].id[i] == look->part)
            tell_label(look, tile, i);
    return status;
}

/* ---- the whole --------------------------------------------------------- */

static enum pw_status describe(struct pw_explain_look *look, uint64_t id, struct pw_error *error)
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
    about->times = look->job->grid.times;
    if (id == 0 || id > about->n_objects)
        return pw_fail(error, PW_E_RANGE, "there is no object %llu: the stage has %llu objects (%s), from 1 on",
                       (unsigned long long)id, (unsigned long long)about->n_objects, about->merge);
    return PW_OK;
}

static enum pw_status explain(struct pw_explain_look *look, uint64_t id, struct pw_error *error)
{
    enum pw_status status = pw_kept_resolve(look->job, &look->objects, error);
    if (status == PW_OK)
        status = describe(look, id, error);
    if (status == PW_OK)
        status = reserve(look, error);
    if (status == PW_OK)
        status = find_part(look, error);
    if (status == PW_OK)
        status = pw_explain_find_finals(look, error);
    if (status == PW_OK)
        status = for_each_tile(look, find_owner, error);
    if (status != PW_OK)
        return status;
    look->calls->begin(&look->about, look->calls->user);
    status = for_each_tile(look, tell_labels, error);
    if (status == PW_OK)
        status = pw_explain_tell_edges(look, error);
    return status == PW_OK ? pw_explain_tell_pieces(look, error) : status;
}

enum pw_status pw_explain(const struct pw_run_options *given, uint64_t id, const struct pw_explain_calls *calls,
                          struct pw_error *error)
{
    struct pw_run_options options = *given;
    struct pw_kept kept;
    struct pw_job job;
    struct pw_explain_look look = {.job = &job, .calls = calls, .finals.fd = -1};
    pw_job_init(&job, &options);
    enum pw_status status = pw_kept_open_to_look(&job, &options, &kept, error);
    if (status == PW_OK && pw_job_reshapes(&job))
        status =
            pw_fail(error, PW_E_UNSUPPORTED,
                    "%s: the run filled or dilated objects when they were merged, which gives them other ids; with "
                    "--dilate 0 ids are those that remerge writes with --dilate 0",
                    given->input);
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
