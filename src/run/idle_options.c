/* Options of a run that do nothing in it: said rather than refused, because scripts hand one list to many functions. */
#include <stdio.h>

#include "run/job.h"

struct idle {
    int is_idle;
    const char *option, *why;
};

static void say_idle(const struct pw_run_options *options, const struct idle *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char line[200];
        if (!list[i].is_idle)
            continue;
        (void)snprintf(line, sizeof line, "pw-stream: %s has no effect: %s", list[i].option, list[i].why);
        options->message(line, options->message_user);
    }
}

void pw_job_say_idle_options(const struct pw_job *job)
{
    static const char *const no_process = "the function runs in threads, not in worker processes";
    const struct pw_run_options *o = job->options;
    enum pw_merge merge = job->sizes.rule.merge;
    int is_local = job->segmenter.workers == NULL, is_zarr = job->sink->zarr_version != 0;
    struct pw_run_options usual;
    pw_run_options_init(&usual);
    const struct idle list[] = {
        {is_local && o->workers != 0, "--workers", no_process},
        {is_local && o->devices != NULL, "--devices", no_process},
        {is_local && o->worker_seconds > 0, "--worker-timeout", no_process},
        {is_local && o->worker_npy, "--worker-io", no_process},
        {is_local && o->worker_shm_file, "--shm-file", no_process},
        {is_local && o->on_error_zero, "--on-error", no_process},
        {merge == PW_MERGE_TOUCH && (o->tau < usual.tau || o->tau > usual.tau), "--tau",
         "--merge touch joins whatever touches"},
        {merge == PW_MERGE_TOUCH && o->metric != usual.metric, "--metric", "--merge touch joins whatever touches"},
        {merge != PW_MERGE_FACE && o->min_contact != usual.min_contact, "--min-contact", "it is of --merge face"},
        {merge != PW_MERGE_TOUCH && o->connectivity != 0 && job->segmenter.connectivity == 0, "--connectivity",
         "it is of --merge touch"},
        {!is_zarr && o->ngff != NULL, "--ngff", "the output is no OME-Zarr"},
    };
    if (o->message != NULL)
        say_idle(o, list, sizeof list / sizeof list[0]);
}
