#include "codec/checksum.h"

#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "codec/codec.h"

enum {
    WORDS_AT_ONCE = 360 /* after as many words neither sum has left 32 bits, so that it is reduced that seldom */
};

static uint32_t fold(uint32_t sum)
{
    return (sum & 0xffff) + (sum >> 16);
}

uint32_t pw_fletcher32(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint32_t low = 0, high = 0;
    size_t words = n / 2;
    while (words > 0) {
        size_t some = words < WORDS_AT_ONCE ? words : WORDS_AT_ONCE;
        words -= some;
        for (; some > 0; some--, p += 2) {
            low += (uint32_t)p[0] << 8 | p[1];
            high += low;
        }
        low = fold(low);
        high = fold(high);
    }
    if (n % 2 != 0) { /* the last byte is the high one of a word */
        low += (uint32_t)p[0] << 8;
        high += low;
        low = fold(low);
        high = fold(high);
    }
    return fold(high) << 16 | fold(low);
}

static uint32_t sum_crc32(const void *data, size_t n)
{
    return (uint32_t)crc32_z(0, data, n);
}

static uint32_t sum_crc32c(const void *data, size_t n)
{
    return pw_crc32c(0, data, n);
}

static uint32_t sum_adler32(const void *data, size_t n)
{
    return (uint32_t)adler32_z(1, data, n);
}

static const struct pw_checksum table[] = {
    {"adler32", 1, sum_adler32},        {"crc32", 1, sum_crc32},
    {"crc32c", 0, sum_crc32c},          {"fletcher32", 0, pw_fletcher32},
    {"jenkins_lookup3", 0, pw_lookup3},
};

const struct pw_checksum *pw_checksum_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

enum pw_status pw_checksum_verify(const struct pw_checksum *checksum, int at_start, const unsigned char **data,
                                  size_t *n, struct pw_error *error)
{
    if (*n < PW_CHECKSUM_BYTES)
        return pw_fail(error, PW_E_TRUNCATED, "%s: %zu bytes hold no checksum", checksum->name, *n);
    size_t rest = *n - PW_CHECKSUM_BYTES;
    const unsigned char *sum = at_start ? *data : *data + rest;
    const unsigned char *guarded = at_start ? *data + PW_CHECKSUM_BYTES : *data;
    uint32_t stored = (uint32_t)sum[0] | (uint32_t)sum[1] << 8 | (uint32_t)sum[2] << 16 | (uint32_t)sum[3] << 24;
    uint32_t computed = checksum->compute(guarded, rest);
    if (stored != computed)
        return pw_fail(error, PW_E_CHECKSUM, "%s: checksum %08x is stored, %08x computed", checksum->name, stored,
                       computed);
    *data = guarded;
    *n = rest;
    return PW_OK;
}
