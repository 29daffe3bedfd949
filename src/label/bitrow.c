#include "label/bitrow.h"

static uint64_t runs_portable(const uint64_t *bits, uint64_t width, uint32_t base, uint32_t *rank, struct pw_run *run)
{
    uint32_t *edge = &run->start; /* starts and ends by turns */
    uint64_t words = (width + 63) / 64, n = 0, before = 0;
    for (uint64_t w = 0; w < words; w++) {
        if (rank)
            rank[w] = base + (uint32_t)((n + 1) / 2);
        uint64_t change = bits[w] ^ (bits[w] << 1 | before >> 63);
        before = bits[w];
        while (change) {
            edge[n++] = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(change);
            change &= change - 1;
        }
    }
    if (n & 1)
        edge[n++] = (uint32_t)width;
    return n / 2;
}

#ifdef PW_X86

#include <immintrin.h>

/* Up to four positions without a loop whose end would have to be guessed; writes four. */
PW_INLINE void few_positions(uint32_t *edge, uint32_t base, uint64_t change)
{
    for (int k = 0; k < 4; k++) {
        edge[k] = base + (uint32_t)__builtin_ctzll(change | UINT64_C(1) << 63);
        change &= change - 1;
    }
}

/* Sixteen positions at a time, those of set bits pushed together. */
PW_TARGET_AVX512 static inline uint64_t positions_avx512(uint32_t *edge, uint32_t base, uint64_t change)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint64_t n = 0;
    for (int k = 0; k < 4; k++, change >>= 16, base += 16) {
        __mmask16 mask = (__mmask16)change;
        __m512i position = _mm512_add_epi32(lane, _mm512_set1_epi32((int)base));
        _mm512_storeu_si512((void *)(edge + n), _mm512_maskz_compress_epi32(mask, position));
        n += (uint64_t)__builtin_popcountll(mask);
    }
    return n;
}

/* Eight at a time: pext pushes together the bytes 0..7 whose bit is set. */
PW_TARGET_AVX2 static inline uint64_t positions_avx2(uint32_t *edge, uint32_t base, uint64_t change)
{
    uint64_t n = 0;
    for (int k = 0; k < 8; k++, change >>= 8, base += 8) {
        uint64_t bytes = _pdep_u64(change, UINT64_C(0x0101010101010101)) * 0xff;
        uint64_t packed = _pext_u64(UINT64_C(0x0706050403020100), bytes);
        __m256i lane = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)packed));
        _mm256_storeu_si256((__m256i *)(void *)(edge + n), _mm256_add_epi32(lane, _mm256_set1_epi32((int)base)));
        n += (uint64_t)__builtin_popcountll(change & 0xff);
    }
    return n;
}

#define RUNS(target, name, positions)                                                                                  \
    target static uint64_t name(const uint64_t *bits, uint64_t width, uint32_t base, uint32_t *rank,                   \
                                struct pw_run *run)                                                                    \
    {                                                                                                                  \
        uint32_t *edge = &run->start;                                                                                  \
        uint64_t words = (width + 63) / 64, n = 0, before = 0;                                                         \
        for (uint64_t w = 0; w < words; w++) {                                                                         \
            if (rank)                                                                                                  \
                rank[w] = base + (uint32_t)((n + 1) / 2);                                                              \
            uint64_t change = bits[w] ^ (bits[w] << 1 | before >> 63);                                                 \
            before = bits[w];                                                                                          \
            if (change == 0)                                                                                           \
                continue;                                                                                              \
            uint64_t count = (uint64_t)__builtin_popcountll(change);                                                   \
            if (count <= 4)                                                                                            \
                few_positions(edge + n, (uint32_t)(w * 64), change);                                                   \
            else                                                                                                       \
                (void)positions(edge + n, (uint32_t)(w * 64), change);                                                 \
            n += count;                                                                                                \
        }                                                                                                              \
        if (n & 1)                                                                                                     \
            edge[n++] = (uint32_t)width;                                                                               \
        return n / 2;                                                                                                  \
    }

RUNS(PW_TARGET_AVX2, runs_avx2, positions_avx2)
RUNS(PW_TARGET_AVX512, runs_avx512, positions_avx512)

#endif

pw_bit_runs_fn pw_bit_runs(void)
{
#ifdef PW_X86
    enum pw_simd_level level = pw_simd_level();
    if (level >= PW_SIMD_AVX2)
        return level >= PW_SIMD_AVX512 ? runs_avx512 : runs_avx2;
#endif
    return runs_portable;
}
