/* The names of several data files, as NRRD and MetaImage write them: a list, or a pattern with a range of numbers. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/text_header.h"

int pw_text_parts_are(const char *value)
{
    return (strncmp(value, "LIST", 4) == 0 && (value[4] == '\0' || isspace((unsigned char)value[4]))) ||
           (strchr(value, '%') != NULL && strpbrk(value, " \t") != NULL);
}

enum pw_status pw_text_parts_add(struct pw_text_header *header, const char *path, const char *name, size_t n,
                                 struct pw_error *error)
{
    char text[1024], file[4096];
    while (n > 0 && isspace((unsigned char)name[n - 1]))
        n--;
    if (n == 0)
        return PW_OK;
    if (n >= sizeof text)
        return pw_fail(error, PW_E_FORMAT, "%s: the name of a data file of %zu bytes", path, n);
    memcpy(text, name, n);
    text[n] = '\0';
    pw_text_header_beside(path, text, file, sizeof file);
    return pw_names_add(&header->part, file, error);
}

/* How many axes a file has: the last number, "3" or, as MetaImage has it, "3D". */
static void take_rank(struct pw_text_header *header, const char *word)
{
    long rank = strtol(word, NULL, 10);
    header->part_rank = rank > 0 && rank <= PW_MAX_RANK ? (int)rank : 0;
}

/* The %d of a pattern, with 0 and a width or without; nothing else is one. */
static int find_number(const char *pattern, size_t *before, size_t *behind, int *width, int *zeros)
{
    const char *at = strchr(pattern, '%');
    char *end;
    if (at == NULL)
        return 0;
    *before = (size_t)(at - pattern);
    *zeros = at[1] == '0';
    long wide = strtol(at + 1, &end, 10);
    if (wide < 0 || wide > 20 || strchr("diu", *end) == NULL || *end == '\0' || strchr(end, '%') != NULL)
        return 0;
    *width = (int)wide;
    *behind = (size_t)(end + 1 - pattern);
    return 1;
}

static enum pw_status take_pattern(struct pw_text_header *header, const char *path, const char *value,
                                   struct pw_error *error)
{
    char pattern[1024], word[4][32] = {"", "", "1", ""}, name[1100];
    size_t before, behind;
    int n = 0, width, zeros;
    if (!pw_text_word(&value, pattern, sizeof pattern) || !find_number(pattern, &before, &behind, &width, &zeros))
        return pw_fail(error, PW_E_FORMAT, "%s: %s is no pattern for the names of data files", path, value);
    while (n < 4 && pw_text_word(&value, word[n], sizeof word[n]))
        n++;
    long long first = strtoll(word[0], NULL, 10), last = strtoll(word[1], NULL, 10), step = strtoll(word[2], NULL, 10);
    take_rank(header, word[3]);
    if (n < 2 || step == 0 || first < 0 || last < 0 || first > INT32_MAX || last > INT32_MAX || step > INT32_MAX ||
        step < -INT32_MAX)
        return pw_fail(error, PW_E_FORMAT, "%s: %s needs the first number, the last and the step", path, pattern);
    enum pw_status status = PW_OK;
    for (long long i = first; step > 0 ? i <= last : i >= last; i += step) {
        int length = snprintf(name, sizeof name, zeros ? "%.*s%0*lld%s" : "%.*s%*lld%s", (int)before, pattern, width, i,
                              pattern + behind);
        status = pw_text_parts_add(header, path, name, (size_t)length, error);
        if (status != PW_OK)
            break;
    }
    return status;
}

enum pw_status pw_text_parts_begin(struct pw_text_header *header, const char *path, const char *value,
                                   struct pw_error *error)
{
    if (strncmp(value, "LIST", 4) != 0)
        return take_pattern(header, path, value, error);
    header->part_lines_follow = 1;
    take_rank(header, value + 4);
    return PW_OK;
}
