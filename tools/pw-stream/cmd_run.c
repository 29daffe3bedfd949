/* pw-stream run */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "progress_bar.h"
#include "run_report.h"
#include "signals.h"

enum summary {
    SUMMARY_TEXT,
    SUMMARY_JSON,
    SUMMARY_NONE
};

/* Everything the command line says. */
struct request {
    struct pw_run_options options;
    enum pw_progress_when progress;
    enum summary summary;
    int dry_run, quiet, verbose;
};

enum {
    OPT_FN = 256,
    OPT_CONNECTIVITY,
    OPT_MERGE,
    OPT_TAU,
    OPT_METRIC,
    OPT_MIN_CONTACT,
    OPT_CONTEXT,
    OPT_FORMAT,
    OPT_NAME,
    OPT_NGFF,
    OPT_CHUNK,
    OPT_SHARD,
    OPT_OUT_DTYPE,
    OPT_OVERWRITE,
    OPT_CHANNEL,
    OPT_TIME,
    OPT_TILE,
    OPT_HALO,
    OPT_MEMORY,
    OPT_THREADS,
    OPT_IO,
    OPT_SCRATCH,
    OPT_DRY_RUN,
    OPT_PROGRESS,
    OPT_SUMMARY,
    OPT_QUIET,
    OPT_VERBOSE
};

static const struct option long_options[] = {
    {"fn", required_argument, NULL, OPT_FN},
    {"connectivity", required_argument, NULL, OPT_CONNECTIVITY},
    {"merge", required_argument, NULL, OPT_MERGE},
    {"tau", required_argument, NULL, OPT_TAU},
    {"metric", required_argument, NULL, OPT_METRIC},
    {"min-contact", required_argument, NULL, OPT_MIN_CONTACT},
    {"context", required_argument, NULL, OPT_CONTEXT},
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"name", required_argument, NULL, OPT_NAME},
    {"ngff", required_argument, NULL, OPT_NGFF},
    {"chunk", required_argument, NULL, OPT_CHUNK},
    {"shard", required_argument, NULL, OPT_SHARD},
    {"out-dtype", required_argument, NULL, OPT_OUT_DTYPE},
    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"time", required_argument, NULL, OPT_TIME},
    {"tile", required_argument, NULL, OPT_TILE},
    {"halo", required_argument, NULL, OPT_HALO},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"io", required_argument, NULL, OPT_IO},
    {"scratch", required_argument, NULL, OPT_SCRATCH},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"summary", required_argument, NULL, OPT_SUMMARY},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"verbose", no_argument, NULL, OPT_VERBOSE},
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* One of several words; its number, or -1 after a message. */
static int choose(const char *option, const char *text, const char *const *word)
{
    char all[128] = "";
    for (int i = 0; word[i] != NULL; i++) {
        if (strcmp(text, word[i]) == 0)
            return i;
        size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", word[i]);
    }
    (void)pw_argument_wrong("%s %s: one of %s", option, text, all);
    return -1;
}

static int take_index(const char *option, const char *text, int64_t *index)
{
    uint64_t value;
    if (!pw_argument_number(option, text, 0, INT64_MAX, &value))
        return 0;
    *index = (int64_t)value;
    return 1;
}

static int take_small(const char *option, const char *text, uint64_t least, uint64_t most, int *number)
{
    uint64_t value;
    if (!pw_argument_number(option, text, least, most, &value))
        return 0;
    *number = (int)value;
    return 1;
}

/* What is written and how. */
static int take_output_option(struct pw_run_options *o, int option, const char *text)
{
    static const char *const format[] = {"zarr", "tiff", "npy", "raw", NULL};
    static const char *const ngff[] = {"0.5", "0.4", NULL};
    switch (option) {
    case 'o': o->output = text; return 1;
    case OPT_FORMAT: o->output_format = text; return choose("--format", text, format) >= 0;
    case OPT_NAME: o->label_name = text; return 1;
    case OPT_NGFF: o->ngff = text; return choose("--ngff", text, ngff) >= 0;
    case OPT_CHUNK: return pw_argument_box("--chunk", text, 1, o->output_chunk);
    case OPT_SHARD: return pw_argument_box("--shard", text, 1, o->output_shard);
    case OPT_OVERWRITE: o->overwrite = 1; return 1;
    case OPT_OUT_DTYPE:
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
    static const char *const metric[] = {"iou", "mutual", "iomin", NULL};
    uint64_t contact;
    int number;
    switch (option) {
    case OPT_CONNECTIVITY: return take_small("--connectivity", text, 1, 3, &o->connectivity);
    case OPT_MERGE:
        number = choose("--merge", text, rule);
        o->merge = (enum pw_merge)(number < 0 ? 0 : number);
        return number >= 0;
    case OPT_METRIC:
        number = choose("--metric", text, metric);
        o->metric = (enum pw_metric)(number < 0 ? 0 : number);
        return number >= 0;
    case OPT_TAU: return pw_argument_real("--tau", text, &o->tau);
    case OPT_MIN_CONTACT:
        if (!pw_argument_number("--min-contact", text, 1, UINT32_MAX, &contact))
            return 0;
        o->min_contact = (uint32_t)contact;
        return 1;
    case OPT_CONTEXT: return pw_argument_box("--context", text, 0, o->context);
    default: return -1;
    }
}

/* What is read, how it is cut and with what means. */
static int take_work_option(struct pw_run_options *o, int option, const char *text)
{
    static const char *const engine[] = {"auto", "uring", "mmap", "sync", NULL};
    int number;
    switch (option) {
    case OPT_FN: o->segmenter = text; return 1;
    case OPT_CHANNEL: return take_index("--channel", text, &o->channel);
    case OPT_TIME: return take_index("--time", text, &o->time);
    case OPT_TILE: return strcmp(text, "auto") == 0 || pw_argument_box("--tile", text, 1, o->tile);
    case OPT_HALO: o->halo_given = 1; return pw_argument_box("--halo", text, 0, o->halo);
    case OPT_MEMORY: return pw_argument_size("--memory", text, &o->memory_bytes);
    case OPT_THREADS: return take_small("--threads", text, 1, 1024, &o->threads);
    case OPT_SCRATCH: o->scratch_dir = text; return 1;
    case OPT_IO:
        number = choose("--io", text, engine);
        o->io = (enum pw_io_engine)(number < 0 ? 0 : number);
        return number >= 0;
    default: return -1;
    }
}

static int take_message_option(struct request *request, int option, const char *text)
{
    static const char *const when[] = {"auto", "always", "never", "json", NULL};
    static const char *const form[] = {"text", "json", "none", NULL};
    int number = 0;
    switch (option) {
    case OPT_DRY_RUN: request->dry_run = 1; return 1;
    case OPT_QUIET: request->quiet = 1; return 1;
    case OPT_VERBOSE: request->verbose = 1; return 1;
    case OPT_PROGRESS:
        number = choose("--progress", text, when);
        request->progress = (enum pw_progress_when)(number < 0 ? 0 : number);
        return number >= 0;
    case OPT_SUMMARY:
        number = choose("--summary", text, form);
        request->summary = (enum summary)(number < 0 ? 0 : number);
        return number >= 0;
    default: return -1;
    }
}

static int take_option(struct request *request, int option, const char *text)
{
    int taken = take_output_option(&request->options, option, text);
    if (taken < 0)
        taken = take_merge_option(&request->options, option, text);
    if (taken < 0)
        taken = take_work_option(&request->options, option, text);
    if (taken < 0)
        taken = take_message_option(request, option, text);
    return taken < 0 ? pw_argument_open(option, text, &request->options.open) : taken;
}

static int parse(int argc, char **argv, struct request *request)
{
    int option;
    memset(request, 0, sizeof *request);
    pw_run_options_init(&request->options);
    while ((option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return pw_argument_getopt_error(option, argv);
        if (take_option(request, option, optarg) != 1)
            return PW_EXIT_USAGE;
    }
    if (!pw_argument_open_check(&request->options.open))
        return PW_EXIT_USAGE;
    if (optind == argc)
        (void)pw_argument_wrong("run: no IMAGE");
    else if (optind + 1 < argc)
        (void)pw_argument_wrong("run: one IMAGE, not %s as well", argv[optind + 1]);
    if (optind + 1 != argc)
        return PW_EXIT_USAGE;
    request->options.input = argv[optind];
    if (request->options.segmenter == NULL) {
        (void)pw_argument_wrong("run: no --fn");
        return PW_EXIT_USAGE;
    }
    return PW_EXIT_DONE;
}

/* One line; a wrong option is wrong usage, a reader that went away is not worth a word. */
static int fail(const struct pw_error *error)
{
    if (error->status != PW_E_PIPE && pw_signals_stopped() == 0)
        (void)fprintf(stderr, "pw-stream: %s\n", error->message);
    return error->status == PW_E_ARGUMENT ? PW_EXIT_USAGE : PW_EXIT_FAILED;
}

static int plan(const struct request *request, FILE *out)
{
    struct pw_plan report;
    struct pw_error error = {0};
    if (pw_run_plan(&request->options, &report, &error) != PW_OK)
        return fail(&error);
    pw_report_plan(out, &report);
    return PW_EXIT_DONE;
}

static void decide_progress(const struct request *request, struct pw_progress_bar *bar)
{
    bar->in_place = isatty(STDERR_FILENO);
    bar->when = request->progress;
    if (bar->when == PW_PROGRESS_AUTO)
        bar->when = bar->in_place && !request->quiet ? PW_PROGRESS_ALWAYS : PW_PROGRESS_NEVER;
}

/* Until the stream begins there is nothing to drain or to clean up: signals end the program as they always do. */
static void wait_for_stream(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    (void)poll(&input, 1, -1);
}

int pw_cmd_run(int argc, char **argv)
{
    struct request request;
    struct pw_progress_bar bar = {0};
    struct pw_run_result result;
    struct pw_error error = {0};
    pw_argument_verb("run");
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    if (request.dry_run)
        return plan(&request, stdout);
    int input_is_file = strcmp(request.options.input, "-") != 0; /* a pipe can be opened only once */
    if (request.verbose && input_is_file && (status = plan(&request, stderr)) != PW_EXIT_DONE)
        return status;
    decide_progress(&request, &bar);
    request.options.progress = pw_progress_bar_show;
    request.options.progress_user = &bar;
    if (!input_is_file)
        wait_for_stream();
    pw_signals_catch();
    enum pw_status ran = pw_run(&request.options, &result, &error);
    pw_progress_bar_clear(&bar);
    if (ran != PW_OK) {
        status = fail(&error);
        pw_signals_end();
        return status;
    }
    if (request.summary == SUMMARY_JSON)
        pw_report_summary_json(stderr, &result);
    else if (request.summary == SUMMARY_TEXT && !request.quiet)
        pw_report_summary(stderr, &result);
    return PW_EXIT_DONE;
}
