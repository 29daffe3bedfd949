/* Which files a pattern means.  How they are arranged is file_fields.c's. */
#include "store/file_series.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/file_fields.h"

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int pw_natural_order(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (is_digit(*a) && is_digit(*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
            int order = n != m ? (n < m ? -1 : 1) : memcmp(a, b, n);
            if (order != 0)
                return order;
            a += n;
            b += m;
            continue;
        }
        if (*a != *b)
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        a++;
        b++;
    }
    return (*a != '\0') - (*b != '\0');
}

/* The length of a printf conversion of a whole number at text ("%d", "%03d"), or 0. */
static size_t conversion(const char *text)
{
    size_t n = 1;
    if (text[0] != '%')
        return 0;
    n += strspn(text + n, "0123456789");
    return text[n] == 'd' || text[n] == 'i' || text[n] == 'u' ? n + 1 : 0;
}

int pw_file_series_is_pattern(const char *path)
{
    for (const char *at = path; *at != '\0'; at++)
        if (strchr("*?[", *at) != NULL || conversion(at) > 0)
            return 1;
    return 0;
}

static int is_tiff_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot != NULL && (strcasecmp(dot, ".tif") == 0 || strcasecmp(dot, ".tiff") == 0);
}

int pw_file_series_is_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int found = 0;
    while (directory != NULL && !found && (entry = readdir(directory)) != NULL)
        found = is_tiff_name(entry->d_name);
    if (directory != NULL)
        (void)closedir(directory);
    return found;
}

static enum pw_status add(struct pw_file_series *series, const char *path, struct pw_error *error)
{
    if (series->n == series->capacity) {
        uint64_t capacity = series->capacity ? series->capacity * 2 : 64;
        char **grown = realloc(series->path, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: a list of %llu files", (unsigned long long)capacity);
        series->path = grown;
        series->capacity = capacity;
    }
    series->path[series->n] = pw_strdup(path, error);
    return series->path[series->n] != NULL ? (series->n++, PW_OK) : PW_E_NOMEM;
}

static enum pw_status list_directory(const char *path, struct pw_file_series *series, struct pw_error *error)
{
    char file[8192];
    DIR *directory = opendir(path);
    struct dirent *entry;
    enum pw_status status = PW_OK;
    if (directory == NULL)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be listed", path);
    while (status == PW_OK && (entry = readdir(directory)) != NULL) {
        if (!is_tiff_name(entry->d_name))
            continue;
        (void)snprintf(file, sizeof file, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", entry->d_name);
        status = add(series, file, error);
    }
    (void)closedir(directory);
    return status;
}

/* A glob that matches what the conversions can have written, and more. */
static enum pw_status glob_of(const char *pattern, char *out, size_t capacity, struct pw_error *error)
{
    size_t used = 0;
    for (const char *at = pattern; *at != '\0';) {
        size_t n = conversion(at);
        if (used + 3 > capacity)
            return pw_fail(error, PW_E_ARGUMENT, "%.100s...: a pattern that is too long", pattern);
        if (n > 0)
            out[used++] = '*';
        else
            out[used++] = *at;
        at += n > 0 ? n : 1;
    }
    out[used] = '\0';
    return PW_OK;
}

/* Whether conversions of the pattern could have written name: digits alone, of the width told at least. */
static int written_by(const char *pattern, const char *name)
{
    while (*pattern != '\0') {
        size_t n = conversion(pattern);
        if (n == 0) {
            if (*pattern != *name)
                return 0;
            pattern++;
            name++;
            continue;
        }
        size_t digits = strspn(name, "0123456789"), width = strtoul(pattern + 1, NULL, 10);
        if (digits == 0 || digits < width || (digits > width && width > 0 && name[0] == '0'))
            return 0;
        name += digits;
        pattern += n;
    }
    return *name == '\0';
}

static enum pw_status list_matches(const char *pattern, struct pw_file_series *series, struct pw_error *error)
{
    char text[4096];
    glob_t found = {0};
    /* In a pattern that is a glob besides, any text may stand where a conversion does. */
    int strict = strpbrk(pattern, "*?[") == NULL;
    enum pw_status status = glob_of(pattern, text, sizeof text, error);
    if (status != PW_OK)
        return status;
    int failed = glob(text, GLOB_NOSORT, NULL, &found);
    if (failed == GLOB_NOSPACE)
        status = pw_fail(error, PW_E_NOMEM, "out of memory: the files of %s", pattern);
    for (size_t i = 0; failed == 0 && i < found.gl_pathc && status == PW_OK; i++)
        if (!strict || written_by(pattern, found.gl_pathv[i]))
            status = add(series, found.gl_pathv[i], error);
    globfree(&found);
    return status;
}

enum pw_status pw_file_series_find(const char *pattern, struct pw_file_series *series, struct pw_error *error)
{
    struct stat info;
    memset(series, 0, sizeof *series);
    int is_directory = stat(pattern, &info) == 0 && S_ISDIR(info.st_mode);
    enum pw_status status =
        is_directory ? list_directory(pattern, series, error) : list_matches(pattern, series, error);
    if (status == PW_OK && series->n == 0)
        status = pw_fail(error, PW_E_NOT_FOUND, "%s: no file matches", pattern);
    return status == PW_OK ? pw_file_fields_arrange(series, error) : status;
}

void pw_file_series_release(struct pw_file_series *series)
{
    for (uint64_t i = 0; i < series->n; i++)
        free(series->path[i]);
    free(series->path);
    memset(series, 0, sizeof *series);
}
