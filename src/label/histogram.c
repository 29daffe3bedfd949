#include "label/histogram.h"

#include "base/dtype.h"
#include "label/floatbins.h"

#include <math.h>
#include <string.h>

#define MOST_BINS (UINT64_C(1) << 28)

/* Whether all values of the type have a bin, whatever the range. */
static int is_small(enum pw_dtype dtype)
{
    return pw_dtype_is_integer(dtype) && pw_dtype_bytes(dtype) <= 2;
}

uint64_t pw_histogram_bins(enum pw_dtype dtype, const struct pw_range *range)
{
    if (is_small(dtype))
        return UINT64_C(1) << 8 * pw_dtype_bytes(dtype);
    if (!range || !range->seen)
        return 0;
    if (pw_dtype_is_float(dtype))
        return isfinite(range->max_f - range->min_f) ? PW_HISTOGRAM_FLOAT_BINS : 0;
    uint64_t span =
        pw_dtype_is_signed(dtype) ? (uint64_t)range->max_i - (uint64_t)range->min_i : range->max_u - range->min_u;
    return span < MOST_BINS ? span + 1 : 0;
}

void pw_histogram_init(struct pw_histogram *histogram, enum pw_dtype dtype, const struct pw_range *range)
{
    uint64_t *count = histogram->count;
    *histogram = (struct pw_histogram){.dtype = dtype, .count = count, .n_bins = pw_histogram_bins(dtype, range)};
    if (dtype == PW_I8)
        histogram->base_i = INT8_MIN;
    else if (dtype == PW_I16)
        histogram->base_i = INT16_MIN;
    if (is_small(dtype) || !range)
        return;
    histogram->base_i = range->min_i;
    histogram->base_u = range->min_u;
    histogram->min_f = range->min_f;
    histogram->max_f = range->max_f;
}

/*
 * Bytes, into four tables by turns: an increment of the bin that was just
 * incremented has to wait for it, and background is one value in long rows.
 * flip moves the least signed value to bin 0.
 */
static void add_row_8(uint64_t *count, const uint8_t *v, uint64_t width, uint8_t flip)
{
    uint64_t part[4][256] = {{0}}, x = 0;
    for (; x + 4 <= width; x += 4)
        for (int k = 0; k < 4; k++)
            part[k][v[x + (uint64_t)k]]++;
    for (; x < width; x++)
        part[0][v[x]]++;
    for (unsigned i = 0; i < 256; i++)
        count[i ^ flip] += part[0][i] + part[1][i] + part[2][i] + part[3][i];
}

/* Four values from one load; the counts do the rest of the memory traffic. */
static void add_row_16(uint64_t *count, const uint16_t *v, uint64_t width, uint16_t flip)
{
    uint64_t x = 0, all_flips = flip * UINT64_C(0x0001000100010001);
    for (; x + 4 <= width; x += 4) {
        uint64_t four;
        memcpy(&four, v + x, sizeof four);
        four ^= all_flips;
        count[four & 0xffff]++;
        count[four >> 16 & 0xffff]++;
        count[four >> 32 & 0xffff]++;
        count[four >> 48]++;
    }
    for (; x < width; x++)
        count[(uint16_t)(v[x] ^ flip)]++;
}

/* Wider integers: the difference to the base, modulo 2^64, is the bin if it is one. */
#define ADD_ROW(name, type, base)                                                                                      \
    static void add_row_##name(const struct pw_histogram *h, const type *v, uint64_t width)                            \
    {                                                                                                                  \
        for (uint64_t x = 0; x < width; x++) {                                                                         \
            uint64_t bin = (uint64_t)v[x] - (uint64_t)h->base;                                                         \
            if (bin < h->n_bins)                                                                                       \
                h->count[bin]++;                                                                                       \
        }                                                                                                              \
    }

ADD_ROW(u32, uint32_t, base_u)
ADD_ROW(i32, int32_t, base_i)
ADD_ROW(u64, uint64_t, base_u)
ADD_ROW(i64, int64_t, base_i)

/* One voxel as a double. */
PW_INLINE double load_float(enum pw_dtype dtype, const void *voxels, uint64_t x)
{
    switch (dtype) {
    case PW_F16: return pw_half_to_double(((const uint16_t *)voxels)[x]);
    case PW_F32: return (double)((const float *)voxels)[x];
    default: return ((const double *)voxels)[x];
    }
}

PW_INLINE void add_floats(const struct pw_histogram *h, const struct pw_float_bins *bins, enum pw_dtype dtype,
                          enum pw_precision precision, const void *voxels, uint64_t width)
{
    for (uint64_t x = 0; x < width; x++) {
        double value = load_float(dtype, voxels, x);
        if (value >= bins->first && value <= bins->last)
            h->count[pw_float_bin(bins, precision, value)]++;
    }
}

#ifdef PW_X86

#include <immintrin.h>

/*
 * Single precision: pw_float_bin() operation by operation, the division for eight
 * voxels at a time, the look at the edges (gathers are slower) one by one.  Bins are
 * counted in four tables by turns, as add_row_8() does.
 */
PW_TARGET_AVX2 static void add_singles_avx2(const struct pw_histogram *h, const struct pw_float_bins *bins,
                                            const float *v, uint64_t width)
{
    enum {
        BINS = PW_HISTOGRAM_FLOAT_BINS
    };
    /* Edge BINS is made infinite: the last bin has its upper edge too.  What has no bin goes to BINS. */
    float edge[BINS + 2];
    uint64_t part[4][BINS + 1] = {{0}}, x = 0;
    for (int i = 0; i < BINS; i++)
        edge[i] = (float)bins->edge[i];
    edge[BINS] = HUGE_VALF;
    edge[BINS + 1] = HUGE_VALF;
    const __m256 first = _mm256_set1_ps((float)bins->first), last = _mm256_set1_ps((float)bins->last);
    const __m256 range = _mm256_set1_ps((float)bins->width), count = _mm256_set1_ps(BINS);
    const __m256i greatest = _mm256_set1_epi32(BINS - 1);
    for (; x + 8 <= width; x += 8) {
        uint32_t number[8];
        float value[8];
        __m256 v8 = _mm256_loadu_ps(v + x);
        __m256 inside = _mm256_and_ps(_mm256_cmp_ps(v8, first, _CMP_GE_OQ), _mm256_cmp_ps(v8, last, _CMP_LE_OQ));
        v8 = _mm256_blendv_ps(first, v8, inside);
        __m256 place = _mm256_mul_ps(_mm256_div_ps(_mm256_sub_ps(v8, first), range), count);
        _mm256_storeu_si256((__m256i *)(void *)number, _mm256_min_epi32(_mm256_cvttps_epi32(place), greatest));
        _mm256_storeu_ps(value, v8);
        unsigned with_bin = (unsigned)_mm256_movemask_ps(inside);
        for (int k = 0; k < 8; k++) {
            uint32_t bin = number[k];
            bin -= value[k] < edge[bin];
            bin += value[k] >= edge[bin + 1];
            part[k % 4][with_bin >> k & 1 ? bin : BINS]++;
        }
    }
    for (int i = 0; i < BINS; i++)
        h->count[i] += part[0][i] + part[1][i] + part[2][i] + part[3][i];
    add_floats(h, bins, PW_F32, PW_SINGLE, v + x, width - x);
}

#endif

static void add_row_float(const struct pw_histogram *h, const struct pw_float_bins *bins, const void *voxels,
                          uint64_t width)
{
    if (h->dtype == PW_F32 && bins->precision == PW_SINGLE) {
#ifdef PW_X86
        if (pw_simd_level() >= PW_SIMD_AVX2 && bins->width > 0) {
            add_singles_avx2(h, bins, voxels, width);
            return;
        }
#endif
        add_floats(h, bins, PW_F32, PW_SINGLE, voxels, width);
    } else if (h->dtype == PW_F64) {
        add_floats(h, bins, PW_F64, PW_DOUBLE, voxels, width);
    } else {
        add_floats(h, bins, h->dtype, bins->precision, voxels, width);
    }
}

static void add_row_integer(const struct pw_histogram *h, const void *voxels, uint64_t width)
{
    switch (h->dtype) {
    case PW_BOOL:
    case PW_U8: add_row_8(h->count, voxels, width, 0); break;
    case PW_I8: add_row_8(h->count, voxels, width, 0x80); break;
    case PW_U16: add_row_16(h->count, voxels, width, 0); break;
    case PW_I16: add_row_16(h->count, voxels, width, 0x8000); break;
    case PW_U32: add_row_u32(h, voxels, width); break;
    case PW_I32: add_row_i32(h, voxels, width); break;
    case PW_U64: add_row_u64(h, voxels, width); break;
    case PW_I64: add_row_i64(h, voxels, width); break;
    default: break;
    }
}

void pw_histogram_add(struct pw_histogram *histogram, const void *voxels, size_t stride_bytes, uint64_t rows,
                      uint64_t width)
{
    const unsigned char *row = voxels;
    if (rows > 1 && stride_bytes == (size_t)width * pw_dtype_bytes(histogram->dtype)) {
        width *= rows;
        rows = 1;
    }
    struct pw_float_bins bins;
    int is_float = pw_dtype_is_float(histogram->dtype);
    if (is_float)
        pw_float_bins_init(&bins, histogram->dtype, histogram->min_f, histogram->max_f);
    for (uint64_t r = 0; r < rows; r++, row += stride_bytes) {
        if (is_float)
            add_row_float(histogram, &bins, row, width);
        else
            add_row_integer(histogram, row, width);
    }
}
