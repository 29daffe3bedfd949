#include "ext/radix.h"

#include <string.h>

enum {
    KEY_WORDS_MAX = 4,
    DIGIT_BITS_MAX = 8 /* 11 bits take fewer passes but miss the cache and the page table in each */
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

/* One stable pass by one digit.  Inlined with a constant number of words for those that matter. */
static inline void scatter(const uint64_t *from, uint64_t *to, uint64_t n, int words, int word, int shift,
                           uint64_t mask)
{
    uint64_t place[1 << DIGIT_BITS_MAX] = {0}, start = 0;
    const uint64_t *digit = from + word;
    for (uint64_t i = 0; i < n; i++)
        place[digit[i * (uint64_t)words] >> shift & mask]++;
    for (uint64_t d = 0; d <= mask; d++) {
        uint64_t count = place[d];
        place[d] = start;
        start += count;
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t *record = from + i * (uint64_t)words;
        copy_record(to + place[record[word] >> shift & mask]++ * (uint64_t)words, record, words);
    }
}

static void scatter_by(const uint64_t *from, uint64_t *to, uint64_t n, int words, int word, int shift, uint64_t mask)
{
    switch (words) {
    case 1: scatter(from, to, n, 1, word, shift, mask); break;
    case 2: scatter(from, to, n, 2, word, shift, mask); break;
    case 3: scatter(from, to, n, 3, word, shift, mask); break;
    case 4: scatter(from, to, n, 4, word, shift, mask); break;
    default: scatter(from, to, n, words, word, shift, mask);
    }
}

uint64_t *pw_radix_sort(uint64_t *from, uint64_t *spare, uint64_t n, int words, int key_words)
{
    uint64_t varying[KEY_WORDS_MAX];
    if (n < 2 || !find_varying(from, n, words, key_words, varying))
        return from;
    for (int word = key_words - 1; word >= 0; word--) {
        uint64_t left = varying[word];
        while (left != 0) {
            int shift = __builtin_ctzll(left);
            uint64_t mask = ((UINT64_C(1) << DIGIT_BITS_MAX) - 1) & left >> shift;
            mask |= mask >> 1; /* all bits below the highest that varies */
            mask |= mask >> 2;
            mask |= mask >> 4;
            scatter_by(from, spare, n, words, word, shift, mask);
            uint64_t *swap = from;
            from = spare;
            spare = swap;
            left &= ~(mask << shift);
        }
    }
    return from;
}
