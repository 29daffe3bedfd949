#include "codec/xxhash32.h"

static const uint32_t prime[5] = {2654435761u, 2246822519u, 3266489917u, 668265263u, 374761393u};

static uint32_t rotated(uint32_t value, int bits)
{
    return value << bits | value >> (32 - bits);
}

static uint32_t word(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t pw_xxhash32(const void *data, size_t n, uint32_t seed)
{
    const unsigned char *p = data, *end = p + n;
    uint32_t hash = seed + prime[4];
    if (n >= 16) {
        uint32_t lane[4] = {seed + prime[0] + prime[1], seed + prime[1], seed, seed - prime[0]};
        for (; end - p >= 16; p += 16)
            for (int i = 0; i < 4; i++)
                lane[i] = rotated(lane[i] + word(p + 4 * i) * prime[1], 13) * prime[0];
        hash = rotated(lane[0], 1) + rotated(lane[1], 7) + rotated(lane[2], 12) + rotated(lane[3], 18);
    }
    hash += (uint32_t)n;
    for (; end - p >= 4; p += 4)
        hash = rotated(hash + word(p) * prime[2], 17) * prime[3];
    for (; p < end; p++)
        hash = rotated(hash + *p * prime[4], 11) * prime[0];
    hash = (hash ^ hash >> 15) * prime[1];
    hash = (hash ^ hash >> 13) * prime[2];
    return hash ^ hash >> 16;
}
