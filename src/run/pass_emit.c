/*
 * Pass 3: the sink's units, each by one thread, in order of their number; then those of the smaller levels of a sink that
 * makes them from what is written, level by level.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "output/puller.h"
#include "run/job.h"
#include "run/journal.h"
#include "run/run_objects.h"

struct pass {
    struct pw_job *job;
    uint64_t count[3]; /* units of one time point along each axis */
    uint64_t n_units;
    int level; /* 0: of the volume itself */
    struct pw_counters counters;
    pthread_mutex_t lock;
    uint64_t next;         /* unit to hand out; under lock, so that they go out in order */
    int failed;            /* under lock */
    struct pw_error error; /* the first; under lock */
};

static void fail(struct pass *pass, const struct pw_error *error)
{
    (void)pthread_mutex_lock(&pass->lock);
    if (!pass->failed)
        pass->error = *error;
    pass->failed = 1;
    (void)pthread_mutex_unlock(&pass->lock);
}

static int take_unit(struct pass *pass, uint64_t *unit)
{
    (void)pthread_mutex_lock(&pass->lock);
    int taken = !pass->failed && pass->next < pass->n_units && !atomic_load(&pass->counters.cancel);
    if (taken)
        *unit = pass->next++;
    (void)pthread_mutex_unlock(&pass->lock);
    return taken;
}

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

static enum pw_status write_level_units(struct pass *pass, struct pw_writer *writer, struct pw_error *error)
{
    struct pw_sink *sink = pass->job->sink;
    uint64_t unit;
    while (take_unit(pass, &unit)) {
        enum pw_status status = sink->ops->write_level_unit(sink, writer, pass->level, unit, error);
        if (status != PW_OK)
            return status;
        atomic_fetch_add(&pass->counters.done, 1);
    }
    return PW_OK;
}

static enum pw_status write_units(struct pass *pass, struct pw_writer *writer, struct pw_puller *puller,
                                  struct pw_error *error)
{
    struct pw_sink *sink = pass->job->sink;
    uint64_t unit;
    while (take_unit(pass, &unit)) {
        struct pw_box box = unit_box(pass, unit);
        enum pw_status status = sink->ops->write_unit(sink, writer, unit, &box, pw_puller_pull, puller, error);
        if (status != PW_OK)
            return status;
        atomic_fetch_add(&pass->counters.done, 1);
        atomic_fetch_add(&pass->counters.input_bytes, pw_box_voxels(&box) * pass->job->volume.voxel_bytes);
    }
    return PW_OK;
}

static void work(void *context, unsigned member)
{
    struct pass *pass = context;
    struct pw_job *job = pass->job;
    struct pw_writer *writer = NULL;
    struct pw_puller puller = {0};
    struct pw_error error = {0};
    (void)member;
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    enum pw_status status = PW_OK;
    if (pass->level == 0)
        status = pw_puller_init(&puller, &job->grid, &job->stage, &job->map, &limits, job->sink->pull, &error);
    if (status == PW_OK)
        status = job->sink->ops->writer_new(job->sink, &writer, &error);
    if (status == PW_OK)
        status =
            pass->level == 0 ? write_units(pass, writer, &puller, &error) : write_level_units(pass, writer, &error);
    if (status != PW_OK)
        fail(pass, &error);
    if (writer != NULL)
        job->sink->ops->writer_free(writer);
    pw_puller_release(&puller);
}

/* The units of a level, by all threads. */
static enum pw_status run_level(struct pass *pass, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_EMIT, pass->n_units};
    pass->next = 0;
    atomic_store(&pass->counters.done, 0);
    enum pw_status status = pw_crew_run(job->sizes.threads, work, pass, &pass->counters, &watch, error);
    if (status == PW_OK && pass->failed) {
        *error = pass->error;
        status = error->status;
    }
    if (status == PW_OK && atomic_load(&pass->counters.cancel))
        status = pw_fail(error, PW_E_CANCELLED, "stopped");
    return status;
}

/* The volume, then its smaller levels. */
static enum pw_status write_levels(struct pass *pass, struct pw_error *error)
{
    struct pw_sink *sink = pass->job->sink;
    (void)pthread_mutex_init(&pass->lock, NULL);
    enum pw_status status = run_level(pass, error);
    for (pass->level = 1; pass->level <= sink->n_levels && status == PW_OK; pass->level++) {
        pass->n_units = sink->ops->begin_level(sink, pass->level);
        status = run_level(pass, error);
    }
    (void)pthread_mutex_destroy(&pass->lock);
    return status;
}

enum pw_status pw_pass_emit(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    struct pass pass = {.job = job, .n_units = job->sink->times};
    for (int i = 0; i < 3; i++) {
        pass.count[i] = pw_ceil_div(job->sink->volume[i], job->sink->unit[i]);
        pass.n_units *= pass.count[i];
    }
    enum pw_status status = job->sink->ops->start(job->sink, result->dtype, job->map.n_objects, error);
    if (status != PW_OK)
        return status;
    status = write_levels(&pass, error);
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
