#include "sys/same_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/file.h"

static int are_one(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int pw_file_is_within(const char *path, const char *outer)
{
    char at[4096], parent[4096];
    struct stat wanted, found;
    if (stat(outer, &wanted) != 0 || realpath(path, at) == NULL)
        return 0;
    for (;;) {
        if (stat(at, &found) == 0 && are_one(&found, &wanted))
            return 1;
        pw_file_parent(at, parent, sizeof parent);
        if (strcmp(parent, at) == 0)
            return 0;
        memcpy(at, parent, sizeof at);
    }
}

int pw_file_is_open_at(int fd, const char *path)
{
    struct stat opened, found;
    return fd >= 0 && fstat(fd, &opened) == 0 && stat(path, &found) == 0 && are_one(&opened, &found);
}

/* The last part of path, and its length without slashes behind it. */
static const char *last_part(const char *path, size_t *length)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    *length = end - begin;
    return path + begin;
}

int pw_file_is_same_name(const char *a, const char *b)
{
    char parent_a[4096], parent_b[4096];
    size_t length_a, length_b;
    struct stat in_a, in_b;
    const char *name_a = last_part(a, &length_a), *name_b = last_part(b, &length_b);
    if (length_a != length_b || memcmp(name_a, name_b, length_a) != 0)
        return 0;
    pw_file_parent(a, parent_a, sizeof parent_a);
    pw_file_parent(b, parent_b, sizeof parent_b);
    return stat(parent_a, &in_a) == 0 && stat(parent_b, &in_b) == 0 && are_one(&in_a, &in_b);
}
