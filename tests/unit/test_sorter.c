#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ext/sorter.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    if (x[0] != y[0])
        return x[0] < y[0] ? -1 : 1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Sorts n random records in memory_bytes and compares with qsort. */
static void check(uint64_t n, uint64_t memory_bytes, uint64_t key_range, int unique)
{
    struct pw_error error = {0};
    struct pw_sorter sorter;
    uint64_t state = n + key_range, (*expected)[2] = malloc((n + 1) * sizeof *expected), kept = 0;
    cr_assert(pw_sorter_init(&sorter, 2, unique, memory_bytes, "/tmp", &error) == PW_OK);
    for (uint64_t i = 0; i < n; i++) {
        expected[i][0] = next_random(&state) % key_range;
        expected[i][1] = next_random(&state) % key_range;
        cr_assert(pw_sorter_add(&sorter, expected[i], &error) == PW_OK);
    }
    qsort(expected, n, sizeof *expected, by_key);
    for (uint64_t i = 0; i < n; i++)
        if (!unique || kept == 0 || by_key(expected[i], expected[kept - 1]) != 0)
            memcpy(expected[kept++], expected[i], sizeof *expected);
    cr_assert(pw_sorter_finish(&sorter, &error) == PW_OK);
    for (uint64_t i = 0; i < kept; i++) {
        uint64_t record[2];
        cr_assert(pw_sorter_next(&sorter, record, &error) == PW_OK);
        cr_assert(by_key(record, expected[i]) == 0, "record %llu of %llu", (unsigned long long)i,
                  (unsigned long long)kept);
    }
    uint64_t record[2];
    cr_assert(pw_sorter_next(&sorter, record, &error) == PW_EMPTY);
    pw_sorter_destroy(&sorter);
    free(expected);
}

Test(sorter, in_memory)
{
    check(0, 1 << 16, 100, 0);
    check(1, 1 << 16, 100, 0);
    check(1000, 1 << 16, UINT64_MAX >> 20, 0);
    check(1000, 1 << 16, 7, 1);
}

Test(sorter, spills_and_merges)
{
    check(10000, 1 << 16, UINT64_MAX >> 20, 0);
    check(10000, 1 << 16, 50, 1);
}

Test(sorter, merges_in_several_rounds_in_very_little_memory)
{
    check(20000, 4096, 1000, 0);
    check(20000, 4096, 90, 1);
}
