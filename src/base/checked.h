/*
 * base/checked - arithmetic on sizes that come from files or users.
 *
 * Each function stores the exact result and returns 1, or returns 0 when it does
 * not fit.  Nothing that was read from a file is multiplied or added otherwise.
 */
#ifndef PW_BASE_CHECKED_H
#define PW_BASE_CHECKED_H

#include <stddef.h>
#include <stdint.h>

static inline int pw_add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline int pw_mul_u64(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* Product of count factors; 1 for none. */
static inline int pw_product_u64(const uint64_t *factor, int count, uint64_t *product)
{
    uint64_t value = 1;
    for (int i = 0; i < count; i++)
        if (!pw_mul_u64(value, factor[i], &value))
            return 0;
    *product = value;
    return 1;
}

/* Fits a 64-bit size into size_t (and below PTRDIFF_MAX, so that pointers can differ). */
static inline int pw_to_size(uint64_t value, size_t *size)
{
    if (value > (uint64_t)PTRDIFF_MAX)
        return 0;
    *size = (size_t)value;
    return 1;
}

static inline uint64_t pw_ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* bytes, up to the next multiple of a cache line: where the next part of a buffer begins. */
static inline uint64_t pw_padded(uint64_t bytes)
{
    return pw_ceil_div(bytes, 64) * 64;
}

static inline uint64_t pw_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t pw_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
