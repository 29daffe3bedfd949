#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "help_text.h"

void pw_help_print(const char *const *help)
{
    for (; *help != NULL; help++)
        (void)fputs(*help, stdout);
}

int pw_cmd_help(int argc, char **argv)
{
    if (argc > 1) {
        for (const struct pw_command *c = pw_commands; c->name != NULL; c++)
            if (strcmp(c->name, argv[1]) == 0) {
                pw_help_print(c->help);
                return PW_EXIT_DONE;
            }
        (void)fprintf(stderr, "pw-stream: help: no verb %s\n", argv[1]);
        return PW_EXIT_USAGE;
    }
    (void)puts("usage: pw-stream VERB [arguments]\n\n"
               "Segments images of any size in tiles, in bounded memory, with one id for each object.\n");
    for (const struct pw_command *c = pw_commands; c->name != NULL; c++)
        (void)printf("  %-9s %s\n", c->name, c->summary);
    (void)puts(
        "\npw-stream help VERB lists the options of a verb. Results go to standard output, all else to standard\n"
        "error. Exit status: 0 done, 1 failed, 2 done with warnings, 64 wrong usage.");
    return PW_EXIT_DONE;
}
