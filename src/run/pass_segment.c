/*
 * Pass 1.  Workers turn tiles into records (run/segment_worker.h); the committer appends each record to the
 * stage and compares it with those of the neighbours that are there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "merge/seams.h"
#include "run/journal.h"
#include "run/kept_maxima.h"
#include "run/kept_stage.h"
#include "run/mask_tiles.h"
#include "run/pipeline.h"
#include "run/segment_worker.h"
#include "run/skip_empty.h"
#include "segment/process_segmenter.h"

struct pass {
    struct pw_job *job;
    struct pw_tile_worker *worker;
    struct pw_seams seams;
    struct pw_tile_set tiles;
};

static enum pw_status enter(void *context, unsigned number, struct pw_error *error)
{
    struct pass *pass = context;
    return pw_segment_worker_start(&pass->worker[number], number, error);
}

static void leave(void *context, unsigned number)
{
    struct pass *pass = context;
    pw_segment_worker_stop(&pass->worker[number]);
}

static enum pw_status work(void *context, unsigned number, struct pw_slot *slot, struct pw_error *error)
{
    struct pass *pass = context;
    return pw_segment_tile(&pass->worker[number], slot, error);
}

static enum pw_status commit(void *context, struct pw_slot *slot, struct pw_error *error)
{
    struct pass *pass = context;
    enum pw_status status = pw_stage_append(&pass->job->stage, slot->memory.data, error);
    return status == PW_OK ? pw_seams_match(&pass->seams, slot->memory.data, error) : status;
}

/* What the tiles came to, and how many of them are done. */
static uint64_t count_tiles(const struct pw_stage *stage, struct pw_run_result *result)
{
    uint64_t n_done = 0;
    for (uint64_t tile = 0; stage->entry != NULL && tile < stage->n_tiles; tile++) {
        const struct pw_stage_entry *entry = &stage->entry[tile];
        if (!pw_stage_has(stage, tile))
            continue;
        n_done += (entry->flags & PW_RECORD_FAILED) == 0;
        result->n_tile_labels += entry->n_labels;
        result->n_empty_tiles += entry->n_labels == 0;
        result->n_skipped_tiles += (entry->flags & PW_RECORD_BELOW) != 0;
        result->n_failed_tiles += (entry->flags & PW_RECORD_FAILED) != 0;
        result->n_masked_tiles += (entry->flags & PW_RECORD_OUTSIDE) != 0;
    }
    return n_done;
}

static enum pw_status take_outside(void *context, const unsigned char *record, uint64_t tile, struct pw_error *error)
{
    struct pass *pass = context;
    enum pw_status status = pw_stage_append(&pass->job->stage, record, error);
    if (status == PW_OK)
        status = pw_seams_match(&pass->seams, record, error);
    pw_tile_set_leave_out(&pass->tiles, tile);
    return status;
}

/* Tiles that are known to be empty without being read. */
static enum pw_status leave_out_empty(struct pass *pass, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_tile_set *tiles = &pass->tiles;
    unsigned char record[PW_RECORD_HEADER_BYTES];
    enum pw_status status = PW_OK;
    for (uint64_t t = pw_tile_set_next(tiles, 0); status == PW_OK && t < tiles->n_tiles;
         t = pw_tile_set_next(tiles, t + 1))
        if (pw_maxima_are_below(pass->job, t)) {
            (void)pw_job_encode_empty(pass->job, t, PW_RECORD_BELOW, record);
            status = take_outside(pass, record, t, error);
            result->n_unread_tiles++;
        }
    return status;
}

/* Tiles that have a record are not worked on again, and those outside of the mask get theirs. */
static enum pw_status choose_tiles(struct pass *pass, struct pw_run_result *result, struct pw_error *error)
{
    const struct pw_stage *stage = &pass->job->stage;
    enum pw_status status = pw_tile_set_init(&pass->tiles, stage->n_tiles, error);
    for (uint64_t tile = 0; status == PW_OK && tile < stage->n_tiles; tile++)
        if (pw_stage_has(stage, tile))
            pw_tile_set_leave_out(&pass->tiles, tile);
    if (status == PW_OK)
        status = pw_mask_find_outside(pass->job, &pass->tiles, take_outside, pass, error);
    return status == PW_OK ? leave_out_empty(pass, result, error) : status;
}

static enum pw_status init(struct pass *pass, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    enum pw_status status = pw_journal_begin(job, error);
    if (status == PW_OK)
        status = pw_seams_init(&pass->seams, &job->grid, &limits, &job->stage, &job->sizes.rule, &job->edges, error);
    if (status == PW_OK)
        status = pw_journal_match(job, &pass->seams, error);
    if (status == PW_OK)
        status = choose_tiles(pass, result, error);
    if (status != PW_OK)
        return status;
    job->segmenter.n_workers = job->sizes.tile_threads;
    pw_grid_window_max(&job->grid, job->segmenter.window);
    if (job->segmenter.ops->begin != NULL)
        status = job->segmenter.ops->begin(&job->segmenter, job->sizes.tile_threads, job->segmenter.window, error);
    if (status != PW_OK)
        return status;
    pass->worker = pw_alloc(job->sizes.tile_threads, sizeof *pass->worker, error);
    if (pass->worker == NULL)
        return PW_E_NOMEM;
    for (unsigned i = 0; i < job->sizes.tile_threads && status == PW_OK; i++)
        status = pw_segment_worker_init(&pass->worker[i], job, error);
    return status;
}

/* What all workers of the segmenter shared goes, and with it the last that can be wrong with their labels. */
static enum pw_status end_work(struct pass *pass, enum pw_status status, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    for (unsigned i = 0; pass->worker != NULL && i < job->sizes.tile_threads; i++)
        pw_segment_worker_release(&pass->worker[i]);
    free(pass->worker);
    if (job->segmenter.ops->end == NULL)
        return status;
    enum pw_status ended = job->segmenter.ops->end(&job->segmenter, status != PW_OK, status != PW_OK ? NULL : error);
    if (ended != PW_OK) /* tiles that are done may be wrong */
        job->journal.can_resume = 0;
    return status != PW_OK ? status : ended;
}

enum pw_status pw_pass_segment(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    struct pass pass = {.job = job};
    struct pw_pipeline pipeline = {
        .volume = &job->volume,
        .grid = &job->grid,
        .tiles = &pass.tiles,
        .load = job->sizes.load,
        .depth = job->sizes.depth,
        .threads = job->sizes.tile_threads,
        .least_slot_bytes = job->sizes.least_slot_bytes,
        .enter = enter,
        .leave = leave,
        .work = work,
        .commit = commit,
        .context = &pass,
    };
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_SEGMENT, 0};
    uint64_t stored_read = 0;
    enum pw_status status = pw_skip_find_level(job, error);
    if (status == PW_OK)
        status = init(&pass, result, error);
    watch.total = pass.tiles.n_left;
    if (status == PW_OK && watch.total > 0)
        status = pw_pipeline_run(&pipeline, &watch, &stored_read, error);
    status = end_work(&pass, status, error);
    if (status == PW_OK)
        status = pw_edge_file_flush(&job->edges, error);
    if (status == PW_OK && job->options->keep_stage != NULL && !job->journal.is_kept)
        status = pw_kept_commit(job, error);
    result->bytes_read += stored_read;
    result->foreground_voxels = job->stage.n_voxels;
    result->skip_level = job->skip.is_set ? job->skip.level : (double)NAN;
    result->skip_is_guess = job->skip.is_guess;
    job->journal.n_done = count_tiles(&job->stage, result);
    result->n_worker_restarts = pw_process_segmenter_restarts(&job->segmenter);
    pw_seams_release(&pass.seams);
    pw_tile_set_release(&pass.tiles);
    return status;
}
