/*
 * Threshold loops for x86.  One macro an instruction set; a type gives its limit
 * as a vector and the comparison.  Unsigned types compare as signed with the top
 * bit flipped where the instruction set has signed comparisons only.
 */
#include "label/threshold_rows.h"

#ifndef PW_X86

pw_threshold_fn pw_threshold_vector(enum pw_dtype dtype, enum pw_simd_level level)
{
    (void)dtype;
    (void)level;
    return (pw_threshold_fn)0;
}

#else

#include <immintrin.h>

/* Part of a loop body: `mask` of `lanes` bits from one step of `step` bytes at p. */
#define ROWS(target, name, lanes, step, prepare, mask)                                                                 \
    target static void name(const struct pw_threshold *t, const void *voxels, uint64_t words, uint64_t *bits)          \
    {                                                                                                                  \
        const char *p = voxels;                                                                                        \
        prepare;                                                                                                       \
        for (uint64_t w = 0; w < words; w++) {                                                                         \
            uint64_t word = 0;                                                                                         \
            for (int lane = 0; lane < 64; lane += (lanes), p += (step))                                                \
                word |= (uint64_t)(mask) << lane;                                                                      \
            bits[w] = word;                                                                                            \
        }                                                                                                              \
    }

/* --- AVX-512 --- */

#define LOAD5(p) _mm512_loadu_si512((const void *)(p))
#define ROWS5(name, lanes, limit_vector, mask)                                                                         \
    ROWS(PW_TARGET_AVX512, name##_avx512, lanes, 64, __m512i limit = limit_vector, mask)

ROWS5(u8, 64, _mm512_set1_epi8((char)t->above_u), _mm512_cmpgt_epu8_mask(LOAD5(p), limit))
ROWS5(i8, 64, _mm512_set1_epi8((char)t->above_i), _mm512_cmpgt_epi8_mask(LOAD5(p), limit))
ROWS5(u16, 32, _mm512_set1_epi16((short)t->above_u), _mm512_cmpgt_epu16_mask(LOAD5(p), limit))
ROWS5(i16, 32, _mm512_set1_epi16((short)t->above_i), _mm512_cmpgt_epi16_mask(LOAD5(p), limit))
ROWS5(u32, 16, _mm512_set1_epi32((int)t->above_u), _mm512_cmpgt_epu32_mask(LOAD5(p), limit))
ROWS5(i32, 16, _mm512_set1_epi32((int)t->above_i), _mm512_cmpgt_epi32_mask(LOAD5(p), limit))
ROWS5(u64, 8, _mm512_set1_epi64((long long)t->above_u), _mm512_cmpgt_epu64_mask(LOAD5(p), limit))
ROWS5(i64, 8, _mm512_set1_epi64((long long)t->above_i), _mm512_cmpgt_epi64_mask(LOAD5(p), limit))
ROWS5(f32, 16, _mm512_castps_si512(_mm512_set1_ps(pw_threshold_f32(t->above_f))),
      _mm512_cmp_ps_mask(_mm512_castsi512_ps(LOAD5(p)), _mm512_castsi512_ps(limit), _CMP_GT_OQ))
ROWS5(f64, 8, _mm512_castpd_si512(_mm512_set1_pd(t->above_f)),
      _mm512_cmp_pd_mask(_mm512_castsi512_pd(LOAD5(p)), _mm512_castsi512_pd(limit), _CMP_GT_OQ))

/* Halves as integers in order of value, as half_key() of threshold.c. */
PW_TARGET_AVX512 static inline uint32_t half_mask_avx512(__m512i v, __m512i limit)
{
    __m512i sign = _mm512_srai_epi16(v, 15);
    __m512i magnitude = _mm512_and_si512(v, _mm512_set1_epi16(0x7fff));
    __m512i key = _mm512_sub_epi16(_mm512_xor_si512(magnitude, sign), sign);
    return _mm512_cmpgt_epi16_mask(key, limit) & _mm512_cmple_epi16_mask(key, _mm512_set1_epi16(0x7c00));
}

ROWS5(f16, 32, _mm512_set1_epi16((short)t->above_i), half_mask_avx512(LOAD5(p), limit))

/* --- AVX2 --- */

#define LOAD2(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define FLIP2(size, bit, v) _mm256_xor_si256(v, _mm256_set1_epi##size(bit))
#define ROWS2(name, lanes, step, limit_vector, mask)                                                                   \
    ROWS(PW_TARGET_AVX2, name##_avx2, lanes, step, __m256i limit = limit_vector, mask)

#define MASK2_8(v) (uint32_t) _mm256_movemask_epi8(_mm256_cmpgt_epi8(v, limit))
#define MASK2_32(v) (uint32_t) _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(v, limit)))
#define MASK2_64(v) (uint32_t) _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(v, limit)))

/* Two vectors of 16-bit comparisons to 32 bits in order. */
PW_TARGET_AVX2 static inline uint32_t pack_mask_avx2(__m256i low, __m256i high)
{
    __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
    return (uint32_t)_mm256_movemask_epi8(bytes);
}

PW_TARGET_AVX2 static inline __m256i half_above_avx2(__m256i v, __m256i limit)
{
    __m256i sign = _mm256_srai_epi16(v, 15);
    __m256i magnitude = _mm256_and_si256(v, _mm256_set1_epi16(0x7fff));
    __m256i key = _mm256_sub_epi16(_mm256_xor_si256(magnitude, sign), sign);
    return _mm256_andnot_si256(_mm256_cmpgt_epi16(key, _mm256_set1_epi16(0x7c00)), _mm256_cmpgt_epi16(key, limit));
}

#define MASK2_16(v0, v1) pack_mask_avx2(_mm256_cmpgt_epi16(v0, limit), _mm256_cmpgt_epi16(v1, limit))

ROWS2(u8, 32, 32, _mm256_set1_epi8((char)(t->above_u ^ 0x80)), MASK2_8(FLIP2(8, (char)0x80, LOAD2(p))))
ROWS2(i8, 32, 32, _mm256_set1_epi8((char)t->above_i), MASK2_8(LOAD2(p)))
ROWS2(u16, 32, 64, _mm256_set1_epi16((short)(t->above_u ^ 0x8000)),
      MASK2_16(FLIP2(16, (short)0x8000, LOAD2(p)), FLIP2(16, (short)0x8000, LOAD2(p + 32))))
ROWS2(i16, 32, 64, _mm256_set1_epi16((short)t->above_i), MASK2_16(LOAD2(p), LOAD2(p + 32)))
ROWS2(u32, 8, 32, _mm256_set1_epi32((int)(t->above_u ^ 0x80000000)), MASK2_32(FLIP2(32, (int)0x80000000, LOAD2(p))))
ROWS2(i32, 8, 32, _mm256_set1_epi32((int)t->above_i), MASK2_32(LOAD2(p)))
ROWS2(u64, 4, 32, _mm256_set1_epi64x((long long)(t->above_u ^ UINT64_C(1) << 63)),
      MASK2_64(FLIP2(64x, (long long)(UINT64_C(1) << 63), LOAD2(p))))
ROWS2(i64, 4, 32, _mm256_set1_epi64x((long long)t->above_i), MASK2_64(LOAD2(p)))
ROWS2(f16, 32, 64, _mm256_set1_epi16((short)t->above_i),
      pack_mask_avx2(half_above_avx2(LOAD2(p), limit), half_above_avx2(LOAD2(p + 32), limit)))
ROWS2(f32, 8, 32, _mm256_castps_si256(_mm256_set1_ps(pw_threshold_f32(t->above_f))),
      (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_castsi256_ps(LOAD2(p)), _mm256_castsi256_ps(limit),
                                                 _CMP_GT_OQ)))
ROWS2(f64, 4, 32, _mm256_castpd_si256(_mm256_set1_pd(t->above_f)),
      (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(_mm256_castsi256_pd(LOAD2(p)), _mm256_castsi256_pd(limit),
                                                 _CMP_GT_OQ)))

/* --- SSE2 (no 64-bit integer comparison: plain C) --- */

#define LOAD1(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define FLIP1(size, bit, v) _mm_xor_si128(v, _mm_set1_epi##size(bit))
#define ROWS1(name, lanes, step, limit_vector, mask)                                                                   \
    ROWS(, name##_sse2, lanes, step, __m128i limit = limit_vector, mask)

#define MASK1_8(v) (uint32_t) _mm_movemask_epi8(_mm_cmpgt_epi8(v, limit))
#define MASK1_32(v) (uint32_t) _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpgt_epi32(v, limit)))

static inline uint32_t pack_mask_sse2(__m128i low, __m128i high)
{
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high));
}

static inline __m128i half_above_sse2(__m128i v, __m128i limit)
{
    __m128i sign = _mm_srai_epi16(v, 15);
    __m128i magnitude = _mm_and_si128(v, _mm_set1_epi16(0x7fff));
    __m128i key = _mm_sub_epi16(_mm_xor_si128(magnitude, sign), sign);
    return _mm_andnot_si128(_mm_cmpgt_epi16(key, _mm_set1_epi16(0x7c00)), _mm_cmpgt_epi16(key, limit));
}

#define MASK1_16(v0, v1) pack_mask_sse2(_mm_cmpgt_epi16(v0, limit), _mm_cmpgt_epi16(v1, limit))

ROWS1(u8, 16, 16, _mm_set1_epi8((char)(t->above_u ^ 0x80)), MASK1_8(FLIP1(8, (char)0x80, LOAD1(p))))
ROWS1(i8, 16, 16, _mm_set1_epi8((char)t->above_i), MASK1_8(LOAD1(p)))
ROWS1(u16, 16, 32, _mm_set1_epi16((short)(t->above_u ^ 0x8000)),
      MASK1_16(FLIP1(16, (short)0x8000, LOAD1(p)), FLIP1(16, (short)0x8000, LOAD1(p + 16))))
ROWS1(i16, 16, 32, _mm_set1_epi16((short)t->above_i), MASK1_16(LOAD1(p), LOAD1(p + 16)))
ROWS1(u32, 4, 16, _mm_set1_epi32((int)(t->above_u ^ 0x80000000)), MASK1_32(FLIP1(32, (int)0x80000000, LOAD1(p))))
ROWS1(i32, 4, 16, _mm_set1_epi32((int)t->above_i), MASK1_32(LOAD1(p)))
ROWS1(f16, 16, 32, _mm_set1_epi16((short)t->above_i),
      pack_mask_sse2(half_above_sse2(LOAD1(p), limit), half_above_sse2(LOAD1(p + 16), limit)))
ROWS1(f32, 4, 16, _mm_castps_si128(_mm_set1_ps(pw_threshold_f32(t->above_f))),
      (uint32_t)_mm_movemask_ps(_mm_cmpgt_ps(_mm_castsi128_ps(LOAD1(p)), _mm_castsi128_ps(limit))))
ROWS1(f64, 2, 16, _mm_castpd_si128(_mm_set1_pd(t->above_f)),
      (uint32_t)_mm_movemask_pd(_mm_cmpgt_pd(_mm_castsi128_pd(LOAD1(p)), _mm_castsi128_pd(limit))))

pw_threshold_fn pw_threshold_vector(enum pw_dtype dtype, enum pw_simd_level level)
{
    static const pw_threshold_fn table[][PW_SIMD_AVX512 + 1] = {
        [PW_BOOL] = {0, u8_sse2, u8_avx2, u8_avx512},   [PW_U8] = {0, u8_sse2, u8_avx2, u8_avx512},
        [PW_I8] = {0, i8_sse2, i8_avx2, i8_avx512},     [PW_U16] = {0, u16_sse2, u16_avx2, u16_avx512},
        [PW_I16] = {0, i16_sse2, i16_avx2, i16_avx512}, [PW_U32] = {0, u32_sse2, u32_avx2, u32_avx512},
        [PW_I32] = {0, i32_sse2, i32_avx2, i32_avx512}, [PW_U64] = {0, 0, u64_avx2, u64_avx512},
        [PW_I64] = {0, 0, i64_avx2, i64_avx512},        [PW_F16] = {0, f16_sse2, f16_avx2, f16_avx512},
        [PW_F32] = {0, f32_sse2, f32_avx2, f32_avx512}, [PW_F64] = {0, f64_sse2, f64_avx2, f64_avx512},
    };
    return table[dtype][level];
}

#endif
