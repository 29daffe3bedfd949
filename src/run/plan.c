/*
 * Sizing: the tile, the ring, and the sum of everything that can be resident.
 *
 * What the passes hold at once never exceeds the budget: pass 1 its ring, workers and
 * chunk cache; pass 2 what labels are joined and objects sorted in; pass 3 its writers and label
 * buffers; and with each what lives through all of them.
 */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/record_reader.h"
#include "merge/seams.h"
#include "run/choose_tile.h"
#include "run/job.h"
#include "run/mask_tiles.h"
#include "run/plan_memory.h"
#include "run/run_objects.h"
#include "run/skip_empty.h"
#include "segment/process_segmenter.h"
#include "sys/host.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

#define MIB ((uint64_t)1 << 20)

/* Runs, rows and local ids are 32-bit numbers: what holds no more voxels than that can be counted with them. */
static int is_countable(const uint64_t shape[3])
{
    return pw_tile_voxels(shape) <= UINT32_MAX;
}

static int windows_are_countable(const struct pw_grid *grid)
{
    uint64_t window[3];
    pw_grid_window_max(grid, window);
    return is_countable(window);
}

/* Fills sizes for the job's grid with depth slots and a cache of at most cached chunks. */
static enum pw_status size_for(struct pw_job *job, uint32_t depth, uint32_t cached, struct pw_error *error)
{
    struct pw_sizes *s = &job->sizes;
    uint64_t window[3];
    struct pw_record_limits limits;
    pw_grid_window_max(&job->grid, window);
    pw_job_record_limits(job, &limits);
    s->depth = (uint32_t)pw_min_u64(depth, pw_max_u64(job->grid.n_tiles, 1));
    enum pw_status status = pw_load_plan_init(&s->load, &job->volume, &job->grid, job->options->io, cached, error);
    if (status != PW_OK)
        return status;
    s->least_slot_bytes = pw_record_bytes_max(&limits);
    if (s->load.mode == PW_LOAD_MAP) /* a window that is a hole of the file is filled in there */
        s->least_slot_bytes =
            pw_max_u64(s->least_slot_bytes, pw_tile_voxels(window) * job->volume.voxel_bytes * job->volume.n_channels);
    s->planned_bytes = pw_max_u64(pw_plan_pass1_bytes(job, s, NULL), pw_plan_pass3_bytes(job, s, NULL));
    s->planned_bytes = pw_max_u64(s->planned_bytes, pw_plan_pass2_bytes(job, NULL));
    s->planned_bytes = pw_max_u64(s->planned_bytes, pw_plan_table_bytes(job, s, NULL));
    s->planned_bytes = pw_max_u64(s->planned_bytes, pw_skip_memory_bytes(job));
    s->planned_bytes = pw_max_u64(s->planned_bytes, pw_plan_resume_bytes(job));
    s->planned_bytes = pw_max_u64(s->planned_bytes, pw_plan_search_bytes(job));
    return PW_OK;
}

/* Tries one tile: the deepest ring and largest cache that fit; 0 slots when not even two do. */
static enum pw_status try_tile(struct pw_job *job, const uint64_t tile[3], const uint64_t halo[3], int *fits,
                               struct pw_error *error)
{
    *fits = 0;
    enum pw_status status =
        pw_grid_init_times(&job->grid, job->volume.shape, job->volume.times, &job->part, tile, halo, error);
    if (status != PW_OK)
        return status;
    if (!windows_are_countable(&job->grid))
        return PW_OK;
    unsigned threads = job->sizes.tile_threads;
    uint32_t wanted = threads == 1 ? 3 : 2 * threads + 2;
    uint32_t least = threads == 1 ? 2 : threads + 1;
    for (uint32_t depth = wanted; depth >= least && !*fits; depth--) {
        status = size_for(job, depth, 0, error);
        if (status != PW_OK)
            return status;
        *fits = job->sizes.planned_bytes <= job->sizes.budget_bytes;
    }
    uint64_t rest = job->sizes.budget_bytes - job->sizes.planned_bytes;
    uint32_t useful = pw_load_plan_useful_chunks(&job->volume, &job->grid);
    if (!*fits || useful == 0)
        return PW_OK;
    /* The cache gets what is left of pass 1, which need not be the larger pass: size it, then sum again. */
    uint64_t chunk = pw_chunk_cache_memory_bytes(1, pw_source_chunk_bytes(job->source));
    rest = job->sizes.budget_bytes - pw_plan_pass1_bytes(job, &job->sizes, NULL);
    return size_for(job, job->sizes.depth, (uint32_t)pw_min_u64(rest / chunk, useful), error);
}

static enum pw_status too_small(struct pw_job *job, const uint64_t asked[3], const uint64_t halo[3],
                                struct pw_error *error)
{
    uint64_t tile[3], budget = job->sizes.budget_bytes;
    int fits;
    memcpy(tile, asked, sizeof tile);
    /* With two tiles resident; one thread needs least. */
    enum pw_status status =
        pw_grid_init_times(&job->grid, job->volume.shape, job->volume.times, &job->part, tile, halo, error);
    if (status == PW_OK && !windows_are_countable(&job->grid))
        return pw_fail(error, PW_E_ARGUMENT,
                       "tile: %llux%llux%llu with its halo has more than %u voxels, the most that can be numbered; use "
                       "a smaller --tile",
                       (unsigned long long)asked[Z], (unsigned long long)asked[Y], (unsigned long long)asked[X],
                       UINT32_MAX);
    if (status == PW_OK)
        status = size_for(job, job->sizes.tile_threads + 1, 0, error);
    if (status != PW_OK)
        return status;
    uint64_t needed = job->sizes.planned_bytes;
    unsigned threads = job->sizes.threads;
    do
        status = try_tile(job, tile, halo, &fits, error);
    while (status == PW_OK && !fits && pw_tile_shrink(&job->volume, tile, halo));
    if (status != PW_OK)
        return status;
    if (fits)
        return pw_fail(error, PW_E_BUDGET,
                       "--memory %lluM cannot hold tiles of %llux%llux%llu: --memory %lluM would, or --tile "
                       "%llu,%llu,%llu",
                       (unsigned long long)(budget / MIB), (unsigned long long)asked[Z], (unsigned long long)asked[Y],
                       (unsigned long long)asked[X], (unsigned long long)(needed / MIB + 1),
                       (unsigned long long)tile[Z], (unsigned long long)tile[Y], (unsigned long long)tile[X]);
    return pw_fail(error, PW_E_BUDGET,
                   "--memory %lluM is too small with %u threads: the smallest tile, %llux%llux%llu, needs --memory "
                   "%lluM (fewer --threads need less)",
                   (unsigned long long)(budget / MIB), threads, (unsigned long long)tile[Z],
                   (unsigned long long)tile[Y], (unsigned long long)tile[X],
                   (unsigned long long)(job->sizes.planned_bytes / MIB + 1));
}

/* ---- the report -------------------------------------------------------- */

/* The most joins of labels: of each voxel on a seam, or in an overlap, with each voxel that it can meet there. */
static uint64_t joins_max(const struct pw_job *job)
{
    const struct pw_grid *grid = &job->grid;
    const struct pw_rule *rule = &job->sizes.rule;
    int overlaps = pw_rule_family(rule) == PW_FAMILY_OVERLAP;
    uint64_t joins = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t face = job->part.shape[(i + 1) % 3] * job->part.shape[(i + 2) % 3];
        joins += grid->times * (grid->count[i] - 1) * face * (overlaps ? 2 * grid->halo[i] : 1);
    }
    /* Half of the 26 neighbours, where all of them count. */
    return rule->merge == PW_MERGE_TOUCH && rule->connectivity > 1 ? 13 * joins : joins;
}

static void report_disk(struct pw_job *job, struct pw_plan *plan)
{
    uint64_t voxels = pw_grid_part_voxels(&job->grid);
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    /* Microscopy has about a run in 80 voxels, 5 bytes each; the worst case is a checkerboard. */
    plan->stage_bytes_estimate = voxels / 16 + job->grid.n_tiles * PW_RECORD_HEADER_BYTES;
    plan->stage_bytes_maximum = job->grid.n_tiles * pw_record_bytes_max(&limits);
    plan->table_bytes_estimate = pw_run_objects_scratch_bytes(job, voxels / 1000);
    plan->resolve_bytes_estimate = pw_resolve_scratch_bytes(voxels / 1000, voxels / 1000, job->sizes.resolve_bytes);
    plan->resolve_bytes_maximum = pw_resolve_scratch_bytes(job->grid.n_tiles * pw_record_labels_max(&limits),
                                                           joins_max(job), job->sizes.resolve_bytes);
}

static void fill_report(struct pw_job *job)
{
    struct pw_plan *plan = &job->plan;
    const struct pw_sizes *s = &job->sizes;
    static const char *const mode[] = {"chunks, ", "rows, ", "mapping"};
    static const char *const engine_name[] = {"", "uring", "mmap", "sync"};
    memcpy(plan->volume_shape, job->grid.volume, sizeof plan->volume_shape);
    memcpy(plan->roi_start, job->options->roi_alone ? job->crop_start : job->part.start, sizeof plan->roi_start);
    memcpy(plan->roi_shape, job->part.shape, sizeof plan->roi_shape);
    memcpy(plan->tile, job->grid.tile, sizeof plan->tile);
    memcpy(plan->halo, job->grid.halo, sizeof plan->halo);
    memcpy(plan->grid, job->grid.count, sizeof plan->grid);
    memcpy(plan->output_chunk, job->sink->chunk, sizeof plan->output_chunk);
    memcpy(plan->output_shard, job->sink->shard, sizeof plan->output_shard);
    pw_mask_describe(&job->mask, plan->mask, sizeof plan->mask);
    plan->times = job->grid.times;
    plan->n_tiles = job->grid.n_tiles;
    plan->ring_depth = s->depth;
    plan->threads = s->threads;
    plan->budget_bytes = s->budget_bytes;
    plan->planned_bytes = s->planned_bytes;
    enum pw_io_engine engine = s->load.engine;
    if (engine == PW_IO_AUTO)
        engine = pw_io_uring_works() ? PW_IO_URING : PW_IO_SYNC;
    (void)snprintf(plan->io, sizeof plan->io, "%s%s", mode[s->load.mode],
                   s->load.mode == PW_LOAD_MAP ? "" : engine_name[engine]);
    (void)snprintf(plan->segmenter, sizeof plan->segmenter, "%s", job->segmenter.text);
    pw_rule_describe(&s->rule, plan->merge, sizeof plan->merge);
    (void)snprintf(plan->output_format, sizeof plan->output_format, "%s", job->sink->ops->format);
    plan->n_parts = 0;
    (void)pw_plan_pass1_bytes(job, s, plan);
    (void)pw_plan_pass2_bytes(job, plan);
    (void)pw_plan_pass3_bytes(job, s, plan);
    (void)pw_plan_table_bytes(job, s, plan);
    report_disk(job, plan);
}

static void choose_threads(struct pw_job *job)
{
    int threads = job->options->threads > 0 ? job->options->threads : pw_host_cpus();
    job->sizes.threads = (unsigned)(threads < 1024 ? threads : 1024);
    job->sizes.tile_threads = pw_process_segmenter_tiles(&job->segmenter);
    if (job->sizes.tile_threads < job->sizes.threads)
        job->sizes.tile_threads = job->sizes.threads;
    job->sizes.budget_bytes = pw_host_budget_bytes(job->options->memory_bytes);
}

static enum pw_status check_pull(const struct pw_job *job, struct pw_error *error)
{
    if (is_countable(job->sink->pull))
        return PW_OK;
    return pw_fail(error, PW_E_UNSUPPORTED,
                   "%s: %s is written in pieces of %llux%llux%llu voxels here, and at most %u can be held at once; "
                   "use a zarr output, or a smaller --chunk",
                   job->sink->path, job->sink->ops->format, (unsigned long long)job->sink->pull[Z],
                   (unsigned long long)job->sink->pull[Y], (unsigned long long)job->sink->pull[X], UINT32_MAX);
}

enum pw_status pw_job_plan_merge(struct pw_job *job, struct pw_error *error)
{
    struct pw_sizes *s = &job->sizes;
    struct pw_record_limits limits;
    enum pw_status status = check_pull(job, error);
    if (status != PW_OK)
        return status;
    choose_threads(job);
    pw_job_record_limits(job, &limits);
    uint64_t matching = pw_plan_lasting_bytes(job) + pw_seams_memory_bytes(&job->grid, &limits, &s->rule) +
                        pw_record_bytes_max(&limits) + pw_stage_memory_bytes(job->grid.n_tiles);
    s->planned_bytes =
        pw_max_u64(pw_max_u64(pw_plan_pass2_bytes(job, NULL), pw_plan_pass3_bytes(job, s, NULL)), matching);
    if (s->planned_bytes > s->budget_bytes)
        return pw_fail(error, PW_E_BUDGET,
                       "--memory %lluM is too small to merge this stage with %u threads: --memory %lluM would do",
                       (unsigned long long)(s->budget_bytes / MIB), s->threads,
                       (unsigned long long)(s->planned_bytes / MIB + 1));
    s->resolve_bytes = s->budget_bytes - (pw_plan_pass2_bytes(job, NULL) - PW_RESOLVE_LEAST);
    return PW_OK;
}

enum pw_status pw_job_plan_look(struct pw_job *job, uint64_t beside_bytes, struct pw_error *error)
{
    struct pw_sizes *s = &job->sizes;
    struct pw_record_limits limits;
    choose_threads(job);
    pw_job_record_limits(job, &limits);
    uint64_t resolving = pw_plan_pass2_bytes(job, NULL) - PW_RESOLVE_LEAST + beside_bytes;
    uint64_t matching = pw_plan_lasting_bytes(job) + pw_seams_memory_bytes(&job->grid, &limits, &s->rule) +
                        pw_stage_largest_record(&job->stage) + pw_stage_memory_bytes(job->grid.n_tiles);
    s->planned_bytes = pw_max_u64(resolving + PW_RESOLVE_LEAST, matching);
    if (s->planned_bytes > s->budget_bytes)
        return pw_fail(error, PW_E_BUDGET, "--memory %lluM is too small to look at this stage: --memory %lluM would do",
                       (unsigned long long)(s->budget_bytes / MIB), (unsigned long long)(s->planned_bytes / MIB + 1));
    s->resolve_bytes = s->budget_bytes - resolving;
    return PW_OK;
}

enum pw_status pw_job_plan(struct pw_job *job, struct pw_error *error)
{
    uint64_t tile[3], first[3];
    const uint64_t *halo = pw_tile_halo(job);
    /* A segmenter whose result depends on the tile gets the same tile whatever the budget and the threads. */
    int fits = 0, adapt = job->segmenter.tile_invariant;
    choose_threads(job);
    pw_tile_choose(job, halo, tile);
    for (int i = 0; i < 3; i++)
        adapt &= job->options->tile[i] == 0;
    memcpy(first, tile, sizeof first);
    enum pw_status status = check_pull(job, error);
    if (status != PW_OK)
        return status;
    do
        status = try_tile(job, tile, halo, &fits, error);
    while (status == PW_OK && !fits && adapt && pw_tile_shrink(&job->volume, tile, halo));
    if (status == PW_OK && !fits)
        status = too_small(job, first, halo, error);
    if (status != PW_OK)
        return status;
    job->sizes.table_bytes = job->sizes.budget_bytes - pw_plan_lasting_bytes(job);
    job->sizes.resolve_bytes = job->sizes.budget_bytes - (pw_plan_pass2_bytes(job, NULL) - PW_RESOLVE_LEAST);
    fill_report(job);
    return PW_OK;
}
