#include "label/simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* -1 until the first question; every thread would store the same value. */
static atomic_int chosen = -1;

static const char *const names[] = {"portable", "sse2", "avx2", "avx512"};

const char *pw_simd_name(enum pw_simd_level level)
{
    return names[level];
}

static enum pw_simd_level detect(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("popcnt") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("avx2"))
        return PW_SIMD_SSE2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return PW_SIMD_AVX512;
    return PW_SIMD_AVX2;
#else
    return PW_SIMD_PORTABLE;
#endif
}

void pw_simd_lower(enum pw_simd_level most)
{
    enum pw_simd_level level = detect();
    atomic_store_explicit(&chosen, (int)(level < most ? level : most), memory_order_relaxed);
}

enum pw_simd_level pw_simd_level(void)
{
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level >= 0)
        return (enum pw_simd_level)level;
    const char *wanted = getenv("PW_SIMD");
    enum pw_simd_level most = PW_SIMD_AVX512;
    for (int i = 0; wanted && i <= (int)PW_SIMD_AVX512; i++)
        if (strcmp(wanted, names[i]) == 0)
            most = (enum pw_simd_level)i;
    pw_simd_lower(most);
    return (enum pw_simd_level)atomic_load_explicit(&chosen, memory_order_relaxed);
}
