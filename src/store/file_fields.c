#include "store/file_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

enum {
    NUMBERS_MAX = 64, /* in one path; what follows is text */
    DIGITS_MAX = 18   /* of a number that fits 64 bits; longer ones are text */
};

/* One number of a path. */
struct number {
    uint16_t start, digits;
    uint64_t value;
};

struct name {
    char *path;
    uint64_t value[PW_SERIES_FIELDS_MAX]; /* of the fields */
};

static int find_numbers(const char *path, struct number *number)
{
    int n = 0;
    for (size_t at = 0; path[at] != '\0' && n < NUMBERS_MAX;) {
        size_t digits = strspn(path + at, "0123456789");
        if (digits > 0 && digits <= DIGITS_MAX)
            number[n++] = (struct number){(uint16_t)at, (uint16_t)digits, strtoull(path + at, NULL, 10)};
        at += digits > 0 ? digits : 1;
    }
    return n;
}

/* Whether two paths are the same but for their numbers. */
static int text_is_equal(const char *a, const struct number *an, const char *b, const struct number *bn, int n)
{
    size_t at = 0, bt = 0;
    for (int i = 0; i < n; i++) {
        size_t length = an[i].start - at;
        if (length != (size_t)(bn[i].start - bt) || memcmp(a + at, b + bt, length) != 0)
            return 0;
        at = an[i].start + (size_t)an[i].digits;
        bt = bn[i].start + (size_t)bn[i].digits;
    }
    return strcmp(a + at, b + bt) == 0;
}

/* Which numbers of the first path are not the same in all; 0 when names differ in more than numbers. */
static int find_varying(const struct pw_file_series *series, const struct number *first, int n, int varies[NUMBERS_MAX])
{
    struct number number[NUMBERS_MAX];
    memset(varies, 0, NUMBERS_MAX * sizeof *varies);
    for (uint64_t i = 1; i < series->n; i++) {
        if (find_numbers(series->path[i], number) != n ||
            !text_is_equal(series->path[0], first, series->path[i], number, n))
            return 0;
        for (int k = 0; k < n; k++)
            varies[k] |= number[k].value != first[k].value;
    }
    return 1;
}

/* "t" from "_t001", "c" from "ch2" or "channel_1": the word before a number, when it is short and says an axis. */
static char hint_of(const char *path, const struct number *number)
{
    static const struct {
        const char *word;
        char axis;
    } words[] = {{"t", 't'},    {"time", 't'},    {"frame", 't'}, {"tp", 't'},    {"c", 'c'}, {"ch", 'c'},
                 {"chan", 'c'}, {"channel", 'c'}, {"z", 'z'},     {"slice", 'z'}, {"w", 'c'}, {"plane", 'z'}};
    char word[16];
    size_t end = number->start, n = 0;
    while (end > 0 && strchr("_-= .", path[end - 1]) != NULL)
        end--;
    while (n < end && n + 1 < sizeof word && ((path[end - n - 1] | 0x20) >= 'a' && (path[end - n - 1] | 0x20) <= 'z'))
        n++;
    for (size_t i = 0; i < n; i++)
        word[i] = (char)(path[end - n + i] | 0x20);
    word[n] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].axis;
    return '\0';
}

static int by_value(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    for (int i = 0; i < PW_SERIES_FIELDS_MAX; i++)
        if (x->value[i] != y->value[i])
            return x->value[i] < y->value[i] ? -1 : 1;
    return pw_natural_order(x->path, y->path);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    int order = pw_natural_order(*x, *y);
    return order != 0 ? order : strcmp(*x, *y);
}

/* The values that a field takes: from, from + step, .. (count of them, some of which may be missing). */
struct range {
    uint64_t from, step, count;
};

static enum pw_status find_range(const struct name *names, uint64_t n, int field, struct range *range,
                                 struct pw_error *error)
{
    uint64_t *value = pw_alloc(n, sizeof *value, error);
    if (value == NULL)
        return PW_E_NOMEM;
    for (uint64_t i = 0; i < n; i++)
        value[i] = names[i].value[field];
    qsort(value, (size_t)n, sizeof *value, by_number);
    *range = (struct range){.from = value[0], .step = 0, .count = 1};
    /* Every second plane is a series too: the smallest difference is the step. */
    for (uint64_t i = 1; i < n; i++)
        if (value[i] != value[i - 1] && (range->step == 0 || value[i] - value[i - 1] < range->step))
            range->step = value[i] - value[i - 1];
    if (range->step > 0)
        range->count = (value[n - 1] - value[0]) / range->step + 1;
    free(value);
    return PW_OK;
}

/* The name that a combination of values would have: the first name with other numbers. */
static void name_of(const char *path, const struct number *number, const int *field_number, int n_fields,
                    const uint64_t *value, char *out, size_t capacity)
{
    size_t at = 0, used = 0;
    for (int i = 0; i < n_fields && used < capacity; i++) {
        const struct number *of = &number[field_number[i]];
        int padded = path[of->start] == '0';
        int n = snprintf(out + used, capacity - used, "%.*s%0*llu", (int)(of->start - at), path + at,
                         padded ? (int)of->digits : 1, (unsigned long long)value[i]);
        used += n > 0 ? (size_t)n : 0;
        at = of->start + (size_t)of->digits;
    }
    if (used < capacity)
        (void)snprintf(out + used, capacity - used, "%s", path + at);
}

/* Every combination of values has one name, in the order of names. */
static enum pw_status check_complete(const struct name *names, uint64_t n, const struct range *range, int n_fields,
                                     const struct number *number, const int *field_number, struct pw_error *error)
{
    uint64_t value[PW_SERIES_FIELDS_MAX], at = 0, total = 1;
    char missing[4096];
    for (int i = 0; i < n_fields; i++) {
        value[i] = range[i].from;
        if (!pw_mul_u64(total, range[i].count, &total))
            total = UINT64_MAX;
    }
    for (;;) {
        int same = at < n;
        for (int i = 0; i < n_fields; i++)
            same = same && names[at].value[i] == value[i];
        if (!same) {
            name_of(names[0].path, number, field_number, n_fields, value, missing, sizeof missing);
            return pw_fail(error, PW_E_NOT_FOUND, "%s: is missing; %llu files of a series of %llu are there", missing,
                           (unsigned long long)n, (unsigned long long)total);
        }
        if (++at < n && memcmp(names[at - 1].value, names[at].value, sizeof names[at].value) == 0)
            return pw_fail(error, PW_E_FORMAT, "%s and %s: have the same number", names[at - 1].path, names[at].path);
        int i = n_fields - 1;
        for (; i >= 0; i--) {
            value[i] += range[i].step;
            if ((value[i] - range[i].from) / pw_max_u64(range[i].step, 1) < range[i].count)
                break;
            value[i] = range[i].from;
        }
        if (i < 0)
            return at == n ? PW_OK
                           : pw_fail(error, PW_E_FORMAT, "%s: its number is none of the others' steps", names[at].path);
    }
}

static void take_order(struct pw_file_series *series, const struct name *names)
{
    for (uint64_t i = 0; i < series->n; i++)
        series->path[i] = names[i].path;
}

/*
 * Of names with several numbers that differ, one number may tell all files apart: then it is the field, and the others
 * (a date, a running time) belong to the name.
 */
static enum pw_status choose_fields(const struct pw_file_series *series, const int *varies, int n, int *field_number,
                                    int *n_fields, struct pw_error *error)
{
    struct number number[NUMBERS_MAX];
    uint64_t *value = pw_alloc(series->n, sizeof *value, error);
    if (value == NULL)
        return PW_E_NOMEM;
    *n_fields = 0;
    for (int k = 0; k < n; k++) {
        if (!varies[k])
            continue;
        if (*n_fields < PW_SERIES_FIELDS_MAX)
            field_number[*n_fields] = k;
        (*n_fields)++;
        for (uint64_t i = 0; i < series->n; i++) {
            (void)find_numbers(series->path[i], number);
            value[i] = number[k].value;
        }
        qsort(value, (size_t)series->n, sizeof *value, by_number);
        uint64_t same = 0;
        for (uint64_t i = 1; i < series->n; i++)
            same += value[i] == value[i - 1];
        if (same == 0) {
            field_number[0] = k;
            *n_fields = 1;
            break;
        }
    }
    free(value);
    if (*n_fields > PW_SERIES_FIELDS_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: the names of the series differ in %d numbers; at most %d are read",
                       series->path[0], *n_fields, PW_SERIES_FIELDS_MAX);
    return PW_OK;
}

static enum pw_status arrange_numbers(struct pw_file_series *series, const struct number *first,
                                      const int *field_number, int n_fields, struct name *names, struct pw_error *error)
{
    struct number number[NUMBERS_MAX];
    struct range range[PW_SERIES_FIELDS_MAX];
    enum pw_status status = PW_OK;
    for (uint64_t i = 0; i < series->n; i++) {
        names[i] = (struct name){.path = series->path[i]};
        (void)find_numbers(series->path[i], number);
        for (int k = 0; k < n_fields; k++)
            names[i].value[k] = number[field_number[k]].value;
    }
    char sample[4096];
    (void)snprintf(sample, sizeof sample, "%s", series->path[0]);
    qsort(names, (size_t)series->n, sizeof *names, by_value);
    take_order(series, names);
    for (int k = 0; k < n_fields && status == PW_OK; k++) {
        status = find_range(names, series->n, k, &range[k], error);
        series->size[k] = range[k].count;
        series->hint[k] = hint_of(sample, &first[field_number[k]]);
    }
    if (status == PW_OK) {
        (void)find_numbers(names[0].path, number);
        status = check_complete(names, series->n, range, n_fields, number, field_number, error);
    }
    series->n_fields = n_fields;
    return status;
}

enum pw_status pw_file_fields_arrange(struct pw_file_series *series, struct pw_error *error)
{
    struct number first[NUMBERS_MAX];
    int varies[NUMBERS_MAX], field_number[NUMBERS_MAX], n_fields = 0;
    int n = find_numbers(series->path[0], first);
    if (!find_varying(series, first, n, varies)) {
        qsort(series->path, (size_t)series->n, sizeof *series->path, by_name);
        series->n_fields = 1;
        series->size[0] = series->n;
        return PW_OK;
    }
    enum pw_status status = choose_fields(series, varies, n, field_number, &n_fields, error);
    if (status != PW_OK)
        return status;
    struct name *names = pw_alloc(series->n, sizeof *names, error);
    if (names == NULL)
        return PW_E_NOMEM;
    status = arrange_numbers(series, first, field_number, n_fields, names, error);
    free(names);
    return status;
}
