/*
 * Runs to dense rows.
 *
 * A gap or a run is filled with whole vectors that may run over its end: what
 * they spoil comes later in the row and is written after them.  So short runs
 * cost one store and no branch.  Near the end of the row single voxels are written.
 */
#include "label/runs.h"

#include "label/simd.h"

#include <string.h>

/* The value of run i, narrowed to the element type. */
#define FROM_VALUE(type, i) (type) value[i]

/* The last runs and the gap behind them, voxel by voxel from x on. */
#define PAINT_REST(name, type, value_type)                                                                             \
    static void rest_##name(type *out, uint64_t x, uint64_t width, const struct pw_run *run, const value_type *value,  \
                            uint64_t n)                                                                                \
    {                                                                                                                  \
        for (uint64_t i = 0; i < n; i++) {                                                                             \
            for (; x < run[i].start; x++)                                                                              \
                out[x] = 0;                                                                                            \
            for (type v = FROM_VALUE(type, i); x < run[i].end; x++)                                                    \
                out[x] = v;                                                                                            \
        }                                                                                                              \
        if (x < width)                                                                                                 \
            memset(out + x, 0, (size_t)(width - x) * sizeof(type));                                                    \
    }                                                                                                                  \
    static void paint_##name(type *out, uint64_t width, const struct pw_run *run, const value_type *value, uint64_t n) \
    {                                                                                                                  \
        rest_##name(out, 0, width, run, value, n);                                                                     \
    }

PAINT_REST(u8, uint8_t, uint64_t)
PAINT_REST(u16, uint16_t, uint64_t)
PAINT_REST(u32, uint32_t, uint64_t)
PAINT_REST(u64, uint64_t, uint64_t)
PAINT_REST(labels, uint32_t, uint32_t)

#ifdef PW_X86

#include <immintrin.h>

PW_TARGET_AVX2 static inline void fill_avx2(unsigned char *from, const unsigned char *to, __m256i v)
{
    do {
        _mm256_storeu_si256((__m256i *)(void *)from, v);
        from += 32;
    } while (from < to);
}

/* Half a vector first: most runs of noisy images end there, and it crosses fewer cache lines. */
PW_TARGET_AVX512 static inline void fill_avx512(unsigned char *from, const unsigned char *to, __m512i v)
{
    _mm256_storeu_si256((__m256i *)(void *)from, _mm512_castsi512_si256(v));
    for (from += 32; from < to; from += 64)
        _mm512_storeu_si512((void *)from, v);
}

#define PAINT(target, level, name, type, value_type, vector, zero, splat, overrun)                                     \
    target static void paint_##name##_##level(type *out, uint64_t width, const struct pw_run *run,                     \
                                              const value_type *value, uint64_t n)                                     \
    {                                                                                                                  \
        uint64_t x = 0, i = 0;                                                                                         \
        for (; i < n && run[i].end + (overrun) / sizeof(type) <= width; i++) {                                         \
            if (x < run[i].start)                                                                                      \
                fill_##level((unsigned char *)(out + x), (unsigned char *)(out + run[i].start), zero);                 \
            vector v = splat(FROM_VALUE(type, i));                                                                     \
            fill_##level((unsigned char *)(out + run[i].start), (unsigned char *)(out + run[i].end), v);               \
            x = run[i].end;                                                                                            \
        }                                                                                                              \
        rest_##name(out, x, width, run + i, value + i, n - i);                                                         \
    }

#define SPLAT2_8(v) _mm256_set1_epi8((char)(v))
#define SPLAT2_16(v) _mm256_set1_epi16((short)(v))
#define SPLAT2_32(v) _mm256_set1_epi32((int)(v))
#define SPLAT2_64(v) _mm256_set1_epi64x((long long)(v))
#define PAINT2(name, type, value_type, splat)                                                                          \
    PAINT(PW_TARGET_AVX2, avx2, name, type, value_type, __m256i, _mm256_setzero_si256(), splat, 32)

PAINT2(u8, uint8_t, uint64_t, SPLAT2_8)
PAINT2(u16, uint16_t, uint64_t, SPLAT2_16)
PAINT2(u32, uint32_t, uint64_t, SPLAT2_32)
PAINT2(u64, uint64_t, uint64_t, SPLAT2_64)
PAINT2(labels, uint32_t, uint32_t, SPLAT2_32)

#define SPLAT5_8(v) _mm512_set1_epi8((char)(v))
#define SPLAT5_16(v) _mm512_set1_epi16((short)(v))
#define SPLAT5_32(v) _mm512_set1_epi32((int)(v))
#define SPLAT5_64(v) _mm512_set1_epi64((long long)(v))
#define PAINT5(name, type, value_type, splat)                                                                          \
    PAINT(PW_TARGET_AVX512, avx512, name, type, value_type, __m512i, _mm512_setzero_si512(), splat, 64)

PAINT5(u8, uint8_t, uint64_t, SPLAT5_8)
PAINT5(u16, uint16_t, uint64_t, SPLAT5_16)
PAINT5(u32, uint32_t, uint64_t, SPLAT5_32)
PAINT5(u64, uint64_t, uint64_t, SPLAT5_64)
PAINT5(labels, uint32_t, uint32_t, SPLAT5_32)

#define VARIANTS(name)                                                                                                 \
    {                                                                                                                  \
        paint_##name, paint_##name, paint_##name##_avx2, paint_##name##_avx512                                         \
    }
#else
#define VARIANTS(name)                                                                                                 \
    {                                                                                                                  \
        paint_##name, paint_##name, paint_##name, paint_##name                                                         \
    }
#endif

void pw_paint_row(enum pw_dtype dtype, void *out, uint64_t width, const struct pw_run *run, const uint64_t *value,
                  uint64_t n)
{
    static void (*const u8[])(uint8_t *, uint64_t, const struct pw_run *, const uint64_t *, uint64_t) = VARIANTS(u8);
    static void (*const u16[])(uint16_t *, uint64_t, const struct pw_run *, const uint64_t *, uint64_t) = VARIANTS(u16);
    static void (*const u32[])(uint32_t *, uint64_t, const struct pw_run *, const uint64_t *, uint64_t) = VARIANTS(u32);
    static void (*const u64[])(uint64_t *, uint64_t, const struct pw_run *, const uint64_t *, uint64_t) = VARIANTS(u64);
    enum pw_simd_level level = pw_simd_level();
    switch (pw_dtype_bytes(dtype)) {
    case 1: u8[level](out, width, run, value, n); break;
    case 2: u16[level](out, width, run, value, n); break;
    case 4: u32[level](out, width, run, value, n); break;
    case 8: u64[level](out, width, run, value, n); break;
    default: break;
    }
}

void pw_paint_rows(enum pw_dtype dtype, void *out, const struct pw_label_block *block, uint64_t first_row,
                   uint64_t n_rows)
{
    unsigned char *at = out;
    size_t row_bytes = (size_t)block->shape[2] * pw_dtype_bytes(dtype);
    for (uint64_t row = first_row; row < first_row + n_rows; row++, at += row_bytes) {
        uint64_t first = block->row[row];
        pw_paint_row(dtype, at, block->shape[2], block->run + first, block->value + first, block->row[row + 1] - first);
    }
}

void pw_paint_labels(const struct pw_runs *runs, uint32_t *dense)
{
    static void (*const variant[])(uint32_t *, uint64_t, const struct pw_run *, const uint32_t *, uint64_t) =
        VARIANTS(labels);
    enum pw_simd_level level = pw_simd_level();
    uint64_t rows = runs->shape[0] * runs->shape[1], width = runs->shape[2];
    for (uint64_t row = 0; row < rows; row++, dense += width) {
        uint64_t first = runs->row[row];
        variant[level](dense, width, runs->run + first, runs->label + first, runs->row[row + 1] - first);
    }
}
