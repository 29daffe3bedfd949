/*
 * codec/xxhash32 - the 32-bit xxHash of a buffer (Collet, xxHash specification 0.1.1), which LZ4's framings sum with.
 */
#ifndef PW_CODEC_XXHASH32_H
#define PW_CODEC_XXHASH32_H

#include <stddef.h>
#include <stdint.h>

uint32_t pw_xxhash32(const void *data, size_t n, uint32_t seed);

#endif
