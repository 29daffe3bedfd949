/*
 * label/wide - whole numbers of many words: sums that no order of additions changes.
 *
 * A wide number is n words of 64 bits, the least significant first, in two's
 * complement.  The caller knows what it counts in (an exponent of two), and has made it
 * wide enough for everything that is added: nothing here checks for overflow.
 *
 *     uint64_t sum[5] = {0};                                   multiples of 2^-149
 *     pw_wide_add_at(sum, 5, mantissa, position, negative);
 *     mean = pw_wide_ratio(sum, 5, -149, count);               rounded once, to nearest, ties to even
 *
 * Memory: the caller's.  Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_WIDE_H
#define PW_LABEL_WIDE_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 pw_u128;
__extension__ typedef __int128 pw_i128;

enum {
    PW_WIDE_WORDS_MAX = 72 /* the longest number that is divided or rooted */
};

/* number += v (m words, the last is extended by its sign; m <= n). */
void pw_wide_add(uint64_t *number, int n, const uint64_t *v, int m);

/* The same of a v that has no sign. */
void pw_wide_add_unsigned(uint64_t *number, int n, const uint64_t *v, int m);

/* number += mantissa * 2^position, or -= when negative.  The product is below 2^(64 n - 1). */
void pw_wide_add_at(uint64_t *number, int n, uint64_t mantissa, unsigned position, int negative);

/* number * 2^exponent / divisor as the nearest double, ties to even; n <= PW_WIDE_WORDS_MAX - 2. */
double pw_wide_ratio(const uint64_t *number, int n, int exponent, uint64_t divisor);

/*
 * Population standard deviation of count values, of which sum (n words, multiples of 2^exponent) and the sum of
 * squares (m words without a sign, multiples of 4^exponent) are exact: sqrt(count squares - sum^2) / count.  The result
 * is within 1 unit in the last place.  m + 1 <= PW_WIDE_WORDS_MAX.
 */
double pw_wide_deviation(const uint64_t *sum, int n, const uint64_t *squares, int m, int exponent, uint64_t count);

enum {
    PW_WIDE_DECIMAL_BYTES = 64
};

/* A number of at most 3 words in decimal. */
void pw_wide_decimal(const uint64_t *number, int n, char out[PW_WIDE_DECIMAL_BYTES]);

#endif
