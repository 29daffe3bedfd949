/*
 * run_request - what the verbs that end in a label volume have in common: options for the output, the merge,
 * the resources and the messages, and how such a run is begun, watched and reported.
 */
#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H

#include <stdio.h>

#include "patchworks.h"
#include "progress_bar.h"

enum pw_summary {
    PW_SUMMARY_TEXT,
    PW_SUMMARY_JSON,
    PW_SUMMARY_NONE
};

/* Everything the command line says. */
struct pw_run_request {
    struct pw_run_options options;
    enum pw_progress_when progress;
    enum pw_summary summary;
    int dry_run, quiet, verbose;
};

/* Their numbers; a verb's own begin with PW_OPTION_OWN. */
enum {
    PW_OPTION_CONNECTIVITY = 256,
    PW_OPTION_MERGE,
    PW_OPTION_TAU,
    PW_OPTION_METRIC,
    PW_OPTION_MIN_CONTACT,
    PW_OPTION_CONTEXT,
    PW_OPTION_UNMATCHED,
    PW_OPTION_MIN_SIZE,
    PW_OPTION_MAX_SIZE,
    PW_OPTION_BORDER,
    PW_OPTION_DILATE,
    PW_OPTION_FILL_HOLES,
    PW_OPTION_FORMAT,
    PW_OPTION_NAME,
    PW_OPTION_NGFF,
    PW_OPTION_CHUNK,
    PW_OPTION_SHARD,
    PW_OPTION_CODEC,
    PW_OPTION_PYRAMID,
    PW_OPTION_OUT_DTYPE,
    PW_OPTION_OVERWRITE,
    PW_OPTION_MEMORY,
    PW_OPTION_THREADS,
    PW_OPTION_SCRATCH,
    PW_OPTION_PROGRESS,
    PW_OPTION_SUMMARY,
    PW_OPTION_QUIET,
    PW_OPTION_VERBOSE,
    PW_OPTION_OWN
};

#define PW_RUN_OPTIONS                                                                                                 \
    {"connectivity", required_argument, NULL, PW_OPTION_CONNECTIVITY},                                                 \
        {"merge", required_argument, NULL, PW_OPTION_MERGE}, {"tau", required_argument, NULL, PW_OPTION_TAU},          \
        {"metric", required_argument, NULL, PW_OPTION_METRIC},                                                         \
        {"min-contact", required_argument, NULL, PW_OPTION_MIN_CONTACT},                                               \
        {"context", required_argument, NULL, PW_OPTION_CONTEXT},                                                       \
        {"unmatched", required_argument, NULL, PW_OPTION_UNMATCHED},                                                   \
        {"min-size", required_argument, NULL, PW_OPTION_MIN_SIZE},                                                     \
        {"max-size", required_argument, NULL, PW_OPTION_MAX_SIZE},                                                     \
        {"border", required_argument, NULL, PW_OPTION_BORDER},                                                         \
        {"fill-holes", no_argument, NULL, PW_OPTION_FILL_HOLES},                                                       \
        {"dilate", required_argument, NULL, PW_OPTION_DILATE}, {"output", required_argument, NULL, 'o'},               \
        {"format", required_argument, NULL, PW_OPTION_FORMAT}, {"name", required_argument, NULL, PW_OPTION_NAME},      \
        {"ngff", required_argument, NULL, PW_OPTION_NGFF}, {"chunk", required_argument, NULL, PW_OPTION_CHUNK},        \
        {"shard", required_argument, NULL, PW_OPTION_SHARD}, {"codec", required_argument, NULL, PW_OPTION_CODEC},      \
        {"pyramid", required_argument, NULL, PW_OPTION_PYRAMID},                                                       \
        {"out-dtype", required_argument, NULL, PW_OPTION_OUT_DTYPE},                                                   \
        {"overwrite", no_argument, NULL, PW_OPTION_OVERWRITE}, {"memory", required_argument, NULL, PW_OPTION_MEMORY},  \
        {"threads", required_argument, NULL, PW_OPTION_THREADS},                                                       \
        {"scratch", required_argument, NULL, PW_OPTION_SCRATCH},                                                       \
        {"progress", required_argument, NULL, PW_OPTION_PROGRESS},                                                     \
        {"summary", required_argument, NULL, PW_OPTION_SUMMARY}, {"quiet", no_argument, NULL, PW_OPTION_QUIET},        \
    {                                                                                                                  \
        "verbose", no_argument, NULL, PW_OPTION_VERBOSE                                                                \
    }

/* Those of the verbs that look at a kept stage and write no labels: how it is merged, and what is left out. */
#define PW_LOOK_OPTIONS                                                                                                \
    {"connectivity", required_argument, NULL, PW_OPTION_CONNECTIVITY},                                                 \
        {"merge", required_argument, NULL, PW_OPTION_MERGE}, {"tau", required_argument, NULL, PW_OPTION_TAU},          \
        {"metric", required_argument, NULL, PW_OPTION_METRIC},                                                         \
        {"min-contact", required_argument, NULL, PW_OPTION_MIN_CONTACT},                                               \
        {"context", required_argument, NULL, PW_OPTION_CONTEXT},                                                       \
        {"unmatched", required_argument, NULL, PW_OPTION_UNMATCHED},                                                   \
        {"memory", required_argument, NULL, PW_OPTION_MEMORY},                                                         \
    {                                                                                                                  \
        "scratch", required_argument, NULL, PW_OPTION_SCRATCH                                                          \
    }

#define PW_FILTER_OPTIONS                                                                                              \
    {"min-size", required_argument, NULL, PW_OPTION_MIN_SIZE},                                                         \
        {"max-size", required_argument, NULL, PW_OPTION_MAX_SIZE},                                                     \
    {                                                                                                                  \
        "border", required_argument, NULL, PW_OPTION_BORDER                                                            \
    }

void pw_run_request_init(struct pw_run_request *request);

/* Takes one of them; returns 1, 0 after a message, or -1 when option is none of them. */
int pw_run_request_take(struct pw_run_request *request, int option, const char *text);

/* Prints the plan; returns the exit status. */
int pw_run_request_plan(const struct pw_run_request *request, FILE *out);

/* Does it with run (pw_run() or one like it), under the progress bar and the signals; returns the exit status. */
typedef enum pw_status (*pw_run_fn)(const struct pw_run_options *options, struct pw_run_result *result,
                                    struct pw_error *error);
int pw_run_request_go(struct pw_run_request *request, pw_run_fn run);

#endif
