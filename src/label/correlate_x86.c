/*
 * The inner loop of label/correlate for x86.  Products and sums are instructions of their own: the compiler is not
 * to fuse them (-std=c11 with gcc, the pragma with clang), or the bits would differ from those of plain C.
 */
#include "label/correlate_rows.h"

#ifndef PW_X86

pw_correlate_fn pw_correlate_vector(enum pw_simd_level level)
{
    (void)level;
    return (pw_correlate_fn)0;
}

#else

#include <immintrin.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* --- AVX-512: two vectors of 8 doubles, or four while there are 32 voxels --- */

#define LOAD5(p, k) _mm512_cvtps_pd(_mm256_loadu_ps((p) + x + 8 * (k)))
#define BOTH5(k) _mm512_mul_pd(_mm512_add_pd(LOAD5(before, k), LOAD5(after, k)), w)

PW_TARGET_AVX512 static void step32_avx512(const float *const *row, const double *weight, uint64_t radius, uint64_t x,
                                           float *out)
{
    __m512d w = _mm512_set1_pd(weight[0]), sum[4];
    for (int k = 0; k < 4; k++)
        sum[k] = _mm512_mul_pd(LOAD5(row[radius], k), w);
    for (uint64_t d = radius; d > 0; d--) {
        const float *before = row[radius - d], *after = row[radius + d];
        w = _mm512_set1_pd(weight[d]);
        for (int k = 0; k < 4; k++)
            sum[k] = _mm512_add_pd(sum[k], BOTH5(k));
    }
    for (int k = 0; k < 4; k++)
        _mm256_storeu_ps(out + x + 8 * k, _mm512_cvtpd_ps(sum[k]));
}

PW_TARGET_AVX512 static void step16_avx512(const float *const *row, const double *weight, uint64_t radius, uint64_t x,
                                           float *out)
{
    __m512d w = _mm512_set1_pd(weight[0]);
    __m512d low = _mm512_mul_pd(LOAD5(row[radius], 0), w), high = _mm512_mul_pd(LOAD5(row[radius], 1), w);
    for (uint64_t d = radius; d > 0; d--) {
        const float *before = row[radius - d], *after = row[radius + d];
        w = _mm512_set1_pd(weight[d]);
        low = _mm512_add_pd(low, BOTH5(0));
        high = _mm512_add_pd(high, BOTH5(1));
    }
    _mm256_storeu_ps(out + x, _mm512_cvtpd_ps(low));
    _mm256_storeu_ps(out + x + 8, _mm512_cvtpd_ps(high));
}

PW_TARGET_AVX512 static void combine_avx512(const float *const *row, const double *weight, uint64_t radius,
                                            uint64_t width, float *out)
{
    uint64_t x = 0;
    for (; x + 32 <= width; x += 32)
        step32_avx512(row, weight, radius, x, out);
    if (x < width)
        step16_avx512(row, weight, radius, x, out);
}

/* --- AVX2: four vectors of 4 doubles --- */

#define LOAD2(p, k) _mm256_cvtps_pd(_mm_loadu_ps((p) + x + 4 * (k)))

PW_TARGET_AVX2 static void combine_avx2(const float *const *row, const double *weight, uint64_t radius, uint64_t width,
                                        float *out)
{
    for (uint64_t x = 0; x < width; x += PW_CORRELATE_STEP) {
        __m256d w = _mm256_set1_pd(weight[0]), sum[4];
        for (int k = 0; k < 4; k++)
            sum[k] = _mm256_mul_pd(LOAD2(row[radius], k), w);
        for (uint64_t d = radius; d > 0; d--) {
            const float *before = row[radius - d], *after = row[radius + d];
            w = _mm256_set1_pd(weight[d]);
            for (int k = 0; k < 4; k++)
                sum[k] = _mm256_add_pd(sum[k], _mm256_mul_pd(_mm256_add_pd(LOAD2(before, k), LOAD2(after, k)), w));
        }
        for (int k = 0; k < 4; k++)
            _mm_storeu_ps(out + x + 4 * k, _mm256_cvtpd_ps(sum[k]));
    }
}

pw_correlate_fn pw_correlate_vector(enum pw_simd_level level)
{
    static const pw_correlate_fn variant[] = {0, 0, combine_avx2, combine_avx512};
    return variant[level];
}

#endif
