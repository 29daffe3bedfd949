/*
 * Pass 3: the sink's units, each by one thread, in order of their number; then those of the smaller levels of a sink that
 * makes them from what is written, level by level.
 */
#include <stdlib.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "output/puller.h"
#include "run/job.h"
#include "run/journal.h"
#include "run/run_objects.h"
#include "run/share.h"

struct pass {
    struct pw_job *job;
    uint64_t count[3];     /* units of one time point along each axis */
    int level;             /* 0: of the volume itself */
    struct pw_share share; /* of units */
};

static struct pw_box unit_box(const struct pass *pass, uint64_t unit)
{
    const struct pw_sink *sink = pass->job->sink;
    uint64_t layer = unit / (pass->count[1] * pass->count[2]);
    uint64_t position[3] = {layer % pass->count[0], unit / pass->count[2] % pass->count[1], unit % pass->count[2]};
    struct pw_box box;
    for (int i = 0; i < 3; i++) {
        box.start[i] = position[i] * sink->unit[i];
        box.shape[i] = pw_min_u64(sink->unit[i], sink->volume[i] - box.start[i]);
    }
    box.start[0] += layer / pass->count[0] * sink->volume[0];
    return box;
}

/* Of each thread. */
struct worker {
    struct pass *pass;
    struct pw_writer *writer;
    struct pw_puller puller;
};

static enum pw_status write_unit(void *context, uint64_t unit, uint64_t *input_bytes, struct pw_error *error)
{
    struct worker *worker = context;
    struct pw_job *job = worker->pass->job;
    if (worker->pass->level > 0)
        return job->sink->ops->write_level_unit(job->sink, worker->writer, worker->pass->level, unit, error);
    struct pw_box box = unit_box(worker->pass, unit);
    *input_bytes = pw_box_voxels(&box) * job->volume.voxel_bytes;
    return job->sink->ops->write_unit(job->sink, worker->writer, unit, &box, pw_puller_pull, &worker->puller, error);
}

static enum pw_status worker_init(struct worker *worker, struct pass *pass, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    struct pw_record_limits limits;
    enum pw_status status = PW_OK;
    *worker = (struct worker){.pass = pass};
    pw_job_record_limits(job, &limits);
    if (pass->level == 0)
        status = pw_puller_init(&worker->puller, &job->grid, &job->stage, &job->map, &limits, job->sink->pull, error);
    return status == PW_OK ? job->sink->ops->writer_new(job->sink, &worker->writer, error) : status;
}

static void worker_release(struct worker *worker)
{
    if (worker->writer != NULL)
        worker->pass->job->sink->ops->writer_free(worker->writer);
    pw_puller_release(&worker->puller);
}

static void work(void *context, unsigned member)
{
    struct pass *pass = context;
    struct worker worker;
    struct pw_error error = {0};
    (void)member;
    if (worker_init(&worker, pass, &error) == PW_OK)
        pw_share_each(&pass->share, write_unit, &worker);
    else
        pw_share_fail(&pass->share, &error);
    worker_release(&worker);
}

/* The units of a level, by all threads. */
static enum pw_status run_level(struct pass *pass, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_EMIT, pass->share.n};
    return pw_share_run(&pass->share, job->sizes.threads, work, pass, &watch, error);
}

/* The volume, of n_units, then its smaller levels. */
static enum pw_status write_levels(struct pass *pass, uint64_t n_units, struct pw_error *error)
{
    struct pw_sink *sink = pass->job->sink;
    pw_share_init(&pass->share, n_units);
    enum pw_status status = run_level(pass, error);
    for (pass->level = 1; pass->level <= sink->n_levels && status == PW_OK; pass->level++) {
        pw_share_restart(&pass->share, sink->ops->begin_level(sink, pass->level));
        status = run_level(pass, error);
    }
    pw_share_release(&pass->share);
    return status;
}

enum pw_status pw_pass_emit(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    struct pass pass = {.job = job};
    uint64_t n_units = job->sink->times;
    for (int i = 0; i < 3; i++) {
        pass.count[i] = pw_ceil_div(job->sink->volume[i], job->sink->unit[i]);
        n_units *= pass.count[i];
    }
    enum pw_status status = job->sink->ops->start(job->sink, result->dtype, job->map.n_objects, error);
    if (status != PW_OK)
        return status;
    status = write_levels(&pass, n_units, error);
    if (status == PW_OK)
        status = pw_run_objects_write(job, error);
    if (status == PW_OK)
        status = pw_journal_publish(job, error);
    if (status == PW_OK)
        status = job->sink->ops->commit(job->sink, error);
    else
        job->sink->ops->abort(job->sink);
    if (status == PW_OK)
        status = pw_run_objects_commit(job, error);
    result->bytes_written = atomic_load(&job->sink->bytes_written);
    return status;
}
