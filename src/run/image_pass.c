#include "run/image_pass.h"

#include "base/checked.h"
#include "base/error.h"
#include "run/kept_maxima.h"
#include "run/pipeline.h"
#include "store/source.h"

struct pass {
    struct pw_job *job;
    struct pw_grid grid; /* without a halo: every voxel counts once */
    uint32_t channel;    /* of those that a tile has */
    uint64_t beside_bytes;
    const char *what;
    pw_plane_fn add;
    void *context;
};

/* A tile that is not stored: one row of fill values, counted as often as there are rows. */
static void add_constant(struct pass *pass, unsigned worker, struct pw_slot *slot)
{
    uint64_t rows = slot->window.shape[0] * slot->window.shape[1], width = slot->window.shape[2];
    pw_source_fill(pass->job->source, slot->dense, width);
    pass->add(pass->context, worker, slot->dense, 0, rows, width);
}

static enum pw_status work(void *context, unsigned worker, struct pw_slot *slot, struct pw_error *error)
{
    struct pass *pass = context;
    (void)error;
    pw_maxima_add_channel(pass->job, slot);
    if (slot->constant) {
        add_constant(pass, worker, slot);
        return PW_OK;
    }
    const char *voxels = (const char *)slot->voxels + pass->channel * slot->channel_stride_bytes;
    for (uint64_t z = 0; z < slot->window.shape[0]; z++)
        pass->add(pass->context, worker, voxels + z * slot->stride_bytes[0], slot->stride_bytes[1],
                  slot->window.shape[1], slot->window.shape[2]);
    return PW_OK;
}

/*
 * The deepest ring and the largest cache that fit beside what the caller holds, whose size is known only now: as deep as
 * in the plan, and less where that takes more than the segmenter's workers will.
 */
static enum pw_status fit(const struct pass *pass, struct pw_pipeline *pipeline, struct pw_error *error)
{
    const struct pw_job *job = pass->job;
    const struct pw_sizes *sizes = &job->sizes;
    uint32_t least = (uint32_t)pw_min_u64(sizes->threads == 1 ? 2 : sizes->threads + 1, sizes->depth);
    uint64_t taken = UINT64_MAX;
    for (pipeline->depth = sizes->depth + 1; taken > sizes->budget_bytes && pipeline->depth > least;) {
        pipeline->depth--;
        enum pw_status status =
            pw_load_plan_init(&pipeline->load, &job->volume, &pass->grid, job->options->io, 0, error);
        if (status != PW_OK)
            return status;
        taken = pass->beside_bytes + pw_loader_memory_bytes(&pipeline->load, &job->volume) +
                pipeline->depth * pw_slot_memory_bytes(&pipeline->load, sizes->least_slot_bytes) +
                sizes->threads * pw_load_scratch_memory_bytes(&pipeline->load, &job->volume);
    }
    if (taken > sizes->budget_bytes)
        return pw_fail(error, PW_E_BUDGET, "%s: %s of %llu MiB beside its tiles; give --memory %lluM",
                       job->source->path, pass->what, (unsigned long long)(pass->beside_bytes >> 20),
                       (unsigned long long)((taken >> 20) + 1));
    if (!(job->source->capabilities & PW_SOURCE_CHUNKED))
        return PW_OK;
    uint64_t chunk = pw_chunk_cache_memory_bytes(1, pw_source_chunk_bytes(job->source));
    uint64_t cached = pw_min_u64((sizes->budget_bytes - taken) / chunk, UINT32_MAX);
    return pw_load_plan_init(&pipeline->load, &job->volume, &pass->grid, job->options->io, (uint32_t)cached, error);
}

enum pw_status pw_image_pass(struct pw_job *job, uint32_t channel, uint64_t beside_bytes, const char *what,
                             pw_plane_fn add, void *context, struct pw_run_result *result, struct pw_error *error)
{
    static const uint64_t no_halo[3] = {0, 0, 0};
    struct pass pass = {.job = job,
                        .channel = channel,
                        .beside_bytes = beside_bytes + pw_maxima_memory_bytes(job),
                        .what = what,
                        .add = add,
                        .context = context};
    struct pw_pipeline pipeline = {
        .volume = &job->volume,
        .grid = &pass.grid,
        .threads = job->sizes.threads,
        .least_slot_bytes = job->sizes.least_slot_bytes,
        .work = work,
        .context = &pass,
    };
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_MEASURE, job->grid.n_tiles};
    uint64_t stored_read = 0;
    enum pw_status status =
        pw_grid_init_times(&pass.grid, job->grid.volume, job->grid.times, &job->part, job->grid.tile, no_halo, error);
    if (status == PW_OK)
        status = fit(&pass, &pipeline, error);
    if (status == PW_OK)
        pw_maxima_pass_begins(job, channel);
    if (status == PW_OK)
        status = pw_pipeline_run(&pipeline, &watch, &stored_read, error);
    pw_maxima_pass_ends(job);
    result->bytes_read += stored_read;
    return status;
}
