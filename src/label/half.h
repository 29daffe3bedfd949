/*
 * label/half - IEEE binary16 values without hardware for them.
 *
 * A key is a half as a signed integer in order of value: both zeros are 0, the
 * infinities are -PW_HALF_INFINITY and PW_HALF_INFINITY, NaNs lie outside of them.
 *
 * Internal to label.
 */
#ifndef PW_LABEL_HALF_H
#define PW_LABEL_HALF_H

#include <stdint.h>

enum {
    PW_HALF_INFINITY = 0x7c00
};

static inline int pw_half_key(uint16_t half)
{
    return half & 0x8000 ? -(half & 0x7fff) : half;
}

static inline uint16_t pw_half_of_key(int key)
{
    return (uint16_t)(key < 0 ? 0x8000 - key : key);
}

/* Whether half is a number or an infinity of a key above limit. */
static inline int pw_half_above(uint16_t half, int limit)
{
    int key = pw_half_key(half);
    return key > limit && key <= PW_HALF_INFINITY;
}

#endif
