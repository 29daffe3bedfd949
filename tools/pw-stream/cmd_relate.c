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

/* Returns 0 after a message. */
static int parse(int argc, char **argv, struct pw_relate_options *options, int *quiet)
{
    struct pw_label_options labels;
    int option;
    pw_label_options_init(&labels);
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1) {
        int good = 1;
        switch (option) {
        case '?':
        case ':': (void)pw_argument_getopt_error(option, argv); return 0;
        case 'o': options->output = optarg; break;
        case OPT_MIN_FRACTION: good = take_fraction(optarg, &options->min_fraction); break;
        case OPT_COUNTS: options->counts = optarg; break;
        case OPT_OVERWRITE: options->overwrite = 1; break;
        case OPT_QUIET: *quiet = 1; break;
        default: good = pw_label_options_take(option, optarg, &labels);
        }
        if (!good)
            return 0;
    }
    if (!pw_argument_open_check(&labels.open))
        return 0;
    if (argc - optind != 2)
        return pw_argument_wrong("relate takes two label volumes, CHILD and PARENT");
    if (options->output == NULL)
        return pw_argument_wrong("relate needs -o TABLE.csv (or .tsv, or - for standard output)");
    pw_label_options_input(&labels, argv[optind], &options->child);
    pw_label_options_input(&labels, argv[optind + 1], &options->parent);
    options->memory_bytes = labels.memory_bytes;
    options->threads = labels.threads;
    options->scratch_dir = labels.scratch_dir;
    return 1;
}

int pw_cmd_relate(int argc, char **argv)
{
    struct pw_relate_options options;
    struct pw_relate_result result;
    struct pw_error error = {0};
    int quiet = 0;
    pw_argument_verb(argv[0]);
    pw_relate_options_init(&options);
    if (!parse(argc, argv, &options, &quiet))
        return PW_EXIT_USAGE;
    if (pw_relate(&options, &result, &error) != PW_OK)
        return pw_command_fail(&error);
    if (!quiet)
        (void)fprintf(
            stderr, "%" PRIu64 " children, %" PRIu64 " with a parent; %" PRIu64 " parents, %" PRIu64 " with children\n",
            result.children, result.related, result.parents, result.parents_with_children);
    return PW_EXIT_DONE;
}
