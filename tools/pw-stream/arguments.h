/*
 * arguments - the values of options: numbers, sizes, boxes.  Each returns 1, or 0
 * after a line on standard error that names the option and the text.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <getopt.h>
#include <stdint.h>

#include "patchworks.h"

/* The verb that messages name. */
void pw_argument_verb(const char *verb);

/* One line on standard error; returns 0. */
int pw_argument_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A whole number between least and most. */
int pw_argument_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *value);

/* One of several words, NULL after the last; its number, or -1 after the message. */
int pw_argument_choose(const char *option, const char *text, const char *const *word);

/* As pw_argument_number(), for an int. */
int pw_argument_small(const char *option, const char *text, uint64_t least, uint64_t most, int *number);

/* The number of a channel or a time point. */
int pw_argument_index(const char *option, const char *text, int64_t *index);

/* "3": that one; "all"; "2:5", "2:" or ":5": a range of them, as pw_run_options has it. */
int pw_argument_time(const char *text, int64_t *time, uint64_t *n_times);

/* A finite number. */
int pw_argument_real(const char *option, const char *text, double *value);

/* "512M", "4G", "1.5G", "100000": bytes; K, M, G, T are powers of 1024, an i or B after them is allowed. */
int pw_argument_size(const char *option, const char *text, uint64_t *bytes);

/* "z,y,x" or "y,x" (z gets single_z), or one number for all axes; slowest first. */
int pw_argument_box(const char *option, const char *text, uint64_t least, uint64_t box[3]);

/* "t,c,z,y,x" and shorter: 1..PW_MAX_RANK numbers from 1. */
int pw_argument_shape(const char *option, const char *text, uint64_t shape[PW_MAX_RANK], int *rank);

/* Options that describe a raw file, axes and a level, common to several verbs. */
enum {
    PW_OPTION_SHAPE = 1000,
    PW_OPTION_DTYPE,
    PW_OPTION_OFFSET,
    PW_OPTION_ENDIAN,
    PW_OPTION_LEVEL,
    PW_OPTION_AXES,
    PW_OPTION_SERIES,
    PW_OPTION_WELL
};
#define PW_OPEN_OPTIONS                                                                                                \
    {"shape", required_argument, NULL, PW_OPTION_SHAPE}, {"dtype", required_argument, NULL, PW_OPTION_DTYPE},          \
        {"offset", required_argument, NULL, PW_OPTION_OFFSET}, {"endian", required_argument, NULL, PW_OPTION_ENDIAN},  \
        {"axes", required_argument, NULL, PW_OPTION_AXES}, {"series", required_argument, NULL, PW_OPTION_SERIES},      \
        {"well", required_argument, NULL, PW_OPTION_WELL},                                                             \
    {                                                                                                                  \
        "level", required_argument, NULL, PW_OPTION_LEVEL                                                              \
    }

/* Takes one of them; returns 1, 0 after a message, or -1 when option is none of them. */
int pw_argument_open(int option, const char *text, struct pw_open_options *open);

/* A raw file needs both its shape and its type: 1, or 0 after a message. */
int pw_argument_open_check(const struct pw_open_options *open);

/*
 * The arguments of a verb that takes one PATH, the options above and one flag: opens the image.
 * Returns PW_EXIT_DONE, or the exit status after a message.
 */
int pw_argument_image(int argc, char **argv, const char *flag, int *has_flag, struct pw_image **image);

/*
 * The same; where neither a series nor a well is asked for, first is asked with the path, and what it returns is the exit
 * status unless it is negative.
 */
int pw_argument_image_unless(int argc, char **argv, const char *flag, int *has_flag,
                             int (*first)(const char *path, int has_flag), struct pw_image **image);

/* Takes an option with its text into the request of a verb: 1; 0 after a message; -1 when it is none of its options. */
typedef int (*pw_take_option_fn)(void *request, int option, const char *text);

/*
 * Hands the options among a verb's arguments to take in their order; optind is then the first argument that is none.
 * letters are the short ones, as getopt() has them.  Returns PW_EXIT_DONE, or PW_EXIT_USAGE after a message.
 */
int pw_argument_options(int argc, char **argv, const char *letters, const struct option *options,
                        pw_take_option_fn take, void *request);

#endif
