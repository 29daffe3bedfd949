#include "qc/seam_pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/label_extent.h"
#include "merge/seam.h"
#include "qc/fold.h"
#include "qc/plane_judge.h"
#include "qc/seam_verdict.h"
#include "qc/statistics.h"

/* One of the two stages: the tile at hand and a neighbour. */
struct side {
    struct pw_judged_stage of;
    struct pw_record_reader reader;
    uint64_t *id, *other_id;
};

struct work {
    const struct pw_seam_pass *pass;
    struct pw_seams_result *result;
    struct side seen, final; /* final has nothing of its own when the stages are one */
    int is_painted;
    struct pw_record_reader neighbour; /* of seen, where the tile itself has no label */
    struct pw_plane_judge judge;
    struct pw_seams overlap;
    struct pw_rule overlap_rule;
    struct pw_fold fold;
    struct pw_label_fact *fact;
    struct pw_label_extent *extent;
    uint64_t *extents[3]; /* how many labels are 0, 1, 2 .. long along each axis */
    uint64_t window[3];
};

/* ---- buffers ----------------------------------------------------------- */

/* What of the overlaps is matched is another matter than the rule's, but for the context. */
static struct pw_rule overlap_rule(const struct pw_rule *rule)
{
    struct pw_rule overlap = *rule;
    overlap.merge = PW_MERGE_OVERLAP;
    overlap.metric = PW_METRIC_IOU;
    return overlap;
}

uint64_t pw_seam_pass_memory_bytes(const struct pw_grid *grid, const struct pw_record_limits *limits,
                                   const struct pw_rule *rule, uint64_t n_labels, uint64_t record_bytes)
{
    uint64_t window[3];
    struct pw_rule overlap = overlap_rule(rule);
    pw_grid_window_max(grid, window);
    return pw_plane_judge_memory_bytes(grid) + pw_seams_memory_bytes(grid, limits, &overlap) + 3 * record_bytes +
           n_labels * (4 * sizeof(uint64_t) + sizeof(struct pw_label_fact) + sizeof(struct pw_label_extent)) +
           (window[0] + window[1] + window[2] + 3) * sizeof(uint64_t);
}

static enum pw_status init_side(struct side *side, const struct work *w, const struct pw_judged_stage *of,
                                struct pw_error *error)
{
    uint64_t n = pw_max_u64(pw_stage_most_labels(of->stage), 1);
    side->of = *of;
    side->id = pw_alloc(n, sizeof *side->id, error);
    side->other_id = pw_alloc(n, sizeof *side->other_id, error);
    if (side->id == NULL || side->other_id == NULL)
        return PW_E_NOMEM;
    return pw_record_reader_init(&side->reader, w->pass->grid, of->stage, error);
}

static void release_side(struct side *side)
{
    pw_record_reader_release(&side->reader);
    free(side->id);
    free(side->other_id);
}

static enum pw_status reserve(struct work *w, struct pw_error *error)
{
    const struct pw_seam_pass *pass = w->pass;
    uint64_t n = pw_max_u64(pw_stage_most_labels(pass->seen.stage), pw_stage_most_labels(pass->final.stage));
    pw_grid_window_max(pass->grid, w->window);
    for (int a = 0; a < 3; a++) {
        w->extents[a] = pw_alloc(w->window[a] + 1, sizeof *w->extents[a], error);
        if (w->extents[a] == NULL)
            return PW_E_NOMEM;
    }
    w->fact = pw_alloc(pw_max_u64(n, 1), sizeof *w->fact, error);
    w->extent = pw_alloc(pw_max_u64(n, 1), sizeof *w->extent, error);
    if (w->fact == NULL || w->extent == NULL)
        return PW_E_NOMEM;
    enum pw_status status = init_side(&w->seen, w, &pass->seen, error);
    if (status == PW_OK && w->is_painted)
        status = init_side(&w->final, w, &pass->final, error);
    if (status == PW_OK)
        status = pw_plane_judge_init(&w->judge, pass->grid, error);
    if (status == PW_OK && pass->with_overlaps)
        status = pw_record_reader_init(&w->neighbour, pass->grid, pass->seen.stage, error);
    if (status == PW_OK && pass->with_overlaps)
        status = pw_seams_init(&w->overlap, pass->grid, pass->limits, pass->seen.stage, &w->overlap_rule, NULL, error);
    if (status == PW_OK)
        status = pw_fold_init(&w->fold, pass->grid, pass->memory_bytes, pass->scratch_dir, error);
    return status;
}

static void release(struct work *w)
{
    release_side(&w->seen);
    release_side(&w->final);
    pw_record_reader_release(&w->neighbour);
    pw_plane_judge_release(&w->judge);
    pw_seams_release(&w->overlap);
    pw_fold_release(&w->fold);
    free(w->fact);
    free(w->extent);
    for (int a = 0; a < 3; a++)
        free(w->extents[a]);
}

/* ---- a tile ------------------------------------------------------------ */

static enum pw_status load(struct side *side, uint64_t tile, struct pw_error *error)
{
    enum pw_status status = pw_record_reader_load(&side->reader, tile, error);
    return status == PW_OK ? pw_id_map_read(side->of.map, tile, side->id, side->reader.header.n_labels, error) : status;
}

/* How long labels are that have something in the core, as the tile saw them. */
static enum pw_status count_extents(struct work *w, struct pw_error *error)
{
    const struct pw_record_reader *reader = &w->seen.reader;
    const struct pw_record_header *header = &reader->header;
    enum pw_status status = pw_table_decode(reader->record + header->table, (size_t)(header->planes - header->table),
                                            header->n_labels, w->fact, error);
    if (status == PW_OK)
        status = pw_label_extents(reader, &reader->box, w->extent, error);
    for (uint64_t i = 0; i < header->n_labels && status == PW_OK; i++)
        for (int a = 0; a < 3 && w->fact[i].voxels > 0; a++)
            w->extents[a][w->extent[i].high[a] - w->extent[i].low[a]]++;
    return status;
}

static enum pw_status add_boxes(struct work *w, const struct side *side, const struct pw_box *core,
                                struct pw_error *error)
{
    enum pw_status status = pw_label_extents(&side->reader, core, w->extent, error);
    for (uint64_t i = 0; i < side->reader.header.n_labels && status == PW_OK; i++) {
        const struct pw_label_extent *e = &w->extent[i];
        struct pw_box box;
        if (side->id[i] == 0 || e->high[0] == 0)
            continue;
        for (int a = 0; a < 3; a++) {
            box.start[a] = core->start[a] + e->low[a];
            box.shape[a] = e->high[a] - e->low[a];
        }
        status = pw_fold_add(&w->fold, side->id[i], &box, error);
    }
    return status;
}

/* ---- planes ------------------------------------------------------------ */

/* The plane in the middle of the core of the loaded tile. */
static enum pw_status judge_middle(struct work *w, const struct side *side, const struct pw_box *core, int axis,
                                   struct pw_plane_figures *figures, struct pw_error *error)
{
    struct pw_box layer = *core;
    layer.start[axis] += core->shape[axis] / 2 - 1;
    layer.shape[axis] = 1;
    enum pw_status status = pw_plane_take_layer(&side->reader, &layer, &w->judge.low, error);
    layer.start[axis]++;
    if (status == PW_OK)
        status = pw_plane_take_layer(&side->reader, &layer, &w->judge.high, error);
    return status == PW_OK ? pw_plane_judge(&w->judge, side->id, side->id, figures, error) : status;
}

/* The face between the loaded tile and the one behind it. */
static enum pw_status judge_face(struct work *w, struct side *side, uint64_t tile, uint64_t behind, int axis,
                                 struct pw_plane_figures *figures, struct pw_error *error)
{
    const struct pw_grid *grid = w->pass->grid;
    const struct pw_stage *stage = side->of.stage;
    enum pw_status status = pw_plane_take_face(&w->judge, grid, stage, tile, PW_FACE(axis, 1), &w->judge.low, error);
    if (status == PW_OK)
        status = pw_plane_take_face(&w->judge, grid, stage, behind, PW_FACE(axis, 0), &w->judge.high, error);
    if (status == PW_OK)
        status = pw_id_map_read(side->of.map, behind, side->other_id, stage->entry[behind].n_labels, error);
    return status == PW_OK ? pw_plane_judge(&w->judge, side->id, side->other_id, figures, error) : status;
}

/* Objects are cut or not as they are written. */
static void take_objects(struct pw_plane_figures *figures, const struct pw_plane_figures *final)
{
    figures->n_objects = final->n_objects;
    figures->n_cut = final->n_cut;
}

static enum pw_status judge_control(struct work *w, const struct pw_box *core, int axis, struct pw_error *error)
{
    struct pw_plane_figures figures, final;
    if (core->shape[axis] < 2)
        return PW_OK;
    enum pw_status status = judge_middle(w, &w->seen, core, axis, &figures, error);
    if (status == PW_OK && w->is_painted) {
        status = judge_middle(w, &w->final, core, axis, &final, error);
        take_objects(&figures, &final);
    }
    if (status == PW_OK)
        pw_plane_figures_add(&w->result->axis[axis].control, &figures);
    return status;
}

/* ---- overlaps ---------------------------------------------------------- */

struct adder {
    struct pw_contacts *contacts;
    int is_low;
};

static void add_size(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    const struct adder *adder = context;
    (void)row;
    pw_contacts_add(adder->contacts, adder->is_low ? label : 0, adder->is_low ? 0 : label, end - start);
}

/* Where one of the two tiles is empty there are sizes only. */
static enum pw_status count_alone(struct work *w, uint64_t tile, uint64_t behind, struct pw_error *error)
{
    const struct pw_grid *grid = w->pass->grid;
    struct adder adder = {&w->overlap.contacts, w->pass->seen.stage->entry[behind].n_labels == 0};
    struct pw_box a = pw_grid_reach(grid, tile, w->overlap_rule.context);
    struct pw_box b = pw_grid_reach(grid, behind, w->overlap_rule.context);
    struct pw_box both = pw_box_intersect(&a, &b);
    pw_contacts_clear(&w->overlap.contacts);
    enum pw_status status = pw_record_reader_load(&w->neighbour, adder.is_low ? tile : behind, error);
    return status == PW_OK ? pw_record_reader_visit(&w->neighbour, &both, add_size, &adder, error) : status;
}

static enum pw_status count_both(struct work *w, uint64_t tile, uint64_t behind, struct pw_error *error)
{
    struct pw_seam seam = {.seams = &w->overlap};
    seam.mine.tile = tile;
    seam.mine.record = w->seen.reader.record;
    seam.mine.header = w->seen.reader.header;
    seam.theirs.tile = behind;
    enum pw_status status = pw_stage_read_header(w->pass->seen.stage, behind, &seam.theirs.header, error);
    return status == PW_OK ? pw_seam_count_overlap(&seam, error) : status;
}

static void take_overlap(const struct pw_contacts *contacts, struct pw_overlap_figures *f)
{
    f->n_overlaps = 1;
    for (uint32_t i = 0; i < contacts->n; i++) {
        const struct pw_contact *c = &contacts->contact[i];
        if (c->mine == 0 || c->theirs == 0) {
            f->n_labels++;
            f->voxels_either += c->n;
            continue;
        }
        uint64_t sizes = (uint64_t)pw_contacts_size(contacts, c->mine, 0) + pw_contacts_size(contacts, 0, c->theirs);
        uint64_t either = sizes - c->n;
        f->voxels_both += c->n;
        if (2 * (uint64_t)c->n > either) { /* then neither has another such partner */
            f->n_matched += 2;
            f->agreement_sum += 2 * ((double)c->n / (double)either);
        }
    }
    f->voxels_either -= f->voxels_both;
}

static enum pw_status judge_overlap(struct work *w, uint64_t tile, uint64_t behind, int axis,
                                    struct pw_overlap_figures *figures, struct pw_error *error)
{
    const struct pw_stage_entry *entry = w->pass->seen.stage->entry;
    enum pw_status status = PW_OK;
    memset(figures, 0, sizeof *figures);
    if (!w->pass->with_overlaps || w->pass->grid->halo[axis] <= w->overlap_rule.context[axis])
        return PW_OK;
    if (entry[tile].n_labels > 0 && entry[behind].n_labels > 0)
        status = count_both(w, tile, behind, error);
    else
        status = count_alone(w, tile, behind, error);
    if (status == PW_OK && w->overlap.contacts.overflowed)
        return pw_fail(error, PW_E_BUDGET,
                       "tiles %llu and %llu: more pairs of labels meet where they overlap than are planned for",
                       (unsigned long long)tile, (unsigned long long)behind);
    if (status == PW_OK)
        take_overlap(&w->overlap.contacts, figures);
    return status;
}

/* ---- seams ------------------------------------------------------------- */

/* Keeps the worst, in order; of equals the first. */
static void keep_worst(struct pw_seams_result *result, const struct pw_seam_quality *seam)
{
    int at = result->n_worst;
    if (seam->badness <= 0)
        return;
    while (at > 0 && result->worst[at - 1].badness < seam->badness)
        at--;
    if (at == PW_WORST_SEAMS_MAX)
        return;
    if (result->n_worst < PW_WORST_SEAMS_MAX)
        result->n_worst++;
    memmove(&result->worst[at + 1], &result->worst[at], (size_t)(result->n_worst - 1 - at) * sizeof *seam);
    result->worst[at] = *seam;
}

static void describe(const struct work *w, struct pw_seam_quality *seam)
{
    const struct pw_grid *grid = w->pass->grid;
    const struct pw_plane_figures *f = &seam->plane;
    struct pw_box behind = pw_grid_core(grid, seam->tile[1]);
    pw_grid_position(grid, seam->tile[0], seam->position);
    memcpy(seam->start, behind.start, sizeof seam->start);
    seam->start[0] = pw_grid_z(grid, seam->start[0]);
    seam->time = pw_grid_time(grid, seam->tile[0]);
    memcpy(seam->shape, behind.shape, sizeof seam->shape);
    seam->shape[seam->axis] = 1;
    seam->badness = pw_proportion_at_least(f->n_cut, f->n_objects);
    if (w->pass->of_instances)
        seam->badness = fmax(seam->badness, pw_proportion_at_least(f->n_fused, f->n_labels));
}

static enum pw_status judge_seam(struct work *w, uint64_t tile, int axis, struct pw_error *error)
{
    struct pw_seam_quality seam = {.axis = axis, .tile = {tile}};
    struct pw_plane_figures final;
    int offset[3] = {0, 0, 0};
    offset[axis] = 1;
    if (!pw_grid_neighbour(w->pass->grid, tile, offset, &seam.tile[1]))
        return PW_OK;
    enum pw_status status = judge_face(w, &w->seen, tile, seam.tile[1], axis, &seam.plane, error);
    if (status == PW_OK && w->is_painted) {
        status = judge_face(w, &w->final, tile, seam.tile[1], axis, &final, error);
        take_objects(&seam.plane, &final);
    }
    if (status == PW_OK)
        status = judge_overlap(w, tile, seam.tile[1], axis, &seam.overlap, error);
    if (status != PW_OK)
        return status;
    describe(w, &seam);
    pw_plane_figures_add(&w->result->axis[axis].seams, &seam.plane);
    pw_overlap_figures_add(&w->result->axis[axis].overlaps, &seam.overlap);
    keep_worst(w->result, &seam);
    if (w->pass->each != NULL)
        w->pass->each(&seam, w->result, w->pass->user);
    return PW_OK;
}

static enum pw_status judge_tile(struct work *w, uint64_t tile, struct pw_error *error)
{
    struct pw_box core = pw_grid_core(w->pass->grid, tile);
    struct side *final = w->is_painted ? &w->final : &w->seen;
    enum pw_status status = load(&w->seen, tile, error);
    if (status == PW_OK && w->is_painted)
        status = load(&w->final, tile, error);
    if (status == PW_OK)
        status = count_extents(w, error);
    if (status == PW_OK)
        status = add_boxes(w, final, &core, error);
    for (int axis = 0; axis < 3 && status == PW_OK; axis++) {
        if (w->pass->grid->count[axis] == 1)
            continue;
        status = judge_control(w, &core, axis, error);
        if (status == PW_OK)
            status = judge_seam(w, tile, axis, error);
    }
    return status;
}

/* ---- the whole --------------------------------------------------------- */

static enum pw_status judge_all(struct work *w, struct pw_error *error)
{
    struct pw_seams_result *result = w->result;
    result->n_objects = w->pass->final.map->n_objects;
    for (int a = 0; a < 3; a++) {
        pw_seam_verdict(w->pass, w->extents[a], w->window[a], a, &result->axis[a]);
        result->axis[a].chi_square = result->axis[a].near_density = result->axis[a].inner_density = NAN;
        pw_plane_figures_add(&result->seams, &result->axis[a].seams);
        pw_plane_figures_add(&result->control, &result->axis[a].control);
        pw_overlap_figures_add(&result->overlaps, &result->axis[a].overlaps);
        result->is_worse |= result->axis[a].is_worse;
    }
    return pw_fold_finish(&w->fold, result->axis, error);
}

enum pw_status pw_seam_pass_run(const struct pw_seam_pass *pass, struct pw_seams_result *result, struct pw_error *error)
{
    struct work w = {.pass = pass, .result = result, .is_painted = pass->final.stage != pass->seen.stage};
    w.overlap_rule = overlap_rule(pass->rule);
    enum pw_status status = reserve(&w, error);
    for (uint64_t tile = 0; tile < pass->grid->n_tiles && status == PW_OK; tile++)
        status = judge_tile(&w, tile, error);
    if (status == PW_OK)
        status = judge_all(&w, error);
    release(&w);
    return status;
}
