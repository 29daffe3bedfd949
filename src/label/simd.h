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

/* Uses at most that level from now on, whatever PW_SIMD says; for tests and benchmarks. */
void pw_simd_lower(enum pw_simd_level most);

/*
 * Attributes of the variants.  A file has one function per level and picks by
 * pw_simd_level(); nothing else is compiled for more than the baseline.
 */
#if defined(__x86_64__) && defined(__GNUC__)
#define PW_X86 1
#define PW_TARGET_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define PW_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi,bmi2,popcnt")))
#endif
#define PW_INLINE static inline __attribute__((always_inline))

#endif
