#include "ext/radix.h"

#include <string.h>

enum {
    KEY_WORDS_MAX = 4,
    DIGIT_BITS_MAX = 10, /* 11 bits would save a pass now and then, but miss the cache and the page table in each */
    FEW = 1 << 10,       /* up to so many records the counters cost more than a pass */
    FEW_BITS_MAX = 8,
    CACHE_BYTES = 512 << 10 /* with as much spare this stays in a core's second cache */
};

static inline void copy_record(uint64_t *to, const uint64_t *from, int words)
{
    for (int w = 0; w < words; w++)
        to[w] = from[w];
}

/*
 * The bits of each key word in which records differ.  Returns 0 when the records are
 * in order already.
 */
static int find_varying(const uint64_t *record, uint64_t n, int words, int key_words, uint64_t *varying)
{
    int unsorted = 0;
    memset(varying, 0, KEY_WORDS_MAX * sizeof *varying);
    for (uint64_t i = 1; i < n; i++) {
        const uint64_t *a = record + (i - 1) * (uint64_t)words, *b = a + words;
        int order = 0; /* of a and b: 1 when they are in order, -1 when not */
        for (int w = 0; w < key_words; w++) {
            varying[w] |= a[w] ^ b[w];
            if (order == 0)
                order = (a[w] < b[w]) - (a[w] > b[w]);
        }
        unsorted |= order < 0;
    }
    return unsorted;
}

/* A digit: the bits of one key word that mask keeps after shift. */
struct digit {
    int word, shift;
    uint64_t mask;
};

/*
 * One stable pass by one digit; end gets where each of its values ends in to.  Inlined with a
 * constant number of words for those that matter.
 */
static inline void scatter(const uint64_t *from, uint64_t *to, uint64_t n, int words, struct digit digit, uint64_t *end)
{
    uint64_t start = 0;
    const uint64_t *word = from + digit.word;
    memset(end, 0, (digit.mask + 1) * sizeof *end);
    for (uint64_t i = 0; i < n; i++)
        end[word[i * (uint64_t)words] >> digit.shift & digit.mask]++;
    for (uint64_t d = 0; d <= digit.mask; d++) {
        uint64_t count = end[d];
        end[d] = start;
        start += count;
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t *record = from + i * (uint64_t)words;
        copy_record(to + end[record[digit.word] >> digit.shift & digit.mask]++ * (uint64_t)words, record, words);
    }
}

static void scatter_by(const uint64_t *from, uint64_t *to, uint64_t n, int words, struct digit digit, uint64_t *end)
{
    switch (words) {
    case 1: scatter(from, to, n, 1, digit, end); break;
    case 2: scatter(from, to, n, 2, digit, end); break;
    case 3: scatter(from, to, n, 3, digit, end); break;
    case 4: scatter(from, to, n, 4, digit, end); break;
    default: scatter(from, to, n, words, digit, end);
    }
}

/* ---- in the cache: from the least significant digit up ----------------- */

static uint64_t *sort_short(uint64_t *from, uint64_t *spare, uint64_t n, int words, int key_words,
                            const uint64_t *varying)
{
    uint64_t end[1 << DIGIT_BITS_MAX];
    int bits_max = n > FEW ? DIGIT_BITS_MAX : FEW_BITS_MAX;
    for (int word = key_words - 1; word >= 0; word--) {
        if (varying[word] == 0)
            continue;
        int shift = __builtin_ctzll(varying[word]), top = 64 - __builtin_clzll(varying[word]);
        for (int passes = (top - shift + bits_max - 1) / bits_max; passes > 0; passes--) { /* of about equal digits */
            int bits = (top - shift + passes - 1) / passes;
            struct digit digit = {word, shift, (UINT64_C(1) << bits) - 1};
            scatter_by(from, spare, n, words, digit, end);
            uint64_t *swap = from;
            from = spare;
            spare = swap;
            shift += bits;
        }
    }
    return from;
}

/* ---- beyond: first by the most significant digit ----------------------- */

/* The highest bits that vary, as many as make parts that fit the cache. */
static struct digit top_digit(const uint64_t *varying, uint64_t bytes)
{
    int word = 0, bits = 1;
    while (varying[word] == 0)
        word++;
    while (bits < DIGIT_BITS_MAX && bytes >> bits > CACHE_BYTES)
        bits++;
    int top = 64 - __builtin_clzll(varying[word]);
    int shift = top > bits ? top - bits : 0;
    return (struct digit){word, shift, (UINT64_C(1) << (top - shift)) - 1};
}

uint64_t *pw_radix_sort(uint64_t *from, uint64_t *spare, uint64_t n, int words, int key_words)
{
    uint64_t varying[KEY_WORDS_MAX], end[1 << DIGIT_BITS_MAX];
    uint64_t bytes = n * (uint64_t)words * sizeof *from;
    if (n < 2 || !find_varying(from, n, words, key_words, varying))
        return from;
    if (bytes <= CACHE_BYTES)
        return sort_short(from, spare, n, words, key_words, varying);
    struct digit digit = top_digit(varying, bytes);
    scatter_by(from, spare, n, words, digit, end);
    for (uint64_t d = 0, start = 0; d <= digit.mask; start = end[d++]) {
        uint64_t at = start * (uint64_t)words, count = end[d] - start;
        const uint64_t *sorted = pw_radix_sort(spare + at, from + at, count, words, key_words);
        if (sorted != from + at)
            memcpy(from + at, sorted, count * (uint64_t)words * sizeof *from);
    }
    return from;
}
