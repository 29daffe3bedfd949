/* pw-stream collect */
#include <getopt.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "run_request.h"
#include "tile_frames.h"

enum {
    OPT_OBJECTS = PW_OPTION_OWN
};

static const struct option long_options[] = {
    {"objects", required_argument, NULL, OPT_OBJECTS},
    PW_FRAME_OPTIONS,
    PW_RUN_OPTIONS,
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int take_option(void *context, int option, const char *text)
{
    struct pw_run_request *request = context;
    if (option == OPT_OBJECTS) {
        request->options.objects = text;
        return 1;
    }
    int taken = pw_frame_option_take(&request->options, option, text);
    if (taken < 0)
        taken = pw_run_request_take(request, option, text);
    return taken < 0 ? pw_argument_open(option, text, &request->options.open) : taken;
}

int pw_cmd_collect(int argc, char **argv)
{
    struct pw_run_request request;
    pw_argument_verb("collect");
    pw_run_request_init(&request);
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, &request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    if (optind + 1 != argc || strcmp(argv[optind], "-") == 0) {
        (void)pw_argument_wrong("collect takes one IMAGE, that tiles was given; standard input has the labels");
        return PW_EXIT_USAGE;
    }
    if (!pw_argument_open_check(&request.options.open))
        return PW_EXIT_USAGE;
    request.options.input = argv[optind];
    request.options.segmenter = "frames";
    return pw_run_request_go(&request, pw_run);
}
