/* pw-stream merge */
#include <getopt.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "run_request.h"

enum {
    OPT_TILE = PW_OPTION_OWN,
    OPT_CHANNEL,
    OPT_TIME,
    OPT_IN_PLACE
};

static const struct option long_options[] = {
    {"tile", required_argument, NULL, OPT_TILE},
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"time", required_argument, NULL, OPT_TIME},
    {"in-place", no_argument, NULL, OPT_IN_PLACE},
    PW_RUN_OPTIONS,
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int take_option(void *context, int option, const char *text)
{
    struct pw_run_request *request = context;
    switch (option) {
    case OPT_TILE: return pw_argument_box("--tile", text, 1, request->options.tile);
    case OPT_CHANNEL: request->options.channels = text; return 1;
    case OPT_TIME: return pw_argument_time(text, &request->options.time, &request->options.n_times);
    case OPT_IN_PLACE: request->options.in_place = 1; return 1;
    default: break;
    }
    int taken = pw_run_request_take(request, option, text);
    return taken < 0 ? pw_argument_open(option, text, &request->options.open) : taken;
}

/* A list of tiles is a JSON file; nothing else that is read is called so. */
static int names_list(const char *path)
{
    size_t n = strlen(path);
    return n > 5 && strcmp(path + n - 5, ".json") == 0;
}

/* What merging alone can be asked for. */
static int check(const struct pw_run_request *request, int n_paths, int is_list)
{
    const struct pw_run_options *o = &request->options;
    if (n_paths != 1)
        return pw_argument_wrong("merge takes one LABELS");
    if (o->tile[2] == 0 && !is_list)
        return pw_argument_wrong("merge: no --tile, the tile that the labels were made with");
    if (o->tile[2] != 0 && is_list)
        return pw_argument_wrong("merge: a list of tiles says itself how large they are, without --tile");
    if (o->in_place && o->output != NULL)
        return pw_argument_wrong("merge: -o or --in-place, not both");
    if (!is_list && (o->merge == PW_MERGE_OVERLAP || o->merge == PW_MERGE_WITNESS))
        return pw_argument_wrong("merge: overlaps are compared where tiles overlap, and in one array they do not; "
                                 "--merge touch or face");
    return pw_argument_open_check(&o->open);
}

int pw_cmd_merge(int argc, char **argv)
{
    struct pw_run_request request;
    pw_argument_verb("merge");
    pw_run_request_init(&request);
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, &request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    int is_list = optind < argc && names_list(argv[optind]);
    if (!check(&request, argc - optind, is_list))
        return PW_EXIT_USAGE;
    request.options.input = argv[optind];
    request.options.segmenter = "given";
    request.options.halo_given = !is_list; /* none */
    if (request.options.merge == PW_MERGE_AUTO && !is_list)
        request.options.merge = PW_MERGE_TOUCH;
    return pw_run_request_go(&request, pw_run);
}
