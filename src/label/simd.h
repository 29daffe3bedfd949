/*
 * label/simd - which vector instructions this processor has.
 *
 * Chosen once; the environment variable PW_SIMD (portable, sse2, avx2, avx512) lowers
 * it, so that tests can compare the variants.  Every variant gives the same bytes.
 */
#ifndef PW_LABEL_SIMD_H
#define PW_LABEL_SIMD_H

enum pw_simd_level {
    PW_SIMD_PORTABLE = 0, /* C only */
    PW_SIMD_SSE2,         /* the x86-64 baseline */
    PW_SIMD_AVX2,         /* with BMI2 */
    PW_SIMD_AVX512        /* F, BW, DQ, VL */
};

enum pw_simd_level pw_simd_level(void);
const char *pw_simd_name(enum pw_simd_level level);

#endif
