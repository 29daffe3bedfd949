/* pw-stream tiles */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "run_request.h"
#include "signals.h"
#include "tile_frames.h"

enum {
    OPT_TAG = PW_OPTION_OWN
};

static const struct option long_options[] = {
    {"tag", no_argument, NULL, OPT_TAG},
    {"memory", required_argument, NULL, PW_OPTION_MEMORY},
    {"threads", required_argument, NULL, PW_OPTION_THREADS},
    {"quiet", no_argument, NULL, PW_OPTION_QUIET},
    PW_FRAME_OPTIONS,
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

struct request {
    struct pw_run_request run;
    int tagged;
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    struct pw_run_options *options = &request->run.options;
    if (option == OPT_TAG)
        return request->tagged = 1;
    int taken = pw_frame_option_take(options, option, text);
    if (taken < 0)
        taken = pw_run_request_take(&request->run, option, text);
    return taken < 0 ? pw_argument_open(option, text, &options->open) : taken;
}

static int watch(const struct pw_progress *progress, void *user)
{
    (void)progress;
    (void)user;
    return pw_signals_stopped() != 0;
}

int pw_cmd_tiles(int argc, char **argv)
{
    struct request request = {.tagged = 0};
    struct pw_run_options *options = &request.run.options;
    struct pw_tiles_result result;
    struct pw_error error = {0};
    pw_argument_verb("tiles");
    pw_run_request_init(&request.run);
    if (pw_argument_options(argc, argv, ":", long_options, take_option, &request) != PW_EXIT_DONE ||
        !pw_argument_open_check(&options->open))
        return PW_EXIT_USAGE;
    if (optind + 1 != argc) {
        (void)pw_argument_wrong("tiles takes one IMAGE");
        return PW_EXIT_USAGE;
    }
    if (isatty(STDOUT_FILENO)) {
        (void)pw_argument_wrong("tiles: standard output is a terminal; pipe it into a filter");
        return PW_EXIT_USAGE;
    }
    options->input = argv[optind];
    options->progress = watch;
    pw_signals_catch();
    return pw_command_end(pw_tiles(options, STDOUT_FILENO, request.tagged, &result, &error), &error);
}
