/* pw-stream pyramid */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "progress_bar.h"
#include "run_report.h"
#include "signals.h"

struct request {
    struct pw_pyramid_options options;
    enum pw_progress_when progress;
    int quiet;
};

enum {
    OPT_RULE = 256,
    OPT_CODEC,
    OPT_MEMORY,
    OPT_THREADS,
    OPT_PROGRESS,
    OPT_QUIET
};

static const struct option long_options[] = {
    {"rule", required_argument, NULL, OPT_RULE},
    {"codec", required_argument, NULL, OPT_CODEC},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {NULL, 0, NULL, 0},
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    static const char *const rule[] = {"mean", "mode", "nearest", NULL};
    struct pw_pyramid_options *o = &request->options;
    switch (option) {
    case OPT_RULE: o->rule = text; return pw_argument_choose("--rule", text, rule) >= 0;
    case OPT_CODEC: o->codec = text; return 1;
    case OPT_MEMORY: return pw_argument_size("--memory", text, &o->memory_bytes);
    case OPT_THREADS: return pw_argument_small("--threads", text, 1, 1024, &o->threads);
    case OPT_PROGRESS: return pw_progress_bar_option(text, &request->progress);
    default: request->quiet = 1; return 1;
    }
}

/* What became of the objects: small ones may not be on small levels. */
static void report(const struct pw_convert_result *result)
{
    char levels[PW_COUNT_BYTES];
    (void)fprintf(stderr, "%s, %.1f MiB written in %.2f s, peak memory %.1f MiB\n",
                  pw_report_count(levels, (uint64_t)result->n_levels, "level"), (double)result->bytes_written / 1048576,
                  result->seconds, (double)result->peak_memory_bytes / 1048576);
    for (int l = 1; l < result->n_levels && result->counted_labels; l++)
        (void)fprintf(stderr, "level %d has %" PRIu64 " of %" PRIu64 " objects\n", l, result->n_labels[l],
                      result->n_labels[0]);
}

int pw_cmd_pyramid(int argc, char **argv)
{
    struct request request = {0};
    struct pw_progress_bar bar = {0};
    struct pw_convert_result result;
    struct pw_error error = {0};
    pw_argument_verb("pyramid");
    pw_pyramid_options_init(&request.options);
    if (pw_argument_options(argc, argv, ":", long_options, take_option, &request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    if (optind + 1 != argc) {
        (void)pw_argument_wrong("pyramid: takes one STORE");
        return PW_EXIT_USAGE;
    }
    request.options.store = argv[optind];
    pw_progress_bar_begin(&bar, request.progress, request.quiet);
    request.options.progress = pw_progress_bar_show;
    request.options.progress_user = &bar;
    pw_signals_catch();
    enum pw_status made = pw_pyramid(&request.options, &result, &error);
    pw_progress_bar_clear(&bar);
    if (made == PW_OK && !request.quiet)
        report(&result);
    return pw_command_end(made, &error);
}
