/* pw_run(): the passes in their order, and the account of them. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "run/job.h"
#include "run/journal.h"
#include "run/kept_maxima.h"
#include "sys/host.h"

void pw_run_options_init(struct pw_run_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->channel = -1;
    options->time = -1;
    options->objects_channel = -1;
    options->tau = 0.5;
    options->min_contact = 1;
    options->size_power = 3;
    options->worker_start_seconds = 300;
}

static enum pw_status check_options(const struct pw_run_options *options, struct pw_error *error)
{
    if (options->struct_size != sizeof *options)
        return pw_fail(error, PW_E_ARGUMENT,
                       "struct pw_run_options of %zu bytes, this library has %zu: call pw_run_options_init()",
                       options->struct_size, sizeof *options);
    return PW_OK;
}

enum pw_status pw_run_plan(const struct pw_run_options *options, struct pw_plan *plan, struct pw_error *error)
{
    struct pw_job job;
    enum pw_status status = check_options(options, error);
    if (status == PW_OK)
        status = pw_job_open(&job, options, error);
    if (status != PW_OK)
        return status;
    *plan = job.plan;
    pw_job_close(&job);
    return PW_OK;
}

typedef enum pw_status (*pass_fn)(struct pw_job *job, struct pw_run_result *result, struct pw_error *error);

static enum pw_status run_passes(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    static const pass_fn pass[PW_PASS_COUNT] = {
        [PW_PASS_MEASURE] = pw_pass_measure,
        [PW_PASS_SEGMENT] = pw_pass_segment,
        [PW_PASS_RESOLVE] = pw_pass_resolve,
        [PW_PASS_EMIT] = pw_pass_emit,
    };
    enum pw_status status = pw_maxima_begin(job, error);
    for (int i = 0; status == PW_OK && i < PW_PASS_COUNT; i++) {
        double began = pw_host_seconds();
        status = pass[i](job, result, error);
        if (status == PW_OK && i == PW_PASS_SEGMENT)
            pw_maxima_end(job);
        result->seconds[i] = pw_host_seconds() - began;
    }
    return status;
}

enum pw_status pw_run(const struct pw_run_options *options, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_job job;
    memset(result, 0, sizeof *result);
    enum pw_status status = check_options(options, error);
    if (status == PW_OK)
        status = pw_job_open(&job, options, error);
    if (status != PW_OK)
        return status;
    result->n_tiles = job.grid.n_tiles;
    if (job.is_done) {
        result->was_done = 1;
        result->n_objects = job.map.n_objects;
        (void)snprintf(result->output, sizeof result->output, "%s", job.in_place_path);
        pw_job_close(&job);
        return PW_OK;
    }
    pw_job_say_idle_options(&job);
    status = run_passes(&job, result, error);
    if (result->warning[0] == '\0')
        memcpy(result->warning, job.source->info.warning, sizeof result->warning);
    (void)snprintf(result->output, sizeof result->output, "%s", job.sink->path);
    result->n_resumed_tiles = job.journal.n_resumed;
    pw_journal_end(&job, status, result, error);
    pw_job_close(&job);
    result->peak_memory_bytes = pw_host_peak_memory_bytes();
    return status;
}
