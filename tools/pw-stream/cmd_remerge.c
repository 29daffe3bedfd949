/* pw-stream remerge */
#include <getopt.h>

#include "arguments.h"
#include "commands.h"
#include "run_request.h"

static int take_option(void *request, int option, const char *text)
{
    return pw_run_request_take(request, option, text);
}

int pw_cmd_remerge(int argc, char **argv)
{
    static const struct option long_options[] = {PW_RUN_OPTIONS, {NULL, 0, NULL, 0}};
    struct pw_run_request request;
    pw_argument_verb("remerge");
    pw_run_request_init(&request);
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, &request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    if (optind + 1 != argc) {
        (void)pw_argument_wrong("remerge takes one STAGE, the directory that run had as --keep-stage");
        return PW_EXIT_USAGE;
    }
    request.options.input = argv[optind];
    return pw_run_request_go(&request, pw_remerge);
}
