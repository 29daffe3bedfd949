/* Bob Jenkins' lookup3 (Dr Dobb's, and burtleburtle.net/bob/c/lookup3.c, 2006), as HDF5 and numcodecs sum with it. */
#include "codec/checksum.h"

static uint32_t rotated(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

/* Of a, b and c in turn: the one less that before it, then mixed with it; and that one grows by the third. */
static void mix(uint32_t state[3])
{
    static const int bits[6] = {4, 6, 8, 16, 19, 4};
    for (int i = 0; i < 6; i++) {
        uint32_t *to = &state[i % 3], *from = &state[(i + 2) % 3];
        *to -= *from;
        *to ^= rotated(*from, bits[i]);
        *from += state[(i + 1) % 3];
    }
}

/* Of c, a and b in turn. */
static void finish(uint32_t state[3])
{
    static const int bits[7] = {14, 11, 25, 16, 4, 14, 24};
    for (int i = 0; i < 7; i++) {
        uint32_t *to = &state[(i + 2) % 3], from = state[(i + 1) % 3];
        *to ^= from;
        *to -= rotated(from, bits[i]);
    }
}

/* Adds up to 12 bytes as three little-endian words. */
static void add(uint32_t state[3], const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        state[i / 4] += (uint32_t)p[i] << 8 * (i % 4);
}

uint32_t pw_lookup3(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint32_t state[3];
    for (int i = 0; i < 3; i++)
        state[i] = 0xdeadbeef + (uint32_t)n;
    if (n == 0)
        return state[2];
    for (; n > 12; n -= 12, p += 12) {
        add(state, p, 12);
        mix(state);
    }
    add(state, p, n);
    finish(state);
    return state[2];
}
