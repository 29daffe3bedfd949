#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "label/pair_runs.h"

static const enum pw_dtype integers[] = {PW_BOOL, PW_U8, PW_I8, PW_U16, PW_I16, PW_U32, PW_I32, PW_U64, PW_I64};

enum {
    TYPES = sizeof integers / sizeof integers[0],
    WIDTH_MAX = 200
};

/* Puts a small number, negative now and then where there are such, as element i. */
static void put(enum pw_dtype dtype, unsigned char *row, size_t i, int value)
{
    size_t bytes = pw_dtype_bytes(dtype);
    int64_t v = value;
    memcpy(row + i * bytes, &v, bytes); /* little-endian, as everything that is tested */
}

static int is_signed(enum pw_dtype dtype)
{
    return dtype == PW_I8 || dtype == PW_I16 || dtype == PW_I32 || dtype == PW_I64;
}

static void check(enum pw_dtype type_a, enum pw_dtype type_b, uint64_t width, int changes)
{
    unsigned char *a = malloc(width * 8), *b = malloc(width * 8);
    int64_t value_a[WIDTH_MAX], value_b[WIDTH_MAX];
    uint32_t start[WIDTH_MAX];
    struct pw_pair_rows rows;
    uint64_t next = 0;
    cr_assert(a != NULL && b != NULL);
    for (uint64_t i = 0; i < width; i++) {
        value_a[i] = i > 0 && rand() % changes ? value_a[i - 1] : rand() % 2 - (is_signed(type_a) ? rand() % 2 : 0);
        value_b[i] = i > 0 && rand() % changes ? value_b[i - 1] : rand() % 2 - (is_signed(type_b) ? rand() % 2 : 0);
        put(type_a, a, i, (int)value_a[i]);
        put(type_b, b, i, (int)value_b[i]);
    }
    pw_pair_rows_init(&rows, type_a, type_b);
    uint64_t n = pw_pair_starts(&rows, a, b, width, start);
    for (uint64_t i = 0; i < width; i++) {
        if (i > 0 && value_a[i] == value_a[i - 1] && value_b[i] == value_b[i - 1])
            continue;
        cr_assert(next < n && start[next++] == i);
        cr_assert(pw_label_at(type_a, a, i) == (uint64_t)value_a[i]);
        cr_assert(pw_label_at(type_b, b, i) == (uint64_t)value_b[i]);
    }
    cr_assert(next == n);
    free(a);
    free(b);
}

Test(pair_runs, every_pair_of_types)
{
    static const uint64_t widths[] = {1, 2, 63, 64, 65, 128, 200};
    for (int a = 0; a < TYPES; a++)
        for (int b = 0; b < TYPES; b++)
            for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
                for (int changes = 1; changes < 100; changes *= 6)
                    check(integers[a], integers[b], widths[w], changes);
}

/* Numbers that need all their bits. */
Test(pair_runs, wide_values)
{
    const uint64_t u64[2] = {UINT64_MAX, UINT64_C(1) << 63};
    const int64_t i64[2] = {INT64_MIN, INT64_MAX};
    const uint32_t u32[2] = {UINT32_MAX, 1};
    const int16_t i16[2] = {INT16_MIN, INT16_MAX};
    cr_assert(pw_label_at(PW_U64, u64, 0) == UINT64_MAX && pw_label_at(PW_U64, u64, 1) == UINT64_C(1) << 63);
    cr_assert((int64_t)pw_label_at(PW_I64, i64, 0) == INT64_MIN && (int64_t)pw_label_at(PW_I64, i64, 1) == INT64_MAX);
    cr_assert(pw_label_at(PW_U32, u32, 0) == UINT32_MAX);
    cr_assert((int64_t)pw_label_at(PW_I16, i16, 0) == INT16_MIN && pw_label_at(PW_I16, i16, 1) == INT16_MAX);
}
