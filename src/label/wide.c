#include "label/wide.h"

#include <math.h>
#include <string.h>

/* ---- adding ------------------------------------------------------------ */

/* number += v, whose words beyond m all are extension. */
static void add_extended(uint64_t *number, int n, const uint64_t *v, int m, uint64_t extension)
{
    pw_u128 carry = 0;
    for (int i = 0; i < n; i++) {
        carry += (pw_u128)number[i] + (i < m ? v[i] : extension);
        number[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

void pw_wide_add(uint64_t *number, int n, const uint64_t *v, int m)
{
    add_extended(number, n, v, m, v[m - 1] >> 63 ? UINT64_MAX : 0);
}

void pw_wide_add_unsigned(uint64_t *number, int n, const uint64_t *v, int m)
{
    add_extended(number, n, v, m, 0);
}

static void add_word(uint64_t *number, int n, int at, uint64_t v)
{
    for (uint64_t carry = v; carry != 0 && at < n; at++)
        carry = (uint64_t)__builtin_add_overflow(number[at], carry, &number[at]);
}

static void subtract_word(uint64_t *number, int n, int at, uint64_t v)
{
    for (uint64_t borrow = v; borrow != 0 && at < n; at++)
        borrow = (uint64_t)__builtin_sub_overflow(number[at], borrow, &number[at]);
}

void pw_wide_add_at(uint64_t *number, int n, uint64_t mantissa, unsigned position, int negative)
{
    int at = (int)(position / 64);
    unsigned shift = position % 64;
    uint64_t low = mantissa << shift, high = shift > 0 ? mantissa >> (64 - shift) : 0;
    if (negative) {
        subtract_word(number, n, at, low);
        subtract_word(number, n, at + 1, high);
    } else {
        add_word(number, n, at, low);
        add_word(number, n, at + 1, high);
    }
}

/* ---- magnitudes -------------------------------------------------------- */

/* The magnitude of number into out; returns whether it is negative. */
static int magnitude(const uint64_t *number, int n, uint64_t *out)
{
    int negative = number[n - 1] >> 63 != 0;
    uint64_t carry = (uint64_t)negative;
    for (int i = 0; i < n; i++) {
        uint64_t word = negative ? ~number[i] : number[i];
        carry = (uint64_t)__builtin_add_overflow(word, carry, &out[i]);
    }
    return negative;
}

/* Position of the highest bit, -1 of zero. */
static int top_bit(const uint64_t *number, int n)
{
    while (n > 0 && number[n - 1] == 0)
        n--;
    return n == 0 ? -1 : 64 * n - 1 - __builtin_clzll(number[n - 1]);
}

/* The 64 bits from position on (which may be negative); bits outside of the number are 0. */
static uint64_t bits_at(const uint64_t *number, int n, int position)
{
    int at = position >= 0 ? position / 64 : -((63 - position) / 64);
    int shift = position - 64 * at;
    uint64_t low = at >= 0 && at < n ? number[at] : 0;
    uint64_t high = at + 1 >= 0 && at + 1 < n ? number[at + 1] : 0;
    return shift > 0 ? low >> shift | high << (64 - shift) : low;
}

/* Whether any bit below position is set. */
static int any_below(const uint64_t *number, int position)
{
    if (position <= 0)
        return 0;
    for (int i = 0; i < position / 64; i++)
        if (number[i] != 0)
            return 1;
    return position % 64 > 0 && (number[position / 64] & (((uint64_t)1 << position % 64) - 1)) != 0;
}

/* number * 2^exponent as the nearest double; sticky: a little more than it says. */
static double round_to_double(const uint64_t *number, int n, int exponent, int sticky)
{
    int top = top_bit(number, n);
    if (top < 0)
        return 0;
    int precision = top + exponent >= -1022 ? 53 : 53 - (-1022 - (top + exponent)); /* less among the subnormals */
    if (precision < 0)
        return 0;
    int low = top - precision + 1; /* position of the last bit kept */
    uint64_t kept = precision == 0 ? 0 : bits_at(number, n, low) & (((uint64_t)1 << precision) - 1);
    int half = (int)(bits_at(number, n, low - 1) & 1);
    int rest = sticky || any_below(number, low - 1);
    if (half && (rest || (kept & 1)))
        kept++;
    return ldexp((double)kept, low + exponent);
}

double pw_wide_ratio(const uint64_t *number, int n, int exponent, uint64_t divisor)
{
    /* Two words more, so that the quotient always has more bits than a double. */
    uint64_t q[PW_WIDE_WORDS_MAX] = {0}, rest = 0;
    int negative = magnitude(number, n, q + 2);
    for (int i = n + 1; i >= 0; i--) {
        pw_u128 part = (pw_u128)rest << 64 | q[i];
        q[i] = (uint64_t)(part / divisor);
        rest = (uint64_t)(part % divisor);
    }
    double value = round_to_double(q, n + 2, exponent - 128, rest != 0);
    return negative ? -value : value;
}

/* ---- deviation --------------------------------------------------------- */

/* number = count * squares, n = m + 1 words. */
static void multiply(const uint64_t *squares, int m, uint64_t count, uint64_t *number)
{
    pw_u128 carry = 0;
    for (int i = 0; i < m; i++) {
        carry += (pw_u128)squares[i] * count;
        number[i] = (uint64_t)carry;
        carry >>= 64;
    }
    number[m] = (uint64_t)carry;
}

/* number (of n words) -= v^2, v of m words. */
static void subtract_square(uint64_t *number, int n, const uint64_t *v, int m)
{
    int used = top_bit(v, m) / 64 + 1;
    for (int i = 0; i < used; i++) {
        uint64_t carry = 0, borrow = 0;
        if (v[i] == 0)
            continue;
        for (int k = 0; k < used && i + k < n; k++) {
            pw_u128 product = (pw_u128)v[i] * v[k] + carry;
            uint64_t low = (uint64_t)product, before = number[i + k];
            carry = (uint64_t)(product >> 64);
            uint64_t after = before - low;
            uint64_t next = before < low || after < borrow;
            number[i + k] = after - borrow;
            borrow = next;
        }
        if (i + used < n) {
            subtract_word(number, n, i + used, carry);
            subtract_word(number, n, i + used, borrow);
        }
    }
}

/* The whole part of the root of m, which is at least 2^126. */
static uint64_t root(pw_u128 m)
{
    double guess = sqrt((double)m);
    uint64_t r = guess >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)guess;
    /* One step of Newton's method: the guess has 53 bits, this has all but the last. */
    pw_i128 step = ((pw_i128)(m - (pw_u128)r * r)) / (pw_i128)((pw_u128)2 * r);
    pw_i128 better = (pw_i128)r + step;
    r = better > (pw_i128)UINT64_MAX ? UINT64_MAX : (uint64_t)better;
    while ((pw_u128)r * r > m)
        r--;
    while (r < UINT64_MAX && (pw_u128)(r + 1) * (r + 1) <= m)
        r++;
    return r;
}

double pw_wide_deviation(const uint64_t *sum, int n, const uint64_t *squares, int m, int exponent, uint64_t count)
{
    uint64_t number[PW_WIDE_WORDS_MAX], mean[PW_WIDE_WORDS_MAX];
    (void)magnitude(sum, n, mean);
    multiply(squares, m, count, number);
    subtract_square(number, m + 1, mean, n);
    int top = top_bit(number, m + 1);
    if (top < 0)
        return 0;
    int shift = top - 127;   /* of the 128 bits that are rooted */
    shift += shift % 2 != 0; /* an even number of places, so that the root moves by whole ones */
    pw_u128 bits = (pw_u128)bits_at(number, m + 1, shift + 64) << 64 | bits_at(number, m + 1, shift);
    uint64_t r[2] = {root(bits), 0};
    return pw_wide_ratio(r, 2, exponent + shift / 2, count);
}

/* ---- decimal ----------------------------------------------------------- */

void pw_wide_decimal(const uint64_t *number, int n, char out[PW_WIDE_DECIMAL_BYTES])
{
    uint64_t rest[3] = {0};
    char digit[PW_WIDE_DECIMAL_BYTES];
    int negative = magnitude(number, n, rest), used = 0;
    do {
        uint64_t carry = 0;
        for (int i = n - 1; i >= 0; i--) {
            pw_u128 part = (pw_u128)carry << 64 | rest[i];
            rest[i] = (uint64_t)(part / 10);
            carry = (uint64_t)(part % 10);
        }
        digit[used++] = (char)('0' + carry);
    } while (top_bit(rest, n) >= 0);
    if (negative)
        *out++ = '-';
    while (used > 0)
        *out++ = digit[--used];
    *out = '\0';
}
