#include "sys/data_dir.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The directory of the file that this code has been loaded from. */
static int own_dir(char out[PATH_MAX])
{
    static const char here = 0;
    Dl_info info;
    if (dladdr(&here, &info) == 0 || info.dli_fname == NULL)
        return 0;
    /* Of a program, what dladdr() has is the name that it was called by. */
    if (realpath(strchr(info.dli_fname, '/') != NULL ? info.dli_fname : "/proc/self/exe", out) == NULL)
        return 0;
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        return 0;
    *slash = '\0';
    return 1;
}

int pw_data_dir_find(const char *name, const char *probe, char *out, size_t capacity)
{
    /* bin or lib, lib/TRIPLET; a build directory within the source tree, its .libs, and one beside the sources. */
    static const char *const way[] = {"../share/patchworks", "../../share/patchworks", "..", "../..", "."};
    char dir[PATH_MAX], path[PATH_MAX + 512];
    if (!own_dir(dir))
        return 0;
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        int n = snprintf(out, capacity, "%s/%s/%s", dir, way[i], name);
        if (n < 0 || (size_t)n >= capacity)
            return 0;
        (void)snprintf(path, sizeof path, "%.4095s/%.400s", out, probe);
        if (access(path, R_OK) == 0)
            return 1;
    }
    return 0;
}
