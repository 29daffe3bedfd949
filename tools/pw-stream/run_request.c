#include "run_request.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "run_report.h"
#include "signals.h"

static void say(const char *line, void *user)
{
    (void)user;
    (void)fprintf(stderr, "%s\n", line);
}

void pw_run_request_init(struct pw_run_request *request)
{
    memset(request, 0, sizeof *request);
    pw_run_options_init(&request->options);
    request->options.message = say;
}

/* What is written and how. */
static int take_output_option(struct pw_run_options *o, int option, const char *text)
{
    static const char *const format[] = {"zarr", "tiff", "npy", "raw", "nrrd", "mhd", "hdf5", "geojson", NULL};
    static const char *const ngff[] = {"0.5", "0.4", NULL};
    static const char *const pyramid[] = {"mode", "nearest", "none", NULL};
    int number;
    switch (option) {
    case 'o': o->output = text; return 1;
    case PW_OPTION_FORMAT: o->output_format = text; return pw_argument_choose("--format", text, format) >= 0;
    case PW_OPTION_NAME: o->label_name = text; return 1;
    case PW_OPTION_NGFF: o->ngff = text; return pw_argument_choose("--ngff", text, ngff) >= 0;
    case PW_OPTION_CHUNK: return pw_argument_box("--chunk", text, 1, o->output_chunk);
    case PW_OPTION_SHARD: return pw_argument_box("--shard", text, 1, o->output_shard);
    case PW_OPTION_CODEC: o->codec = text; return 1;
    case PW_OPTION_PYRAMID:
        number = pw_argument_choose("--pyramid", text, pyramid);
        o->pyramid = (enum pw_pyramid_rule)(number < 0 ? 0 : number);
        return number >= 0;
    case PW_OPTION_OVERWRITE: o->overwrite = 1; return 1;
    case PW_OPTION_OUT_DTYPE:
        o->output_dtype = pw_dtype_parse(text);
        if (o->output_dtype != PW_U8 && o->output_dtype != PW_U16 && o->output_dtype != PW_U32 &&
            o->output_dtype != PW_U64)
            return pw_argument_wrong("--out-dtype %s: one of uint8, uint16, uint32, uint64", text);
        return 1;
    default: return -1;
    }
}

/* When labels of two tiles are one object. */
static int take_merge_option(struct pw_run_options *o, int option, const char *text)
{
    static const char *const rule[] = {"auto", "touch", "face", "overlap", "witness", NULL};
    static const char *const unmatched[] = {"keep", "drop-covered", NULL};
    static const char *const metric[] = {"iou", "mutual", "iomin", NULL};
    uint64_t contact;
    int number;
    switch (option) {
    case PW_OPTION_CONNECTIVITY: return pw_argument_small("--connectivity", text, 1, 3, &o->connectivity);
    case PW_OPTION_MERGE:
        number = pw_argument_choose("--merge", text, rule);
        o->merge = (enum pw_merge)(number < 0 ? 0 : number);
        return number >= 0;
    case PW_OPTION_METRIC:
        number = pw_argument_choose("--metric", text, metric);
        o->metric = (enum pw_metric)(number < 0 ? 0 : number);
        return number >= 0;
    case PW_OPTION_TAU: return pw_argument_real("--tau", text, &o->tau);
    case PW_OPTION_MIN_CONTACT:
        if (!pw_argument_number("--min-contact", text, 1, UINT32_MAX, &contact))
            return 0;
        o->min_contact = (uint32_t)contact;
        return 1;
    case PW_OPTION_UNMATCHED:
        o->drop_covered = pw_argument_choose("--unmatched", text, unmatched);
        return o->drop_covered >= 0;
    case PW_OPTION_CONTEXT: return pw_argument_box("--context", text, 0, o->context);
    default: return -1;
    }
}

/* "500" voxels, or "12.5um3", of an image with two axes um2. */
static int take_size(const char *option, const char *text, uint64_t *voxels, double *size, int *power)
{
    char *end;
    double value = strtod(text, &end);
    int units = strcmp(end, "um3") == 0 ? 3 : strcmp(end, "um2") == 0 ? 2 : 0;
    if (end == text || units == 0)
        return pw_argument_number(option, text, 1, UINT64_MAX / 4, voxels);
    if (!(value > 0 && value < 1e300))
        return pw_argument_wrong("%s %s: not a size like 500 or 12.5um3", option, text);
    *size = value;
    *power = units;
    return 1;
}

/* Which objects are left out. */
static int take_filter_option(struct pw_run_options *o, int option, const char *text)
{
    static const char *const border[] = {"keep", "drop", NULL};
    switch (option) {
    case PW_OPTION_MIN_SIZE: return take_size("--min-size", text, &o->min_voxels, &o->min_size, &o->size_power);
    case PW_OPTION_MAX_SIZE: return take_size("--max-size", text, &o->max_voxels, &o->max_size, &o->size_power);
    case PW_OPTION_BORDER: o->drop_border = pw_argument_choose("--border", text, border); return o->drop_border >= 0;
    default: return -1;
    }
}

/* "3" voxels or "1.5um". */
static int take_distance(const char *option, const char *text, double *distance, int *micrometers)
{
    char *end;
    double value = strtod(text, &end);
    *micrometers = strcmp(end, "um") == 0;
    if (end == text || (*end != '\0' && !*micrometers) || !(value >= 0 && value < 1e300))
        return pw_argument_wrong("%s %s: not a distance like 3 or 1.5um", option, text);
    *distance = value;
    return 1;
}

/* What is done to objects when they are whole. */
static int take_shape_option(struct pw_run_options *o, int option, const char *text)
{
    switch (option) {
    case PW_OPTION_FILL_HOLES: o->fill_holes = o->reshape_is_said = 1; return 1;
    case PW_OPTION_DILATE:
        o->reshape_is_said = 1;
        return take_distance("--dilate", text, &o->dilate, &o->dilate_micrometers);
    default: return -1;
    }
}

static int take_resource_option(struct pw_run_options *o, int option, const char *text)
{
    switch (option) {
    case PW_OPTION_MEMORY: return pw_argument_size("--memory", text, &o->memory_bytes);
    case PW_OPTION_THREADS: return pw_argument_small("--threads", text, 1, 1024, &o->threads);
    case PW_OPTION_SCRATCH: o->scratch_dir = text; return 1;
    default: return -1;
    }
}

static int take_message_option(struct pw_run_request *request, int option, const char *text)
{
    static const char *const form[] = {"text", "json", "none", NULL};
    int number = 0;
    switch (option) {
    case PW_OPTION_QUIET: request->quiet = 1; return 1;
    case PW_OPTION_VERBOSE: request->verbose = 1; return 1;
    case PW_OPTION_PROGRESS: return pw_progress_bar_option(text, &request->progress);
    case PW_OPTION_SUMMARY:
        number = pw_argument_choose("--summary", text, form);
        request->summary = (enum pw_summary)(number < 0 ? 0 : number);
        return number >= 0;
    default: return -1;
    }
}

int pw_run_request_take(struct pw_run_request *request, int option, const char *text)
{
    int taken = take_output_option(&request->options, option, text);
    if (taken < 0)
        taken = take_merge_option(&request->options, option, text);
    if (taken < 0)
        taken = take_filter_option(&request->options, option, text);
    if (taken < 0)
        taken = take_shape_option(&request->options, option, text);
    if (taken < 0)
        taken = take_resource_option(&request->options, option, text);
    return taken < 0 ? take_message_option(request, option, text) : taken;
}

int pw_run_request_plan(const struct pw_run_request *request, FILE *out)
{
    struct pw_plan report;
    struct pw_error error = {0};
    if (pw_run_plan(&request->options, &report, &error) != PW_OK)
        return pw_command_fail(&error);
    pw_report_plan(out, &report);
    return PW_EXIT_DONE;
}

int pw_run_request_go(struct pw_run_request *request, pw_run_fn run)
{
    struct pw_progress_bar bar = {0};
    struct pw_run_result result;
    struct pw_error error = {0};
    pw_progress_bar_begin(&bar, request->progress, request->quiet);
    request->options.progress = pw_progress_bar_show;
    request->options.progress_user = &bar;
    request->options.stop = pw_signals_stop;
    request->options.message = request->quiet ? NULL : pw_progress_bar_say;
    request->options.message_user = &bar;
    pw_signals_catch();
    enum pw_status ran = run(&request->options, &result, &error);
    pw_progress_bar_clear(&bar);
    if (ran != PW_OK) {
        int status = pw_command_fail(&error);
        if (pw_signals_stopped() != 0 && result.partial[0] != '\0')
            (void)fprintf(stderr, "pw-stream: %s\n", error.message);
        pw_signals_end();
        return status;
    }
    if (request->summary == PW_SUMMARY_JSON)
        pw_report_summary_json(stderr, &result);
    else if (request->summary == PW_SUMMARY_TEXT && !request->quiet)
        pw_report_summary(stderr, &result);
    return result.n_failed_tiles > 0 || result.warning[0] != '\0' ? PW_EXIT_WARNINGS : PW_EXIT_DONE;
}
