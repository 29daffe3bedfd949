/* pw-stream measure */
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
    struct pw_measure_options options;
    enum pw_progress_when progress;
    int quiet;
};

enum {
    OPT_CHANNEL = 256,
    OPT_TIME,
    OPT_FORMAT,
    OPT_COLUMNS,
    OPT_OVERWRITE,
    OPT_TILE,
    OPT_MEMORY,
    OPT_THREADS,
    OPT_SCRATCH,
    OPT_IMAGE_DTYPE,
    OPT_IMAGE_AXES,
    OPT_PROGRESS,
    OPT_QUIET
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"time", required_argument, NULL, OPT_TIME},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"columns", required_argument, NULL, OPT_COLUMNS},
    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"tile", required_argument, NULL, OPT_TILE},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"scratch", required_argument, NULL, OPT_SCRATCH},
    {"image-dtype", required_argument, NULL, OPT_IMAGE_DTYPE},
    {"image-axes", required_argument, NULL, OPT_IMAGE_AXES},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int take_columns(struct pw_measure_options *o, const char *text)
{
    if (strcmp(text, "own") != 0 && strcmp(text, "skimage") != 0)
        return pw_argument_wrong("--columns %s: one of own, skimage", text);
    o->columns = strcmp(text, "own") == 0 ? PW_COLUMNS_OWN : PW_COLUMNS_SKIMAGE;
    return 1;
}

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    struct pw_measure_options *o = &request->options;
    switch (option) {
    case 'o': o->output = text; return 1;
    case OPT_CHANNEL:
        o->channel = -1;
        return strcmp(text, "all") == 0 || pw_argument_index("--channel", text, &o->channel);
    case OPT_TIME: return pw_argument_time(text, &o->time, &o->n_times);
    case OPT_FORMAT: o->format = text; return 1;
    case OPT_IMAGE_AXES: o->image_open.axes = text; return 1;
    case OPT_COLUMNS: return take_columns(o, text);
    case OPT_OVERWRITE: o->overwrite = 1; return 1;
    case OPT_TILE: return pw_argument_box("--tile", text, 1, o->tile);
    case OPT_MEMORY: return pw_argument_size("--memory", text, &o->memory_bytes);
    case OPT_SCRATCH: o->scratch_dir = text; return 1;
    case OPT_PROGRESS: return pw_progress_bar_option(text, &request->progress);
    case OPT_QUIET: request->quiet = 1; return 1;
    case OPT_THREADS: return pw_argument_small("--threads", text, 1, 1024, &o->threads);
    case OPT_IMAGE_DTYPE:
        o->image_open.raw_dtype = pw_dtype_parse(text);
        return o->image_open.raw_dtype != PW_DTYPE_NONE ||
               pw_argument_wrong("--image-dtype %s: no such type; uint8, uint16, float32 and the like", text);
    default: return pw_argument_open(option, text, &o->labels_open);
    }
}

/* A raw image has the shape of the labels; its level is theirs too. */
static void share_open_options(struct pw_measure_options *o)
{
    o->image_open.level = o->labels_open.level;
    o->image_open.series = o->labels_open.series;
    o->image_open.well = o->labels_open.well;
    if (o->image_open.raw_dtype == PW_DTYPE_NONE)
        return;
    o->image_open.raw_rank = o->labels_open.raw_rank;
    memcpy(o->image_open.raw_shape, o->labels_open.raw_shape, sizeof o->image_open.raw_shape);
    if (o->labels_open.raw_dtype == PW_DTYPE_NONE) { /* only the image is raw */
        o->labels_open.raw_rank = 0;
        o->image_open.raw_offset_bytes = o->labels_open.raw_offset_bytes;
        o->image_open.raw_big_endian = o->labels_open.raw_big_endian;
        o->labels_open.raw_offset_bytes = 0;
        o->labels_open.raw_big_endian = 0;
    }
}

static int parse(int argc, char **argv, struct request *request)
{
    struct pw_measure_options *o = &request->options;
    memset(request, 0, sizeof *request);
    pw_measure_options_init(o);
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    share_open_options(o);
    if (!pw_argument_open_check(&o->labels_open) || !pw_argument_open_check(&o->image_open))
        return PW_EXIT_USAGE;
    if (argc - optind < 1 || argc - optind > 2)
        (void)pw_argument_wrong("measure: takes LABELS, or LABELS and IMAGE");
    else if (o->output == NULL)
        (void)pw_argument_wrong("measure: no output table; use -o objects.csv, or -o - for standard output");
    if (argc - optind < 1 || argc - optind > 2 || o->output == NULL)
        return PW_EXIT_USAGE;
    o->labels = argv[optind];
    o->image = argc - optind == 2 ? argv[optind + 1] : NULL;
    return PW_EXIT_DONE;
}

static void report(const struct pw_measure_result *result)
{
    char a[PW_COUNT_BYTES], b[PW_COUNT_BYTES], c[PW_COUNT_BYTES], d[PW_COUNT_BYTES];
    (void)fprintf(stderr, "%s, %s, %s; %s in %.2f s, peak memory %.1f MiB\n",
                  pw_report_count(a, result->n_objects, "object"), pw_report_count(b, result->n_voxels, "voxel"),
                  pw_report_count(c, result->n_channels, "channel"), pw_report_count(d, result->n_tiles, "tile"),
                  result->seconds, (double)result->peak_memory_bytes / 1048576);
}

int pw_cmd_measure(int argc, char **argv)
{
    struct request request;
    struct pw_progress_bar bar = {0};
    struct pw_measure_result result;
    struct pw_error error = {0};
    pw_argument_verb("measure");
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    pw_progress_bar_begin(&bar, request.progress, request.quiet);
    request.options.progress = pw_progress_bar_show;
    request.options.progress_user = &bar;
    pw_signals_catch();
    enum pw_status measured = pw_measure(&request.options, &result, &error);
    pw_progress_bar_clear(&bar);
    if (measured == PW_OK && !request.quiet)
        report(&result);
    return pw_command_end(measured, &error);
}
