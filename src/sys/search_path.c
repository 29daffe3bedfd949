#include "sys/search_path.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The next entry into out; NULL when there is none. */
static const char *next_entry(const char *at, char *out, size_t bytes)
{
    for (; *at != '\0'; at += *at == ':') {
        size_t n = strcspn(at, ":");
        if (n > 0 && n < bytes) {
            memcpy(out, at, n);
            out[n] = '\0';
            return at + n;
        }
        at += n;
    }
    return NULL;
}

int pw_search_path_find(const char *directories, const char *name, const char *suffix, char *out, size_t bytes)
{
    char directory[4096];
    for (const char *at = directories; (at = next_entry(at, directory, sizeof directory)) != NULL;) {
        int n = snprintf(out, bytes, "%s/%s%s", directory, name, suffix);
        if (n > 0 && (size_t)n < bytes && access(out, R_OK) == 0)
            return 1;
    }
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void pw_search_path_each(const char *directories, const char *suffix,
                         void (*found)(const char *name, const char *path, void *user), void *user)
{
    char directory[4096], path[4608], first[4608], name[256];
    for (const char *at = directories; (at = next_entry(at, directory, sizeof directory)) != NULL;) {
        struct dirent **entry = NULL;
        int n = scandir(directory, &entry, NULL, by_name);
        for (int i = 0; i < n; i++) {
            size_t length = strlen(entry[i]->d_name), end = strlen(suffix);
            if (length > end && length - end < sizeof name && entry[i]->d_name[0] != '.' &&
                strcmp(entry[i]->d_name + length - end, suffix) == 0) {
                (void)snprintf(name, sizeof name, "%.*s", (int)(length - end), entry[i]->d_name);
                (void)snprintf(path, sizeof path, "%s/%s", directory, entry[i]->d_name);
                if (pw_search_path_find(directories, name, suffix, first, sizeof first) && strcmp(first, path) == 0)
                    found(name, path, user);
            }
            free(entry[i]);
        }
        free(entry);
    }
}
