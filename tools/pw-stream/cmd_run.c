/* pw-stream run */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "run_request.h"
#include "tile_options.h"
#include "worker_options.h"

enum {
    OPT_FN = PW_OPTION_OWN,
    OPT_NORMALIZE,
    OPT_CHANNEL,
    OPT_TIME,
    OPT_TILE,
    OPT_HALO,
    OPT_IO,
    OPT_KEEP_STAGE,
    OPT_OBJECTS,
    OPT_OBJECTS_CHANNEL,
    OPT_DRY_RUN
};

static const struct option long_options[] = {
    {"fn", required_argument, NULL, OPT_FN},
    {"normalize", required_argument, NULL, OPT_NORMALIZE},
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"time", required_argument, NULL, OPT_TIME},
    {"tile", required_argument, NULL, OPT_TILE},
    {"halo", required_argument, NULL, OPT_HALO},
    {"io", required_argument, NULL, OPT_IO},
    {"keep-stage", required_argument, NULL, OPT_KEEP_STAGE},
    {"objects", required_argument, NULL, OPT_OBJECTS},
    {"objects-channel", required_argument, NULL, OPT_OBJECTS_CHANNEL},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    PW_TILE_OPTIONS,
    PW_WORKER_OPTIONS,
    PW_RUN_OPTIONS,
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* What is read, by what it is segmented and how it is cut. */
static int take_own_option(struct pw_run_request *request, int option, const char *text)
{
    static const char *const engine[] = {"auto", "uring", "mmap", "sync", NULL};
    struct pw_run_options *o = &request->options;
    int number;
    switch (option) {
    case OPT_FN: o->segmenter = text; return 1;
    case OPT_NORMALIZE: o->normalize = text; return 1;
    case OPT_CHANNEL: o->channels = text; return 1;
    case OPT_TIME: return pw_argument_time(text, &o->time, &o->n_times);
    case OPT_TILE: return strcmp(text, "auto") == 0 || pw_argument_box("--tile", text, 1, o->tile);
    case OPT_HALO: o->halo_given = 1; return pw_argument_box("--halo", text, 0, o->halo);
    case OPT_KEEP_STAGE: o->keep_stage = text; return 1;
    case OPT_OBJECTS: o->objects = text; return 1;
    case OPT_OBJECTS_CHANNEL:
        o->objects_channel = -1;
        return strcmp(text, "all") == 0 || pw_argument_index("--objects-channel", text, &o->objects_channel);
    case OPT_DRY_RUN: request->dry_run = 1; return 1;
    case OPT_IO:
        number = pw_argument_choose("--io", text, engine);
        o->io = (enum pw_io_engine)(number < 0 ? 0 : number);
        return number >= 0;
    default: return -1;
    }
}

static int take_option(void *context, int option, const char *text)
{
    struct pw_run_request *request = context;
    int taken = take_own_option(request, option, text);
    if (taken < 0)
        taken = pw_tile_options_take(&request->options, option, text);
    if (taken < 0)
        taken = pw_worker_option_take(&request->options, option, text);
    if (taken < 0)
        taken = pw_run_request_take(request, option, text);
    return taken < 0 ? pw_argument_open(option, text, &request->options.open) : taken;
}

static int parse(int argc, char **argv, struct pw_run_request *request)
{
    pw_run_request_init(request);
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
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

/* Until the stream begins there is nothing to drain or to clean up: signals end the program as they always do. */
static void wait_for_stream(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    (void)poll(&input, 1, -1);
}

/* ---- all images of a plate ---- */

struct fields {
    struct pw_run_request *request;
    int status;
};

static int run_field(const char *path, const char *name, void *user)
{
    struct fields *fields = user;
    struct pw_run_request request = *fields->request;
    request.options.input = path;
    request.options.open.well = request.options.open.series = NULL;
    if (!request.quiet)
        (void)fprintf(request.dry_run ? stdout : stderr, "%s\n", name[0] != '\0' ? name : path);
    fields->status = request.dry_run ? pw_run_request_plan(&request, stdout) : pw_run_request_go(&request, pw_run);
    return fields->status != PW_EXIT_DONE;
}

/* One run for each field or series, whose labels go into its own image; the first that fails is the last. */
static int run_all(struct pw_run_request *request)
{
    const struct pw_run_options *o = &request->options;
    const char *option = o->open.well != NULL ? "--well all" : "--series all";
    struct fields fields = {request, PW_EXIT_DONE};
    struct pw_error error = {0};
    enum pw_collection_kind kind;
    if (o->output != NULL || o->keep_stage != NULL || (o->objects != NULL && strcmp(o->objects, "store") != 0)) {
        (void)pw_argument_wrong("%s: the labels of each image go into it, and nothing into one place: without -o and "
                                "--keep-stage, and --objects store",
                                option);
        return PW_EXIT_USAGE;
    }
    if (pw_collection_list(o->input, &kind, NULL, NULL, &error) != PW_OK)
        return pw_command_fail(&error);
    if (kind == PW_ONE_IMAGE || (o->open.series != NULL) != (kind == PW_SERIES)) {
        (void)pw_argument_wrong("%s: %s is no %s", option, o->input,
                                o->open.series != NULL ? "store of several series" : "plate");
        return PW_EXIT_USAGE;
    }
    if (pw_collection_list(o->input, &kind, run_field, &fields, &error) != PW_OK)
        return pw_command_fail(&error);
    return fields.status;
}

static int asks_for_all(const char *choice)
{
    return choice != NULL && strcmp(choice, "all") == 0;
}

int pw_cmd_run(int argc, char **argv)
{
    struct pw_run_request request;
    pw_argument_verb("run");
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    if (asks_for_all(request.options.open.well) || asks_for_all(request.options.open.series))
        return run_all(&request);
    if (request.dry_run)
        return pw_run_request_plan(&request, stdout);
    int input_is_file = strcmp(request.options.input, "-") != 0; /* a pipe can be opened only once */
    if (request.verbose && input_is_file && (status = pw_run_request_plan(&request, stderr)) != PW_EXIT_DONE)
        return status;
    if (!input_is_file)
        wait_for_stream();
    return pw_run_request_go(&request, pw_run);
}
