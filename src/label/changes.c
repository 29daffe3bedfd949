#include "label/changes.h"

#include "label/simd.h"

#include <string.h>

#define PORTABLE(name, type)                                                                                           \
    static uint64_t name(const unsigned char *p)                                                                       \
    {                                                                                                                  \
        type v[65];                                                                                                    \
        uint64_t word = 0;                                                                                             \
        memcpy(v, p - sizeof(type), sizeof v);                                                                         \
        for (int i = 0; i < 64; i++)                                                                                   \
            word |= (uint64_t)(v[i + 1] != v[i]) << i;                                                                 \
        return word;                                                                                                   \
    }

PORTABLE(changes_1, uint8_t)
PORTABLE(changes_2, uint16_t)
PORTABLE(changes_4, uint32_t)
PORTABLE(changes_8, uint64_t)

#ifdef PW_X86

#include <immintrin.h>

/* `same` yields a mask of lanes bits that are set where the step at p has no change. */
#define CHANGES(target, name, lanes, step, same)                                                                       \
    target static uint64_t name(const unsigned char *p)                                                                \
    {                                                                                                                  \
        uint64_t word = 0;                                                                                             \
        for (int lane = 0; lane < 64; lane += (lanes), p += (step))                                                    \
            word |= (uint64_t)(same) << lane;                                                                          \
        return ~word;                                                                                                  \
    }

#define LOAD5(p) _mm512_loadu_si512((const void *)(p))
CHANGES(PW_TARGET_AVX512, changes_1_avx512, 64, 64, _mm512_cmpeq_epi8_mask(LOAD5(p), LOAD5(p - 1)))
CHANGES(PW_TARGET_AVX512, changes_2_avx512, 32, 64, _mm512_cmpeq_epi16_mask(LOAD5(p), LOAD5(p - 2)))
CHANGES(PW_TARGET_AVX512, changes_4_avx512, 16, 64, _mm512_cmpeq_epi32_mask(LOAD5(p), LOAD5(p - 4)))
CHANGES(PW_TARGET_AVX512, changes_8_avx512, 8, 64, _mm512_cmpeq_epi64_mask(LOAD5(p), LOAD5(p - 8)))

#define LOAD2(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define SAME2(size, p) _mm256_cmpeq_epi##size(LOAD2(p), LOAD2((p) - (size) / 8))

PW_TARGET_AVX2 static inline uint32_t pack_avx2(__m256i low, __m256i high)
{
    __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
    return (uint32_t)_mm256_movemask_epi8(bytes);
}

CHANGES(PW_TARGET_AVX2, changes_1_avx2, 32, 32, (uint32_t)_mm256_movemask_epi8(SAME2(8, p)))
CHANGES(PW_TARGET_AVX2, changes_2_avx2, 32, 64, pack_avx2(SAME2(16, p), SAME2(16, p + 32)))
CHANGES(PW_TARGET_AVX2, changes_4_avx2, 8, 32, (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(SAME2(32, p))))
CHANGES(PW_TARGET_AVX2, changes_8_avx2, 4, 32, (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(SAME2(64, p))))

#define LOAD1(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define SAME1(size, p) _mm_cmpeq_epi##size(LOAD1(p), LOAD1((p) - (size) / 8))

CHANGES(, changes_1_sse2, 16, 16, (uint32_t)_mm_movemask_epi8(SAME1(8, p)))
CHANGES(, changes_2_sse2, 16, 32, (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(SAME1(16, p), SAME1(16, p + 16))))
CHANGES(, changes_4_sse2, 4, 16, (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(SAME1(32, p))))

#endif

pw_changes_fn pw_changes(size_t element_bytes)
{
    enum pw_simd_level level = pw_simd_level();
#ifdef PW_X86
    static const pw_changes_fn table[][PW_SIMD_AVX512 + 1] = {
        {changes_1, changes_1_sse2, changes_1_avx2, changes_1_avx512},
        {changes_2, changes_2_sse2, changes_2_avx2, changes_2_avx512},
        {changes_4, changes_4_sse2, changes_4_avx2, changes_4_avx512},
        {changes_8, changes_8, changes_8_avx2, changes_8_avx512},
    };
#else
    static const pw_changes_fn table[][1] = {{changes_1}, {changes_2}, {changes_4}, {changes_8}};
#endif
    return table[__builtin_ctzll(element_bytes)][level];
}

uint64_t pw_changes_word(pw_changes_fn changes, const unsigned char *row, size_t element_bytes, uint64_t width,
                         uint64_t w)
{
    uint64_t first = 64 * w, count = width - first < 64 ? width - first : 64;
    if (first > 0 && count == 64)
        return changes(row + first * element_bytes);
    /* At the ends of the row, a copy with room around it. */
    unsigned char padded[66 * 8] = {0};
    uint64_t before = first > 0;
    memcpy(padded + (1 - before) * element_bytes, row + (first - before) * element_bytes,
           (size_t)(count + before) * element_bytes);
    uint64_t word = changes(padded + element_bytes);
    if (count < 64)
        word &= (UINT64_C(1) << count) - 1;
    return first > 0 ? word : word | 1;
}
