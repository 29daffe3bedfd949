#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ext/radix.h"

enum {
    WORDS_MAX = 6
};

static int compared_words, record_words;

/* By key, then by the last word, in which the order before sorting stands. */
static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    for (int w = 0; w < compared_words; w++)
        if (x[w] != y[w])
            return x[w] < y[w] ? -1 : 1;
    return x[record_words - 1] < y[record_words - 1] ? -1 : 1;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* What a key word is made of. */
enum spread {
    SMALL_IDS,   /* many equal keys */
    ALL_BITS,    /* 64 of them */
    FEW_HIGH,    /* differ in their highest bits only */
    ALMOST_EQUAL /* one in a thousand differs, far up: parts that stay large */
};

static uint64_t make_key(enum spread spread, uint64_t *state)
{
    uint64_t r = next_random(state);
    switch (spread) {
    case SMALL_IDS: return r % 300;
    case ALL_BITS: return r;
    case FEW_HIGH: return r >> 59 << 59 | 12345;
    default: return r % 1000 == 0 ? r | UINT64_C(1) << 63 : r % 5;
    }
}

static void check(uint64_t n, int words, int key_words, enum spread spread)
{
    size_t bytes = (n + 1) * (size_t)words * sizeof(uint64_t);
    uint64_t *records = malloc(bytes), *spare = malloc(bytes), *expected = malloc(bytes), state = n * 8 + spread + 1;
    cr_assert(records != NULL && spare != NULL && expected != NULL);
    for (uint64_t i = 0; i < n; i++) {
        for (int w = 0; w < words; w++)
            records[i * (uint64_t)words + (uint64_t)w] = make_key(spread, &state);
        records[i * (uint64_t)words + (uint64_t)words - 1] = i;
    }
    memcpy(expected, records, bytes);
    compared_words = key_words;
    record_words = words;
    qsort(expected, n, (size_t)words * sizeof *expected, by_key);
    const uint64_t *sorted = pw_radix_sort(records, spare, n, words, key_words);
    cr_assert(sorted == records || sorted == spare);
    cr_assert(memcmp(sorted, expected, n * (size_t)words * sizeof *sorted) == 0,
              "%llu records of %d words by %d, spread %d", (unsigned long long)n, words, key_words, (int)spread);
    free(records);
    free(spare);
    free(expected);
}

Test(radix, sorts_and_is_stable)
{
    static const uint64_t counts[] = {0, 1, 2, 3, 100, 1024, 1025, 40000};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
        for (int words = 2; words <= WORDS_MAX; words++)
            for (int key_words = 1; key_words < words && key_words <= 4; key_words++)
                for (int spread = SMALL_IDS; spread <= ALMOST_EQUAL; spread++)
                    check(counts[c], words, key_words, (enum spread)spread);
}

/* Parts beyond the cache are taken apart again. */
Test(radix, more_than_the_cache)
{
    for (int spread = SMALL_IDS; spread <= ALMOST_EQUAL; spread++)
        check(500000, 3, 2, (enum spread)spread);
}
