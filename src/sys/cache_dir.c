#include "sys/cache_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int is_own_directory(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && is_ours(&st);
}

int pw_cache_is_own_file(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && is_ours(&st);
}

int pw_cache_dir(char *out, size_t bytes)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char base[4200];
    if (cache != NULL && cache[0] == '/')
        (void)snprintf(base, sizeof base, "%s", cache);
    else if (home != NULL && home[0] == '/')
        (void)snprintf(base, sizeof base, "%s/.cache", home);
    else
        return 0;
    int n = snprintf(out, bytes, "%s/patchworks", base);
    if (n < 0 || (size_t)n >= bytes)
        return 0;
    if (mkdir(base, 0700) != 0 && errno != EEXIST)
        return 0;
    if (mkdir(out, 0700) != 0 && errno != EEXIST)
        return 0;
    return is_own_directory(out);
}
