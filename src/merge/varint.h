/*
 * merge/varint - integers of the stage log: 7 bits a byte, least first (LEB128).
 *
 * Reading never passes end; a broken number sets *p to NULL, which all later reads keep.
 */
#ifndef PW_MERGE_VARINT_H
#define PW_MERGE_VARINT_H

#include <stddef.h>
#include <stdint.h>

static inline unsigned char *pw_varint_put(unsigned char *p, uint64_t value)
{
    while (value >= 0x80) {
        *p++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *p++ = (unsigned char)value;
    return p;
}

static inline uint64_t pw_varint_get(const unsigned char **p, const unsigned char *end)
{
    uint64_t value = 0;
    const unsigned char *at = *p;
    if (at != NULL && at < end && *at < 0x80) { /* most numbers are one byte */
        *p = at + 1;
        return *at;
    }
    for (unsigned shift = 0; at != NULL && at < end && shift < 64; shift += 7) {
        value |= (uint64_t)(*at & 0x7f) << shift;
        if ((*at++ & 0x80) == 0) {
            *p = at;
            return value;
        }
    }
    *p = NULL;
    return 0;
}

static inline uint64_t pw_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t pw_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Bytes of the longest number up to value. */
static inline uint64_t pw_varint_bytes(uint64_t value)
{
    uint64_t n = 1;
    while (value >= 0x80) {
        value >>= 7;
        n++;
    }
    return n;
}

#endif
