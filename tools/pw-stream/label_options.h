/*
 * label_options - the options that verbs over two label volumes have in common.
 */
#ifndef LABEL_OPTIONS_H
#define LABEL_OPTIONS_H

#include "arguments.h"

/* Two label volumes, and what to read them with. */
struct pw_label_options {
    struct pw_open_options open; /* a raw description is for the file that does not describe itself */
    int64_t channel, time;
    uint64_t n_times;
    uint64_t memory_bytes;
    int threads;
    const char *scratch_dir;
};

enum {
    PW_OPTION_CHANNEL = 1100,
    PW_OPTION_TIME,
    PW_OPTION_MEMORY,
    PW_OPTION_THREADS,
    PW_OPTION_SCRATCH
};
#define PW_LABEL_OPTIONS                                                                                               \
    {"channel", required_argument, NULL, PW_OPTION_CHANNEL}, {"time", required_argument, NULL, PW_OPTION_TIME},        \
        {"memory", required_argument, NULL, PW_OPTION_MEMORY},                                                         \
        {"threads", required_argument, NULL, PW_OPTION_THREADS},                                                       \
        {"scratch", required_argument, NULL, PW_OPTION_SCRATCH}, PW_OPEN_OPTIONS

void pw_label_options_init(struct pw_label_options *options);

/* Takes one of them; 0 after a message, also for an option that is none of them. */
int pw_label_options_take(int option, const char *text, struct pw_label_options *options);

/* Fills input for path: opens it once to see whether it needs a raw description. */
void pw_label_options_input(const struct pw_label_options *options, const char *path, struct pw_label_input *input);

#endif
