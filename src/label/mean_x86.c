#include "label/mean_pairs.h"

#ifndef PW_X86

uint64_t pw_mean_pairs_u8(const uint8_t *const *row, unsigned rows, uint8_t *out, uint64_t n, unsigned shift)
{
    (void)row;
    (void)rows;
    (void)out;
    (void)n;
    (void)shift;
    return 0;
}

uint64_t pw_mean_pairs_u16(const uint16_t *const *row, unsigned rows, uint16_t *out, uint64_t n, unsigned shift)
{
    (void)row;
    (void)rows;
    (void)out;
    (void)n;
    (void)shift;
    return 0;
}

#else

#include <immintrin.h>

/* Packing works in halves of a vector: puts the quarters back into their order. */
PW_TARGET_AVX2 static inline __m256i in_order(__m256i packed)
{
    return _mm256_permute4x64_epi64(packed, 0xd8);
}

PW_TARGET_AVX2 static inline __m256i load(const void *voxels)
{
    return _mm256_loadu_si256((const __m256i *)voxels);
}

/* 16 sums of 16 bits; four rows of pairs of 255 fit. */
PW_TARGET_AVX2 static inline __m256i means_u8(const uint8_t *const *row, unsigned rows, uint64_t x, __m256i half,
                                              __m128i count)
{
    __m256i sum = half;
    for (unsigned r = 0; r < rows; r++)
        sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(load(row[r] + 2 * x), _mm256_set1_epi8(1)));
    return _mm256_srl_epi16(sum, count);
}

PW_TARGET_AVX2 uint64_t pw_mean_pairs_u8(const uint8_t *const *row, unsigned rows, uint8_t *out, uint64_t n,
                                         unsigned shift)
{
    const __m256i half = _mm256_set1_epi16((short)(1 << (shift - 1)));
    const __m128i count = _mm_cvtsi32_si128((int)shift);
    uint64_t x = 0;
    for (; x + 32 <= n; x += 32) {
        __m256i a = means_u8(row, rows, x, half, count), b = means_u8(row, rows, x + 16, half, count);
        _mm256_storeu_si256((__m256i *)(void *)(out + x), in_order(_mm256_packus_epi16(a, b)));
    }
    return x;
}

/* 8 sums of 32 bits. */
PW_TARGET_AVX2 static inline __m256i means_u16(const uint16_t *const *row, unsigned rows, uint64_t x, __m256i half,
                                               __m128i count)
{
    const __m256i low = _mm256_set1_epi32(0xffff);
    __m256i sum = half;
    for (unsigned r = 0; r < rows; r++) {
        __m256i pairs = load(row[r] + 2 * x);
        sum = _mm256_add_epi32(sum, _mm256_add_epi32(_mm256_and_si256(pairs, low), _mm256_srli_epi32(pairs, 16)));
    }
    return _mm256_srl_epi32(sum, count);
}

PW_TARGET_AVX2 uint64_t pw_mean_pairs_u16(const uint16_t *const *row, unsigned rows, uint16_t *out, uint64_t n,
                                          unsigned shift)
{
    const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
    const __m128i count = _mm_cvtsi32_si128((int)shift);
    uint64_t x = 0;
    for (; x + 16 <= n; x += 16) {
        __m256i a = means_u16(row, rows, x, half, count), b = means_u16(row, rows, x + 8, half, count);
        _mm256_storeu_si256((__m256i *)(void *)(out + x), in_order(_mm256_packus_epi32(a, b)));
    }
    return x;
}

#endif
