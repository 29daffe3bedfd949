/*
 * pw_tiles(): the windows of all tiles of an image, in the order of the tiles, as frames of npy into a descriptor.
 *
 * The tiles are those that a run has whose labels depend on the tile: the memory has no say in them, so that whoever
 * collects the labels cuts the image likewise.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "run/job.h"
#include "run/pipeline.h"
#include "store/npy_header.h"
#include "store/npy_tag.h"
#include "sys/host.h"
#include "sys/pipe.h"
#include "sys/turn.h"

enum {
    LOOK_UP_MS = 100
};

struct pass {
    struct pw_job *job;
    int fd;
    int tagged;
    struct pw_turn turn;
    struct pw_buffer dense;  /* of who has the turn: a window whose rows do not lie side by side */
    uint64_t n_tiles, bytes; /* written */
};

/* A pipe that can be written to takes this much at once, so that nobody is ever stuck in write(). */
static size_t step(size_t n)
{
    return n < 4096 ? n : 4096;
}

static enum pw_status put(struct pass *pass, const void *bytes, size_t n, struct pw_error *error)
{
    const _Atomic int *cancel = pass->job->source->cancel;
    struct pollfd wait = {.fd = pass->fd, .events = POLLOUT};
    for (size_t done = 0; done < n;) {
        int ready = poll(&wait, 1, LOOK_UP_MS);
        if (cancel != NULL && *cancel != 0)
            return pw_fail(error, PW_E_CANCELLED, "stopped");
        if (ready <= 0)
            continue;
        ssize_t k = write(pass->fd, (const char *)bytes + done, step(n - done));
        if (k > 0)
            done += (size_t)k;
        else if (k < 0 && errno != EINTR && errno != EAGAIN)
            return pw_fail_errno(error, PW_E_IO, errno, "cannot write the tiles");
    }
    pass->bytes += n;
    return PW_OK;
}

static int is_dense(const struct pw_slot *slot, size_t voxel_bytes)
{
    return slot->stride_bytes[2] == voxel_bytes && slot->stride_bytes[1] == slot->window.shape[2] * voxel_bytes &&
           slot->stride_bytes[0] == slot->window.shape[1] * slot->stride_bytes[1];
}

static void make_dense(const struct pw_slot *slot, size_t voxel_bytes, char *out)
{
    size_t row = (size_t)slot->window.shape[2] * voxel_bytes;
    for (uint64_t z = 0; z < slot->window.shape[0]; z++)
        for (uint64_t y = 0; y < slot->window.shape[1]; y++, out += row)
            memcpy(out, (const char *)slot->voxels + z * slot->stride_bytes[0] + y * slot->stride_bytes[1], row);
}

static const void *voxels_of(struct pass *pass, const struct pw_slot *slot)
{
    size_t voxel_bytes = pass->job->volume.voxel_bytes;
    if (slot->constant)
        pw_source_fill(pass->job->source, pass->dense.data, pw_box_voxels(&slot->window));
    else if (is_dense(slot, voxel_bytes))
        return slot->voxels;
    else
        make_dense(slot, voxel_bytes, pass->dense.data);
    return pass->dense.data;
}

static enum pw_status put_frame(struct pass *pass, const struct pw_slot *slot, struct pw_error *error)
{
    const struct pw_job *job = pass->job;
    int skipped = job->volume.rank == 2 ? 1 : 0;
    struct pw_npy_header header = {.dtype = job->source->info.dtype, .rank = 3 - skipped};
    char text[1024];
    for (int i = skipped; i < 3; i++)
        header.shape[i - skipped] = slot->window.shape[i];
    size_t n = pw_npy_format(&header, text, sizeof text);
    if (pass->tagged)
        n = pw_npy_tag_add(text, n, sizeof text, slot->tile, job->grid.n_tiles);
    enum pw_status status = put(pass, text, n, error);
    if (status == PW_OK)
        status =
            put(pass, voxels_of(pass, slot), (size_t)pw_box_voxels(&slot->window) * job->volume.voxel_bytes, error);
    pass->n_tiles += status == PW_OK;
    return status;
}

static enum pw_status work(void *context, unsigned worker, struct pw_slot *slot, struct pw_error *error)
{
    struct pass *pass = context;
    (void)worker;
    if (!pw_turn_await(&pass->turn, slot->tile, pass->job->source->cancel))
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    enum pw_status status = put_frame(pass, slot, error);
    if (status == PW_OK)
        pw_turn_end(&pass->turn);
    return status;
}

/* ---- memory ------------------------------------------------------------ */

static uint64_t window_bytes(const struct pw_job *job)
{
    uint64_t window[3];
    pw_grid_window_max(&job->grid, window);
    return window[0] * window[1] * window[2] * job->volume.voxel_bytes;
}

static uint64_t needed(const struct pw_job *job, const struct pw_pipeline *p)
{
    return p->depth * pw_slot_memory_bytes(&p->load, p->least_slot_bytes) +
           p->threads * pw_load_scratch_memory_bytes(&p->load, &job->volume) +
           pw_loader_memory_bytes(&p->load, &job->volume) + window_bytes(job);
}

/* The deepest ring that fits, and what chunks can be kept beside it. */
static enum pw_status fit(const struct pw_job *job, struct pw_pipeline *p, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    uint64_t budget = pw_host_budget_bytes(options->memory_bytes);
    uint32_t least = p->threads == 1 ? 2 : p->threads + 1;
    enum pw_status status = pw_load_plan_init(&p->load, &job->volume, &job->grid, options->io, 0, error);
    for (p->depth = 2 * least; status == PW_OK && p->depth > least && needed(job, p) > budget;)
        p->depth--;
    if (status == PW_OK && needed(job, p) > budget)
        return pw_fail(error, PW_E_BUDGET, "--memory %lluM is too small for these tiles: --memory %lluM would do",
                       (unsigned long long)(budget >> 20), (unsigned long long)(needed(job, p) >> 20) + 1);
    uint32_t useful = pw_load_plan_useful_chunks(&job->volume, &job->grid);
    if (status != PW_OK || useful == 0)
        return status;
    uint64_t chunk = pw_chunk_cache_memory_bytes(1, pw_source_chunk_bytes(job->source));
    uint64_t kept = pw_min_u64((budget - needed(job, p)) / chunk, useful);
    return pw_load_plan_init(&p->load, &job->volume, &job->grid, options->io, (uint32_t)kept, error);
}

/* ------------------------------------------------------------------------ */

static enum pw_status open_image(struct pw_job *job, const struct pw_run_options *options, struct pw_error *error)
{
    pw_job_init(job, options);
    if (options->input == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "no input image");
    enum pw_status status = pw_job_choose_scratch(job, error);
    if (status == PW_OK)
        status = pw_source_open(options->input, &options->open, job->scratch_dir, &job->source, error);
    if (status == PW_OK)
        status = pw_volume_init(&job->volume, job->source, options->time, options->channel, error);
    if (status == PW_OK)
        status = pw_job_choose_part(job, error);
    return status == PW_OK ? pw_job_suggest_tile(job, error) : status;
}

static enum pw_status stream(struct pass *pass, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    int threads = job->options->threads > 0 ? job->options->threads : pw_host_cpus();
    struct pw_pipeline pipeline = {
        .volume = &job->volume,
        .grid = &job->grid,
        .threads = (unsigned)(threads < 1024 ? threads : 1024),
        .work = work,
        .context = pass,
    };
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_SEGMENT, job->grid.n_tiles};
    uint64_t stored_read = 0;
    enum pw_status status = fit(job, &pipeline, error);
    if (status == PW_OK)
        status = pw_buffer_init(&pass->dense, window_bytes(job), "tile", error);
    return status == PW_OK ? pw_pipeline_run(&pipeline, &watch, &stored_read, error) : status;
}

enum pw_status pw_tiles(const struct pw_run_options *options, int fd, int tagged, struct pw_tiles_result *result,
                        struct pw_error *error)
{
    struct pw_job job;
    struct pass pass = {.job = &job, .fd = fd, .tagged = tagged};
    memset(result, 0, sizeof *result);
    if (options->struct_size != sizeof *options)
        return pw_fail(error, PW_E_ARGUMENT, "struct pw_run_options of another size: call pw_run_options_init()");
    pw_pipe_widen(fd);
    enum pw_status status = open_image(&job, options, error);
    pw_turn_init(&pass.turn);
    if (status == PW_OK)
        status = stream(&pass, error);
    pw_turn_destroy(&pass.turn);
    pw_buffer_release(&pass.dense);
    result->n_tiles = pass.n_tiles;
    result->bytes = pass.bytes;
    pw_job_close(&job);
    return status;
}
