/* pw-stream convert */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "progress_bar.h"
#include "run_report.h"
#include "signals.h"

struct request {
    struct pw_convert_options options;
    enum pw_progress_when progress;
    int quiet;
};

enum {
    OPT_FORMAT = 256,
    OPT_NGFF,
    OPT_CHUNK,
    OPT_SHARD,
    OPT_CODEC,
    OPT_PYRAMID,
    OPT_OVERWRITE,
    OPT_MEMORY,
    OPT_THREADS,
    OPT_IO,
    OPT_SCRATCH,
    OPT_PROGRESS,
    OPT_QUIET
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"ngff", required_argument, NULL, OPT_NGFF},
    {"chunk", required_argument, NULL, OPT_CHUNK},
    {"shard", required_argument, NULL, OPT_SHARD},
    {"codec", required_argument, NULL, OPT_CODEC},
    {"pyramid", required_argument, NULL, OPT_PYRAMID},
    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"io", required_argument, NULL, OPT_IO},
    {"scratch", required_argument, NULL, OPT_SCRATCH},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    static const char *const format[] = {"zarr", "tiff", "npy", "raw", "nrrd", "mhd", "hdf5", NULL};
    static const char *const ngff[] = {"0.5", "0.4", NULL};
    static const char *const pyramid[] = {"mean", "none", NULL}, *const engine[] = {"auto", "uring", "mmap", "sync",
                                                                                    NULL};
    struct pw_convert_options *o = &request->options;
    int number;
    switch (option) {
    case 'o': o->output = text; return 1;
    case OPT_FORMAT: o->output_format = text; return pw_argument_choose("--format", text, format) >= 0;
    case OPT_NGFF: o->ngff = text; return pw_argument_choose("--ngff", text, ngff) >= 0;
    case OPT_CHUNK: return pw_argument_box("--chunk", text, 1, o->chunk);
    case OPT_SHARD: return pw_argument_box("--shard", text, 1, o->shard);
    case OPT_CODEC: o->codec = text; return 1;
    case OPT_PYRAMID:
        number = pw_argument_choose("--pyramid", text, pyramid);
        o->no_pyramid = number == 1;
        return number >= 0;
    case OPT_OVERWRITE: o->overwrite = 1; return 1;
    case OPT_MEMORY: return pw_argument_size("--memory", text, &o->memory_bytes);
    case OPT_THREADS: return pw_argument_small("--threads", text, 1, 1024, &o->threads);
    case OPT_SCRATCH: o->scratch_dir = text; return 1;
    case OPT_QUIET: request->quiet = 1; return 1;
    case OPT_IO:
        number = pw_argument_choose("--io", text, engine);
        o->io = (enum pw_io_engine)(number < 0 ? 0 : number);
        return number >= 0;
    case OPT_PROGRESS: return pw_progress_bar_option(text, &request->progress);
    default: return pw_argument_open(option, text, &o->open);
    }
}

static int parse(int argc, char **argv, struct request *request)
{
    struct pw_convert_options *o = &request->options;
    memset(request, 0, sizeof *request);
    pw_convert_options_init(o);
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    if (!pw_argument_open_check(&o->open))
        return PW_EXIT_USAGE;
    int given = argc - optind + (o->output != NULL);
    if (given != 2 || argc == optind) {
        (void)pw_argument_wrong("convert: takes IN and OUT");
        return PW_EXIT_USAGE;
    }
    o->input = argv[optind];
    if (o->output == NULL)
        o->output = argv[optind + 1];
    return PW_EXIT_DONE;
}

static void report(const struct pw_convert_result *result)
{
    char levels[PW_COUNT_BYTES];
    (void)fprintf(stderr, "%s, %.1f MiB read, %.1f MiB written in %.2f s, peak memory %.1f MiB\n",
                  pw_report_count(levels, (uint64_t)result->n_levels, "level"), (double)result->bytes_read / 1048576,
                  (double)result->bytes_written / 1048576, result->seconds,
                  (double)result->peak_memory_bytes / 1048576);
}

int pw_cmd_convert(int argc, char **argv)
{
    struct request request;
    struct pw_progress_bar bar = {0};
    struct pw_convert_result result;
    struct pw_error error = {0};
    pw_argument_verb("convert");
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    pw_progress_bar_begin(&bar, request.progress, request.quiet);
    request.options.progress = pw_progress_bar_show;
    request.options.progress_user = &bar;
    pw_signals_catch();
    enum pw_status converted = pw_convert_image(&request.options, &result, &error);
    pw_progress_bar_clear(&bar);
    if (converted == PW_OK && !request.quiet)
        report(&result);
    return pw_command_end(converted, &error);
}
