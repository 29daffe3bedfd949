#include <stdio.h>

#include "commands.h"
#include "patchworks.h"

int pw_cmd_version(int argc, char **argv)
{
    char text[2048];
    if (argc > 1) {
        (void)fprintf(stderr, "pw-stream: version: unexpected argument %s\n", argv[1]);
        return PW_EXIT_USAGE;
    }
    (void)pw_version_details(text, sizeof text);
    (void)fputs(text, stdout);
    return PW_EXIT_DONE;
}
