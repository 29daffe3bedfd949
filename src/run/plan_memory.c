#include "run/plan_memory.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "merge/leftovers.h"
#include "merge/repaint.h"
#include "merge/seams.h"
#include "output/puller.h"
#include "run/image_statistics.h"
#include "run/journal.h"
#include "run/kept_maxima.h"
#include "run/mask_tiles.h"
#include "run/reshape.h"
#include "run/run_objects.h"
#include "tile/tile_set.h"

struct sum {
    struct pw_plan *plan;
    uint64_t bytes;
};

static void add(struct sum *sum, const char *name, uint64_t count, uint64_t bytes_each)
{
    uint64_t bytes;
    if (!pw_mul_u64(count, bytes_each, &bytes) || !pw_add_u64(sum->bytes, bytes, &sum->bytes))
        sum->bytes = UINT64_MAX;
    if (sum->plan != NULL && sum->plan->n_parts < PW_PLAN_PARTS_MAX && bytes > 0) {
        struct pw_plan_part *part = &sum->plan->part[sum->plan->n_parts++];
        (void)snprintf(part->name, sizeof part->name, "%s", name);
        part->count = count;
        part->bytes = bytes;
    }
}

void pw_job_record_limits(const struct pw_job *job, struct pw_record_limits *limits)
{
    memset(limits, 0, sizeof *limits);
    memcpy(limits->shape, job->grid.tile, sizeof limits->shape);
    if (job->sizes.keeps_rims) /* the window less its context, which may be less at the volume's border */
        pw_grid_window_max(&job->grid, limits->shape);
    limits->labels_unordered = job->sizes.keeps_rims;
    for (int i = 0; i < 3; i++)
        limits->has_faces[i] = job->grid.count[i] > 1;
    limits->labels_may_touch =
        job->segmenter.labels_may_touch || job->sizes.rule.merge == PW_MERGE_WITNESS || pw_job_reshapes(job);
    limits->with_values = job->segmenter.joins_equal_only;
}

uint64_t pw_plan_lasting_bytes(const struct pw_job *job)
{
    return pw_stage_memory_bytes(job->grid.n_tiles) + pw_id_map_memory_bytes(job->grid.n_tiles) +
           pw_edge_file_memory_bytes() + pw_tile_set_memory_bytes(job->grid.n_tiles);
}

/* What the segmenter's workers share. */
static uint64_t shared_bytes(const struct pw_job *job, const struct pw_sizes *s)
{
    uint64_t window[3];
    if (job->segmenter.ops->shared_bytes == NULL)
        return 0;
    pw_grid_window_max(&job->grid, window);
    return job->segmenter.ops->shared_bytes(&job->segmenter, s->tile_threads, window);
}

uint64_t pw_plan_pass1_bytes(const struct pw_job *job, const struct pw_sizes *s, struct pw_plan *plan)
{
    struct sum sum = {plan, 0};
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    add(&sum, "tile index, edge buffer", 1, pw_plan_lasting_bytes(job));
    add(&sum, "tile slots", s->depth, pw_slot_memory_bytes(&s->load, s->least_slot_bytes));
    add(&sum, "image statistics", 1, pw_image_statistics_bytes(&job->segmenter));
    add(&sum, "segmenter workers", s->tile_threads, pw_segment_worker_bytes(job));
    add(&sum, "worker processes' tiles", 1, shared_bytes(job, s));
    add(&sum, "object records", s->tile_threads, pw_tile_objects_bytes(job));
    add(&sum, "maxima of bricks", 1, pw_maxima_memory_bytes(job));
    add(&sum, "mask", s->tile_threads, pw_tile_mask_bytes(job));
    add(&sum, "decoders", s->tile_threads, pw_load_scratch_memory_bytes(&s->load, &job->volume));
    add(&sum, "reader and chunk cache", 1, pw_loader_memory_bytes(&s->load, &job->volume));
    add(&sum, "seams", 1, pw_seams_memory_bytes(&job->grid, &limits, &s->rule));
    return sum.bytes;
}

uint64_t pw_plan_pass2_bytes(const struct pw_job *job, struct pw_plan *plan)
{
    struct sum sum = {plan, 0};
    struct pw_record_limits limits;
    uint64_t tile_bytes;
    pw_job_record_limits(job, &limits);
    add(&sum, "tile index, edge buffer (resolve)", 1, pw_plan_lasting_bytes(job));
    if (job->options->drop_covered)
        add(&sum, "leftover labels (resolve)", 1, pw_leftovers_memory_bytes(job->grid.n_tiles));
    add(&sum, "sorting and joining, at least (resolve)", 1, PW_RESOLVE_LEAST);
    add(&sum, "objects in another shape (resolve)", 1, pw_reshape_memory_bytes(job));
    if (job->sizes.rule.merge != PW_MERGE_WITNESS)
        return sum.bytes;
    tile_bytes = pw_max_u64(pw_witness_memory_bytes(&limits), pw_repaint_memory_bytes(&job->grid, &limits));
    add(&sum, "painted tile (resolve)", 1,
        tile_bytes + pw_stage_memory_bytes(job->grid.n_tiles) + pw_edge_file_memory_bytes());
    return sum.bytes;
}

uint64_t pw_plan_pass3_bytes(const struct pw_job *job, const struct pw_sizes *s, struct pw_plan *plan)
{
    struct sum sum = {plan, 0};
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    add(&sum, "tile index, edge buffer (emit)", 1, pw_plan_lasting_bytes(job));
    add(&sum, "label buffers (emit)", s->threads, pw_puller_memory_bytes(&limits, job->sink->pull));
    add(&sum, "output (emit)", 1, job->sink->shared_bytes);
    add(&sum, "writers (emit)", s->threads, job->sink->ops->writer_memory_bytes(job->sink));
    return sum.bytes;
}

uint64_t pw_plan_table_bytes(const struct pw_job *job, const struct pw_sizes *s, struct pw_plan *plan)
{
    struct sum sum = {plan, 0};
    uint64_t bytes = pw_run_objects_bytes(job, s->threads);
    if (bytes == 0)
        return 0;
    add(&sum, "tile index, edge buffer (table)", 1, pw_plan_lasting_bytes(job));
    add(&sum, "table of objects, at least (table)", 1, bytes);
    return sum.bytes;
}

uint64_t pw_plan_resume_bytes(const struct pw_job *job)
{
    struct pw_record_limits limits;
    uint64_t bytes = pw_journal_memory_bytes(job);
    if (bytes == 0)
        return 0;
    pw_job_record_limits(job, &limits);
    return bytes + pw_plan_lasting_bytes(job) + pw_seams_memory_bytes(&job->grid, &limits, &job->sizes.rule);
}

uint64_t pw_plan_search_bytes(const struct pw_job *job)
{
    struct pw_record_limits limits;
    uint64_t bytes = pw_mask_search_bytes(job);
    if (bytes == 0)
        return 0;
    pw_job_record_limits(job, &limits);
    return bytes + pw_plan_lasting_bytes(job) + pw_seams_memory_bytes(&job->grid, &limits, &job->sizes.rule) +
           pw_maxima_memory_bytes(job);
}
