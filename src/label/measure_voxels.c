/*
 * Rows of voxels into exact sums.
 *
 * Integers of 8 to 32 bits are added in 64 bits.  Floats of 32 bits whose exponents are near each other are added as
 * doubles: every partial sum is a whole number of at most 53 bits then, so that neither the order nor the vectors of
 * the compiler change a bit.  What remains goes value by value into a wide number.
 */
#include "label/measure_voxels.h"

#include "base/dtype.h"
#include "label/wide.h"

#include <string.h>

enum {
    LANES = 8
};

/* least and greatest are keys of 32 bits. */
static void widen_by(uint64_t *extremes, uint32_t least, uint32_t greatest)
{
    uint32_t low = (uint32_t)*extremes < least ? (uint32_t)*extremes : least;
    uint64_t high = *extremes >> 32 > greatest ? *extremes >> 32 : greatest;
    *extremes = low | high << 32;
}

/* ---- integers -------------------------------------------------------------- */

/*
 * 8 and 16 bits: a row's sum fits 32 bits, its squares and those of a block 64.  Two voxels at a time: runs are short,
 * and so lanes of vectors would cost more than they bring.
 */
#define SMALL_ROW(name, type, bias)                                                                                    \
    static void row_##name(uint64_t *words, const void *voxels, uint32_t n)                                            \
    {                                                                                                                  \
        const type *v = voxels;                                                                                        \
        int32_t lo = v[0], hi = v[0], more_lo = lo, more_hi = hi, sum = 0, more_sum = 0;                               \
        uint64_t squares = 0, more_squares = 0;                                                                        \
        uint32_t i = 0;                                                                                                \
        for (; i + 2 <= n; i += 2) {                                                                                   \
            int32_t a = v[i], b = v[i + 1];                                                                            \
            lo = a < lo ? a : lo;                                                                                      \
            hi = a > hi ? a : hi;                                                                                      \
            more_lo = b < more_lo ? b : more_lo;                                                                       \
            more_hi = b > more_hi ? b : more_hi;                                                                       \
            sum += a;                                                                                                  \
            more_sum += b;                                                                                             \
            squares += (uint32_t)a * (uint32_t)a;                                                                      \
            more_squares += (uint32_t)b * (uint32_t)b;                                                                 \
        }                                                                                                              \
        if (i < n) {                                                                                                   \
            int32_t a = v[i];                                                                                          \
            lo = a < lo ? a : lo;                                                                                      \
            hi = a > hi ? a : hi;                                                                                      \
            sum += a;                                                                                                  \
            squares += (uint32_t)a * (uint32_t)a;                                                                      \
        }                                                                                                              \
        lo = more_lo < lo ? more_lo : lo;                                                                              \
        hi = more_hi > hi ? more_hi : hi;                                                                              \
        widen_by(words, (uint32_t)lo ^ (bias), (uint32_t)hi ^ (bias));                                                 \
        words[1] += (uint64_t)((int64_t)sum + more_sum);                                                               \
        words[2] += squares + more_squares;                                                                            \
    }

SMALL_ROW(u8, uint8_t, 0u)
SMALL_ROW(i8, int8_t, 0x80000000u)
SMALL_ROW(u16, uint16_t, 0u)
SMALL_ROW(i16, int16_t, 0x80000000u)

/* 32 bits: squares need more than 64. */
#define MEDIUM_ROW(name, type, wide, bias)                                                                             \
    static void row_##name(uint64_t *words, const void *voxels, uint32_t n)                                            \
    {                                                                                                                  \
        const type *v = voxels;                                                                                        \
        type lo = v[0], hi = v[0];                                                                                     \
        wide sum = 0;                                                                                                  \
        pw_u128 squares = 0;                                                                                           \
        for (uint32_t i = 0; i < n; i++) {                                                                             \
            lo = v[i] < lo ? v[i] : lo;                                                                                \
            hi = v[i] > hi ? v[i] : hi;                                                                                \
            sum += v[i];                                                                                               \
            squares += (uint64_t)((wide)v[i] * (wide)v[i]);                                                            \
        }                                                                                                              \
        uint64_t part[2] = {(uint64_t)squares, (uint64_t)(squares >> 64)};                                             \
        widen_by(words, (uint32_t)lo ^ (bias), (uint32_t)hi ^ (bias));                                                 \
        words[1] += (uint64_t)sum;                                                                                     \
        pw_wide_add_unsigned(words + 2, 2, part, 2);                                                                   \
    }

MEDIUM_ROW(u32, uint32_t, uint64_t, 0u)
MEDIUM_ROW(i32, int32_t, int64_t, 0x80000000u)

/* 64 bits. */
#define LARGE_ROW(name, type, wide, bias)                                                                              \
    static void row_##name(uint64_t *words, const void *voxels, uint32_t n)                                            \
    {                                                                                                                  \
        const type *v = voxels;                                                                                        \
        pw_i128 sum = 0;                                                                                               \
        for (uint32_t i = 0; i < n; i++) {                                                                             \
            uint64_t key = (uint64_t)v[i] ^ (bias);                                                                    \
            pw_u128 square = (pw_u128)((wide)v[i] * (wide)v[i]);                                                       \
            uint64_t part[2] = {(uint64_t)square, (uint64_t)(square >> 64)};                                           \
            words[0] = key < words[0] ? key : words[0];                                                                \
            words[1] = key > words[1] ? key : words[1];                                                                \
            sum += v[i];                                                                                               \
            pw_wide_add_unsigned(words + 4, 3, part, 2);                                                               \
        }                                                                                                              \
        uint64_t part[2] = {(uint64_t)sum, (uint64_t)((pw_u128)sum >> 64)};                                            \
        pw_wide_add(words + 2, 2, part, 2);                                                                            \
    }

LARGE_ROW(u64, uint64_t, pw_u128, 0u)
LARGE_ROW(i64, int64_t, pw_i128, 0x8000000000000000u)

/* ---- floats ----------------------------------------------------------------- */

/* A number of m * 2^e, e >= 0 counted in the smallest of its type, into sums and squares. */
static void add_number(uint64_t *sum, int n, uint64_t *squares, int m, uint64_t mantissa, unsigned e, int negative)
{
    pw_u128 square = (pw_u128)mantissa * mantissa;
    pw_wide_add_at(sum, n, mantissa, e, negative);
    pw_wide_add_at(squares, m, (uint64_t)square, 2 * e, 0);
    if (square >> 64 != 0)
        pw_wide_add_at(squares, m, (uint64_t)(square >> 64), 2 * e + 64, 0);
}

static uint64_t flag_of(int is_nan, int negative)
{
    return is_nan ? PW_MEASURE_NAN : negative ? PW_MEASURE_MINUS_INFINITY : PW_MEASURE_INFINITY;
}

/* Words of a channel of f32: extremes, flags, sum (5), squares (10). */
static void add_f32(uint64_t *words, uint32_t bits)
{
    unsigned e = bits >> 23 & 0xff;
    uint32_t fraction = bits & 0x7fffff, key = pw_measure_key_f32(bits);
    if (e == 0xff)
        words[1] |= flag_of(fraction != 0, bits >> 31 != 0);
    if (e == 0xff && fraction != 0)
        return;
    widen_by(words, key, key);
    if (e < 0xff)
        add_number(words + 2, 5, words + 7, 10, e > 0 ? fraction | 0x800000 : fraction, e > 0 ? e - 1 : 0,
                   bits >> 31 != 0);
}

/* A double that is a whole number of 2^unit and fits 53 bits, into a wide number that counts in 2^unit as well. */
static void add_exact(uint64_t *number, int n, double value, int unit)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = (bits & 0xfffffffffffffu) | 0x10000000000000u;
    int position = (int)(bits >> 52 & 0x7ff) - 1075 - unit;
    if (value >= 0 && value <= 0)
        return;
    if (position < 0) { /* the bits below the unit are zeros */
        mantissa >>= -position;
        position = 0;
    }
    pw_wide_add_at(number, n, mantissa, (unsigned)position, bits >> 63 != 0);
}

/*
 * Finite values whose exponents span at most 10: of 24 bits each, 34 with the span, 43 with the 512 of a row.  A value
 * is cut into two halves of 12 bits, whose products span 2 * 10 + 24 bits, 53 with the 512.
 */
static void add_near_f32(uint64_t *words, const uint32_t *bits, uint32_t n)
{
    double sum[LANES] = {0}, high[LANES] = {0}, middle[LANES] = {0}, low[LANES] = {0};
    uint32_t i = 0, rest[LANES] = {0};
    for (;;) {
        uint32_t left = n - i < LANES ? n - i : LANES;
        const uint32_t *from = bits + i;
        if (left < LANES) {
            memcpy(rest, from, left * sizeof *rest);
            from = rest;
        }
        for (int k = 0; k < LANES; k++) {
            uint32_t cut = from[k] & 0xfffff000u;
            float whole, upper;
            memcpy(&whole, from + k, sizeof whole);
            memcpy(&upper, &cut, sizeof upper);
            double x = (double)whole, h = (double)upper, l = x - h;
            sum[k] += x;
            high[k] += h * h;
            middle[k] += h * l;
            low[k] += l * l;
        }
        i += left;
        if (i == n)
            break;
    }
    for (int k = 1; k < LANES; k++) {
        sum[0] += sum[k];
        high[0] += high[k];
        middle[0] += middle[k];
        low[0] += low[k];
    }
    add_exact(words + 2, 5, sum[0], -149);
    add_exact(words + 7, 10, high[0], -298);
    add_exact(words + 7, 10, 2 * middle[0], -298);
    add_exact(words + 7, 10, low[0], -298);
}

static void row_f32(uint64_t *words, const void *voxels, uint32_t n)
{
    const uint32_t *bits = voxels;
    uint32_t least = UINT32_MAX, greatest = 0; /* magnitudes; zero, less one, is none */
    uint32_t lo = UINT32_MAX, hi = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t size = bits[i] & 0x7fffffff, key = pw_measure_key_f32(bits[i]);
        least = size - 1 < least ? size - 1 : least;
        greatest = size > greatest ? size : greatest;
        lo = key < lo ? key : lo;
        hi = key > hi ? key : hi;
    }
    uint32_t top = greatest >> 23, bottom = least == UINT32_MAX ? top : (least + 1) >> 23;
    if (top == 0xff || top - bottom > 10 || (bottom == 0 && greatest != 0)) {
        for (uint32_t i = 0; i < n; i++)
            add_f32(words, bits[i]);
        return;
    }
    widen_by(words, lo, hi);
    if (greatest != 0)
        add_near_f32(words, bits, n);
}

/* Words of a channel of f16: extremes (as keys of f32), flags, sum (2), squares (2). */
static void row_f16(uint64_t *words, const void *voxels, uint32_t n)
{
    const uint16_t *bits = voxels;
    for (uint32_t i = 0; i < n; i++) {
        unsigned e = bits[i] >> 10 & 0x1f;
        uint16_t fraction = bits[i] & 0x3ff;
        float value = (float)pw_half_to_double(bits[i]);
        uint32_t as_f32;
        if (e == 0x1f)
            words[1] |= flag_of(fraction != 0, bits[i] >> 15 != 0);
        if (e == 0x1f && fraction != 0)
            continue;
        memcpy(&as_f32, &value, sizeof as_f32);
        widen_by(words, pw_measure_key_f32(as_f32), pw_measure_key_f32(as_f32));
        if (e < 0x1f)
            add_number(words + 2, 2, words + 4, 2, e > 0 ? fraction | 0x400u : fraction, e > 0 ? e - 1 : 0,
                       bits[i] >> 15 != 0);
    }
}

/* Words of a channel of f64: least, greatest, flags, sum (34), squares (67). */
static void row_f64(uint64_t *words, const void *voxels, uint32_t n)
{
    const uint64_t *bits = voxels;
    for (uint32_t i = 0; i < n; i++) {
        unsigned e = bits[i] >> 52 & 0x7ff;
        uint64_t fraction = bits[i] & 0xfffffffffffffu, key = pw_measure_key_f64(bits[i]);
        if (e == 0x7ff)
            words[2] |= flag_of(fraction != 0, bits[i] >> 63 != 0);
        if (e == 0x7ff && fraction != 0)
            continue;
        words[0] = key < words[0] ? key : words[0];
        words[1] = key > words[1] ? key : words[1];
        if (e < 0x7ff)
            add_number(words + 3, 34, words + 37, 67, e > 0 ? fraction | 0x10000000000000u : fraction,
                       e > 0 ? e - 1 : 0, bits[i] >> 63 != 0);
    }
}

pw_measure_row_fn pw_measure_row(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_I8: return row_i8;
    case PW_U16: return row_u16;
    case PW_I16: return row_i16;
    case PW_U32: return row_u32;
    case PW_I32: return row_i32;
    case PW_U64: return row_u64;
    case PW_I64: return row_i64;
    case PW_F16: return row_f16;
    case PW_F32: return row_f32;
    case PW_F64: return row_f64;
    case PW_BOOL:
    case PW_U8:
    case PW_DTYPE_NONE: break;
    }
    return row_u8;
}
