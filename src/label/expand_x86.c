/* The inner loops of label/expand for x86: sums, comparisons and choices, which have no rounding to differ in. */
#include "label/expand_rows.h"

#ifndef PW_X86

const struct pw_expand_rows *pw_expand_vector(enum pw_simd_level level)
{
    (void)level;
    return (const struct pw_expand_rows *)0;
}

#else

#include <immintrin.h>
#include <math.h>

/* --- AVX-512 --- */

PW_TARGET_AVX512 static void fill_avx512(struct pw_expand_row row, const double *a, const double *b, double square,
                                         uint64_t n)
{
    const __m512d none = _mm512_set1_pd((double)INFINITY), far = _mm512_set1_pd(square);
    for (uint64_t i = 0; i < n; i += 8) {
        __m512d label = _mm512_loadu_pd(row.label + i);
        __m512d least = _mm512_min_pd(_mm512_loadu_pd(a + i), _mm512_loadu_pd(b + i));
        __mmask8 free = _mm512_cmp_pd_mask(label, none, _CMP_EQ_OQ) & _mm512_cmp_pd_mask(least, none, _CMP_LT_OQ);
        _mm512_mask_storeu_pd(row.label + i, free, least);
        _mm512_mask_storeu_pd(row.square + i, free, far);
    }
}

PW_TARGET_AVX512 static void improve_avx512(struct pw_expand_row row, struct pw_expand_row from, double square,
                                            uint64_t n)
{
    const __m512d further = _mm512_set1_pd(square);
    for (uint64_t i = 0; i < n; i += 8) {
        __m512d distance = _mm512_loadu_pd(row.square + i), label = _mm512_loadu_pd(row.label + i);
        __m512d other = _mm512_add_pd(_mm512_loadu_pd(from.square + i), further);
        __m512d other_label = _mm512_loadu_pd(from.label + i);
        __mmask8 nearer = _mm512_cmp_pd_mask(other, distance, _CMP_LT_OQ);
        __mmask8 as_near = _mm512_cmp_pd_mask(other, distance, _CMP_EQ_OQ);
        nearer |= as_near & _mm512_cmp_pd_mask(other_label, label, _CMP_LT_OQ);
        _mm512_mask_storeu_pd(row.square + i, nearer, other);
        _mm512_mask_storeu_pd(row.label + i, nearer, other_label);
    }
}

/* --- AVX2 --- */

PW_TARGET_AVX2 static void fill_avx2(struct pw_expand_row row, const double *a, const double *b, double square,
                                     uint64_t n)
{
    const __m256d none = _mm256_set1_pd((double)INFINITY), far = _mm256_set1_pd(square);
    for (uint64_t i = 0; i < n; i += 4) {
        __m256d label = _mm256_loadu_pd(row.label + i), distance = _mm256_loadu_pd(row.square + i);
        __m256d least = _mm256_min_pd(_mm256_loadu_pd(a + i), _mm256_loadu_pd(b + i));
        __m256d free = _mm256_and_pd(_mm256_cmp_pd(label, none, _CMP_EQ_OQ), _mm256_cmp_pd(least, none, _CMP_LT_OQ));
        _mm256_storeu_pd(row.label + i, _mm256_blendv_pd(label, least, free));
        _mm256_storeu_pd(row.square + i, _mm256_blendv_pd(distance, far, free));
    }
}

PW_TARGET_AVX2 static void improve_avx2(struct pw_expand_row row, struct pw_expand_row from, double square, uint64_t n)
{
    const __m256d further = _mm256_set1_pd(square);
    for (uint64_t i = 0; i < n; i += 4) {
        __m256d distance = _mm256_loadu_pd(row.square + i), label = _mm256_loadu_pd(row.label + i);
        __m256d other = _mm256_add_pd(_mm256_loadu_pd(from.square + i), further);
        __m256d other_label = _mm256_loadu_pd(from.label + i);
        __m256d nearer = _mm256_cmp_pd(other, distance, _CMP_LT_OQ);
        __m256d as_near = _mm256_cmp_pd(other, distance, _CMP_EQ_OQ);
        nearer = _mm256_or_pd(nearer, _mm256_and_pd(as_near, _mm256_cmp_pd(other_label, label, _CMP_LT_OQ)));
        _mm256_storeu_pd(row.square + i, _mm256_blendv_pd(distance, other, nearer));
        _mm256_storeu_pd(row.label + i, _mm256_blendv_pd(label, other_label, nearer));
    }
}

const struct pw_expand_rows *pw_expand_vector(enum pw_simd_level level)
{
    static const struct pw_expand_rows avx2 = {fill_avx2, improve_avx2}, avx512 = {fill_avx512, improve_avx512};
    return level == PW_SIMD_AVX512 ? &avx512 : level == PW_SIMD_AVX2 ? &avx2 : (const struct pw_expand_rows *)0;
}

#endif
