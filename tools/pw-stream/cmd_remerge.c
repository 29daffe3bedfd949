/* pw-stream remerge */
#include <getopt.h>

#include "arguments.h"
#include "commands.h"
#include "run_request.h"

int pw_cmd_remerge(int argc, char **argv)
{
    static const struct option long_options[] = {PW_RUN_OPTIONS, {NULL, 0, NULL, 0}};
    struct pw_run_request request;
    int option;
    pw_argument_verb("remerge");
    pw_run_request_init(&request);
    while ((option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return pw_argument_getopt_error(option, argv);
        if (pw_run_request_take(&request, option, optarg) != 1)
            return PW_EXIT_USAGE;
    }
    if (optind + 1 != argc) {
        (void)pw_argument_wrong("remerge takes one STAGE, the directory that run had as --keep-stage");
        return PW_EXIT_USAGE;
    }
    request.options.input = argv[optind];
    return pw_run_request_go(&request, pw_remerge);
}
