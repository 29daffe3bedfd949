#include "run/reshape.h"

#include <pthread.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "ext/sorter.h"
#include "merge/seams.h"
#include "run/holes.h"
#include "run/share.h"

struct pass {
    struct pw_job *job;
    const struct pw_reshape_step *step;
    struct pw_share share; /* of tiles */
    pthread_mutex_t lock;  /* of all below */
    struct pw_stage stage;
    struct pw_sorter links; /* object, tile, local id */
};

/* One thread: a core's runs, the objects that they had, scratch for numbers and the record. */
struct worker {
    struct pass *pass;
    void *state;
    struct pw_buffer memory;
    struct pw_runs runs;
    uint32_t *object;
    void *scratch;
    unsigned char *record;
};

/* ---- sizes ------------------------------------------------------------- */

static uint64_t scratch_bytes(uint64_t runs)
{
    return pw_max_u64(pw_runs_number_scratch_bytes(runs), pw_record_scratch_bytes(runs));
}

static uint64_t worker_bytes(const struct pw_grid *grid)
{
    uint64_t runs = pw_runs_capacity(grid->tile, 1);
    struct pw_record_limits limits;
    pw_record_limits_of_cores(grid, 1, &limits);
    return pw_padded((grid->tile[0] * grid->tile[1] + 2) * sizeof(uint64_t)) + pw_padded(runs * sizeof(struct pw_run)) +
           2 * pw_padded(runs * sizeof(uint32_t)) + pw_padded(scratch_bytes(runs)) +
           pw_padded(pw_record_bytes_max(&limits));
}

uint64_t pw_reshape_memory_bytes(const struct pw_job *job)
{
    uint64_t step = 0;
    if (!pw_job_reshapes(job))
        return 0;
    if (job->shape.distance > 0)
        step = pw_max_u64(step, pw_dilate_step.thread_bytes(job));
    if (job->options->fill_holes)
        step = pw_max_u64(step, pw_fill_step.thread_bytes(job));
    uint64_t bytes = job->sizes.threads * (worker_bytes(&job->grid) + step) + pw_stage_memory_bytes(job->grid.n_tiles) +
                     pw_edge_file_memory_bytes();
    if (!job->options->fill_holes)
        return bytes;
    return pw_max_u64(bytes + pw_id_map_memory_bytes(job->grid.n_tiles), pw_holes_memory_bytes(job));
}

/* ---- one thread -------------------------------------------------------- */

static void *take(unsigned char **at, uint64_t bytes)
{
    void *p = *at;
    *at += pw_padded(bytes);
    return p;
}

static enum pw_status worker_init(struct worker *worker, struct pass *pass, struct pw_error *error)
{
    const struct pw_grid *grid = &pass->job->grid;
    uint64_t runs = pw_runs_capacity(grid->tile, 1);
    memset(worker, 0, sizeof *worker);
    worker->pass = pass;
    enum pw_status status = pw_buffer_init(&worker->memory, worker_bytes(grid), "reshaped tile", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = worker->memory.data;
    worker->runs.row = take(&at, (grid->tile[0] * grid->tile[1] + 2) * sizeof *worker->runs.row);
    worker->runs.run = take(&at, runs * sizeof *worker->runs.run);
    worker->runs.label = take(&at, runs * sizeof *worker->runs.label);
    worker->runs.capacity = runs;
    worker->object = take(&at, runs * sizeof *worker->object);
    worker->scratch = take(&at, scratch_bytes(runs));
    worker->record = at;
    return pass->step->begin(pass->job, &worker->state, error);
}

static void worker_release(struct worker *worker)
{
    worker->pass->step->end(worker->state);
    pw_buffer_release(&worker->memory);
}

/* Appends the record, and says which object each label is of; numbers rise from run to run. */
static enum pw_status commit(struct worker *worker, uint64_t tile, struct pw_error *error)
{
    struct pass *pass = worker->pass;
    uint32_t last = 0;
    (void)pthread_mutex_lock(&pass->lock);
    enum pw_status status = pw_stage_append(&pass->stage, worker->record, error);
    for (uint64_t i = 0; i < worker->runs.n_runs && status == PW_OK; i++) {
        uint64_t link[3] = {worker->object[i], tile, worker->runs.label[i]};
        if (worker->runs.label[i] <= last)
            continue;
        last = worker->runs.label[i];
        status = pw_sorter_add(&pass->links, link, error);
    }
    (void)pthread_mutex_unlock(&pass->lock);
    return status;
}

static enum pw_status reshape_tile(void *context, uint64_t tile, uint64_t *input_bytes, struct pw_error *error)
{
    static const uint64_t no_rim[3] = {0, 0, 0};
    struct worker *worker = context;
    const struct pw_grid *grid = &worker->pass->job->grid;
    struct pw_box core = pw_grid_core(grid, tile);
    int has_neighbour[PW_FACES];
    (void)input_bytes; /* of the stage alone */
    memcpy(worker->runs.shape, core.shape, sizeof core.shape);
    enum pw_status status = worker->pass->step->shape(worker->state, tile, &core, &worker->runs, error);
    if (status != PW_OK)
        return status;
    memcpy(worker->object, worker->runs.label, (size_t)worker->runs.n_runs * sizeof *worker->object);
    pw_runs_number(&worker->runs, worker->scratch);
    pw_seams_faces(grid, tile, has_neighbour);
    (void)pw_record_encode(tile, &worker->runs, &worker->runs, no_rim, has_neighbour, worker->scratch, worker->record);
    return commit(worker, tile, error);
}

static void work(void *context, unsigned member)
{
    struct pass *pass = context;
    struct worker worker;
    struct pw_error error = {0};
    (void)member;
    enum pw_status status = worker_init(&worker, pass, &error);
    if (status == PW_OK)
        pw_share_each(&pass->share, reshape_tile, &worker);
    else
        pw_share_fail(&pass->share, &error);
    worker_release(&worker);
}

/* ---- all of them -------------------------------------------------------- */

/* Labels of one object come together: each is joined to the one before. */
static enum pw_status join_links(struct pw_sorter *links, struct pw_edge_file *edges, struct pw_error *error)
{
    uint64_t last[3] = {0}, link[3];
    enum pw_status status = pw_sorter_finish(links, error);
    while (status == PW_OK) {
        status = pw_sorter_next(links, link, error);
        if (status == PW_OK && link[0] == last[0]) {
            struct pw_edge edge = {.tile_a = (uint32_t)last[1],
                                   .label_a = (uint32_t)last[2],
                                   .tile_b = (uint32_t)link[1],
                                   .label_b = (uint32_t)link[2]};
            status = pw_edge_file_add(edges, &edge, error);
        }
        memcpy(last, link, sizeof last);
    }
    return status == PW_EMPTY ? pw_edge_file_flush(edges, error) : status;
}

static enum pw_status run_threads(struct pass *pass, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_RESOLVE, job->grid.n_tiles};
    enum pw_status status = pw_share_run(&pass->share, job->sizes.threads, work, pass, &watch, error);
    return status;
}

enum pw_status pw_reshape(struct pw_job *job, const struct pw_reshape_step *step, struct pw_error *error)
{
    static const struct pw_sorter_form link_form = {.words = 3, .key_words = 3};
    struct pass pass = {.job = job, .step = step, .stage = {.file.fd = -1}};
    struct pw_edge_file edges = {.file.fd = -1};
    if (job->map.n_objects > UINT32_MAX)
        return pw_fail(error, PW_E_RANGE, "%llu objects are too many for %s, which tells at most %u apart",
                       (unsigned long long)job->map.n_objects, step->what, UINT32_MAX);
    (void)pthread_mutex_init(&pass.lock, NULL);
    pw_share_init(&pass.share, job->grid.n_tiles);
    enum pw_status status = pw_sorter_init(&pass.links, &link_form, job->sizes.resolve_bytes, job->scratch_dir, error);
    if (status == PW_OK)
        status = pw_stage_open(&pass.stage, job->scratch_dir, job->grid.n_tiles, error);
    if (status == PW_OK)
        status = pw_edge_file_open(&edges, job->scratch_dir, PW_FAMILY_TOUCH, error);
    if (status == PW_OK)
        status = run_threads(&pass, error);
    if (status == PW_OK)
        status = join_links(&pass.links, &edges, error);
    pw_sorter_destroy(&pass.links);
    (void)pthread_mutex_destroy(&pass.lock);
    pw_share_release(&pass.share);
    pw_id_map_release(&job->map);
    pw_stage_close(&job->stage);
    pw_edge_file_close(&job->edges);
    job->stage = pass.stage;
    job->edges = edges;
    job->sizes.keeps_rims = 0;
    return status;
}
