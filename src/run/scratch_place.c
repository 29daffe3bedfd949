#include "run/scratch_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/file.h"

enum pw_status pw_scratch_choose(const char *asked, const char *output, char *out, size_t capacity,
                                 struct pw_error *error)
{
    const char *temporary = getenv("TMPDIR");
    int has_place = output != NULL && strcmp(output, "-") != 0;
    struct stat st;
    if (asked != NULL) {
        (void)snprintf(out, capacity, "%s", asked);
        if (stat(out, &st) != 0 || !S_ISDIR(st.st_mode))
            return pw_fail(error, PW_E_ARGUMENT, "--scratch %s: not a directory", out);
        return PW_OK;
    }
    if (has_place)
        pw_file_parent(output, out, capacity);
    if (!has_place || access(out, W_OK) != 0)
        (void)snprintf(out, capacity, "%s", temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    return PW_OK;
}
