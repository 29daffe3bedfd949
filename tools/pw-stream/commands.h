/*
 * commands - the verbs of pw-stream, one file cmd_<verb>.c each.
 *
 * A verb gets its own argv (argv[0] is the verb) with getopt reset, and returns the exit status:
 * 0 done, 1 failed (one line on standard error), 2 done with warnings, 64 usage.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "patchworks.h"

struct pw_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;     /* one line of `pw-stream help` */
    const char *const *help; /* the whole of `pw-stream help <verb>`, see help_text.h */
};

/* All verbs, ended by a NULL name. */
extern const struct pw_command pw_commands[];

int pw_cmd_run(int argc, char **argv);
int pw_cmd_merge(int argc, char **argv);
int pw_cmd_remerge(int argc, char **argv);
int pw_cmd_convert(int argc, char **argv);
int pw_cmd_pyramid(int argc, char **argv);
int pw_cmd_explain(int argc, char **argv);
int pw_cmd_fn(int argc, char **argv);
int pw_cmd_probe(int argc, char **argv);
int pw_cmd_tiles(int argc, char **argv);
int pw_cmd_collect(int argc, char **argv);
int pw_cmd_info(int argc, char **argv);
int pw_cmd_cat(int argc, char **argv);
int pw_cmd_measure(int argc, char **argv);
int pw_cmd_preview(int argc, char **argv);
int pw_cmd_compare(int argc, char **argv);
int pw_cmd_relate(int argc, char **argv);
int pw_cmd_seams(int argc, char **argv);
int pw_cmd_version(int argc, char **argv);
int pw_cmd_help(int argc, char **argv);

/* One line for error (none after a signal or for a reader that went away); returns the exit status: a wrong option is wrong usage. */
int pw_command_fail(const struct pw_error *error);

/* The exit status of a verb that ends with status; after a signal the process ends here by the same one. */
int pw_command_end(enum pw_status status, const struct pw_error *error);

enum {
    PW_EXIT_DONE = 0,
    PW_EXIT_FAILED = 1,
    PW_EXIT_WARNINGS = 2,
    PW_EXIT_DIFFERENT = 2, /* compare: the two are not the same */
    PW_EXIT_USAGE = 64
};

#endif
