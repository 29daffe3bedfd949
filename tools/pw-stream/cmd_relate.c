/* pw-stream relate: which parent each child lies in, as a table. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "label_options.h"

enum {
    OPT_MIN_FRACTION = 256,
    OPT_COUNTS,
    OPT_OVERWRITE,
    OPT_QUIET
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"min-fraction", required_argument, NULL, OPT_MIN_FRACTION},
    {"counts", required_argument, NULL, OPT_COUNTS},
    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"quiet", no_argument, NULL, OPT_QUIET},
    PW_LABEL_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int take_fraction(const char *text, double *fraction)
{
    char *end;
    *fraction = strtod(text, &end);
    if (end == text || *end != '\0' || !(*fraction >= 0 && *fraction <= 1))
        return pw_argument_wrong("--min-fraction %s: not a number from 0 to 1", text);
    return 1;
}

struct request {
    struct pw_relate_options options;
    struct pw_label_options labels;
    int quiet;
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    struct pw_relate_options *options = &request->options;
    switch (option) {
    case 'o': options->output = text; return 1;
    case OPT_MIN_FRACTION: return take_fraction(text, &options->min_fraction);
    case OPT_COUNTS: options->counts = text; return 1;
    case OPT_OVERWRITE: return options->overwrite = 1;
    case OPT_QUIET: return request->quiet = 1;
    default: return pw_label_options_take(option, text, &request->labels);
    }
}

static int parse(int argc, char **argv, struct request *request)
{
    struct pw_relate_options *options = &request->options;
    const struct pw_label_options *labels = &request->labels;
    pw_relate_options_init(options);
    pw_label_options_init(&request->labels);
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, request) != PW_EXIT_DONE ||
        !pw_argument_open_check(&labels->open))
        return PW_EXIT_USAGE;
    if (argc - optind != 2)
        (void)pw_argument_wrong("relate takes two label volumes, CHILD and PARENT");
    else if (options->output == NULL)
        (void)pw_argument_wrong("relate needs -o TABLE.csv (or .tsv, or - for standard output)");
    if (argc - optind != 2 || options->output == NULL)
        return PW_EXIT_USAGE;
    pw_label_options_input(labels, argv[optind], &options->child);
    pw_label_options_input(labels, argv[optind + 1], &options->parent);
    options->memory_bytes = labels->memory_bytes;
    options->threads = labels->threads;
    options->scratch_dir = labels->scratch_dir;
    return PW_EXIT_DONE;
}

int pw_cmd_relate(int argc, char **argv)
{
    struct request request = {0};
    struct pw_relate_result result;
    struct pw_error error = {0};
    pw_argument_verb(argv[0]);
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    if (pw_relate(&request.options, &result, &error) != PW_OK)
        return pw_command_fail(&error);
    if (!request.quiet)
        (void)fprintf(
            stderr, "%" PRIu64 " children, %" PRIu64 " with a parent; %" PRIu64 " parents, %" PRIu64 " with children\n",
            result.children, result.related, result.parents, result.parents_with_children);
    return PW_EXIT_DONE;
}
