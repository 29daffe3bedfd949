/*
 * CRC-32C: reflected polynomial 0x82f63b78, as in iSCSI (RFC 3720), ext4 and zarr v3.
 * With the instruction of SSE 4.2 or ARMv8 eight bytes take one step; without,
 * eight tables do the same ("slicing by 8", Kounavis and Berry 2005).
 */
#include <pthread.h>
#include <string.h>

#include "codec/codec.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif
#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#define POLYNOMIAL 0x82f63b78u

enum {
    SUM_BYTES = 4
};

static uint32_t slice[8][256]; /* written once, under slice_once */
static pthread_once_t slice_once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        slice[0][i] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            slice[k][i] = (slice[k - 1][i] >> 8) ^ slice[0][slice[k - 1][i] & 0xff];
}

static uint32_t step_byte(uint32_t crc, unsigned char byte)
{
    return (crc >> 8) ^ slice[0][(crc ^ byte) & 0xff];
}

uint32_t pw_crc32c_portable(uint32_t crc, const void *data, size_t n)
{
    const unsigned char *p = data;
    (void)pthread_once(&slice_once, make_tables);
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = slice[7][low & 0xff] ^ slice[6][(low >> 8) & 0xff] ^ slice[5][(low >> 16) & 0xff] ^ slice[4][low >> 24] ^
              slice[3][p[4]] ^ slice[2][p[5]] ^ slice[1][p[6]] ^ slice[0][p[7]];
    }
    while (n-- > 0)
        crc = step_byte(crc, *p++);
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t crc, const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t sum = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        sum = _mm_crc32_u64(sum, word);
    }
    uint32_t rest = (uint32_t)sum;
    while (n-- > 0)
        rest = _mm_crc32_u8(rest, *p++);
    return ~rest;
}

uint32_t pw_crc32c(uint32_t crc, const void *data, size_t n)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_hardware(crc, data, n) : pw_crc32c_portable(crc, data, n);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t pw_crc32c(uint32_t crc, const void *data, size_t n)
{
    const unsigned char *p = data;
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }
    while (n-- > 0)
        crc = __crc32cb(crc, *p++);
    return ~crc;
}

#else

uint32_t pw_crc32c(uint32_t crc, const void *data, size_t n)
{
    return pw_crc32c_portable(crc, data, n);
}

#endif

/* ---- the codec of zarr v3: the data, then its sum as four bytes, little-endian ---- */
