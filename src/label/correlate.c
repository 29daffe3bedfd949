#include "label/correlate.h"

#include <string.h>

#include "label/correlate_rows.h"

/* A fused multiply-add would round once where other processors round twice. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

uint64_t pw_reflect(int64_t at, uint64_t n)
{
    int64_t period = 2 * (int64_t)n;
    int64_t i = at % period;
    i = i < 0 ? i + period : i;
    return (uint64_t)(i < (int64_t)n ? i : period - 1 - i);
}

static uint64_t padded_width(uint64_t width, uint64_t radius)
{
    return (width + 2 * radius + 15) / 16 * 16;
}

uint64_t pw_correlate_scratch_bytes(uint64_t width, uint64_t radius)
{
    return padded_width(width, radius) * sizeof(float) + (2 * radius + 1) * sizeof(const float *);
}

static void combine_portable(const float *const *row, const double *weight, uint64_t radius, uint64_t width, float *out)
{
    for (uint64_t x = 0; x < width; x += PW_CORRELATE_STEP) {
        double sum[PW_CORRELATE_STEP];
        uint64_t n = width - x < PW_CORRELATE_STEP ? width - x : PW_CORRELATE_STEP;
        for (uint64_t i = 0; i < n; i++)
            sum[i] = (double)row[radius][x + i] * weight[0];
        for (uint64_t d = radius; d > 0; d--) {
            const float *before = row[radius - d] + x, *after = row[radius + d] + x;
            for (uint64_t i = 0; i < n; i++)
                sum[i] += ((double)before[i] + (double)after[i]) * weight[d];
        }
        for (uint64_t i = 0; i < n; i++)
            out[x + i] = (float)sum[i];
    }
}

/* Whole steps as the processor can, the rest of the row in plain C; row is moved along. */
static void combine(const float **row, const double *weight, uint64_t radius, uint64_t width, float *out)
{
    pw_correlate_fn vector = pw_correlate_vector(pw_simd_level());
    uint64_t whole = vector != NULL ? width / PW_CORRELATE_STEP * PW_CORRELATE_STEP : 0;
    if (whole > 0)
        vector(row, weight, radius, whole, out);
    if (whole == width)
        return;
    for (uint64_t i = 0; i < 2 * radius + 1; i++)
        row[i] += whole;
    combine_portable(row, weight, radius, width - whole, out + whole);
}

static void along_x(const float *in, uint64_t rows, uint64_t width, uint64_t first, uint64_t count,
                    const double *weight, uint64_t radius, float *padded, const float **row, float *out)
{
    for (uint64_t r = 0; r < rows; r++, in += width, out += count) {
        int64_t start = (int64_t)first - (int64_t)radius;
        uint64_t before = first < radius ? radius - first : 0;
        uint64_t end = first + count + radius, inside = (end < width ? end : width) - (first - (radius - before));
        for (uint64_t i = 0; i < before; i++)
            padded[i] = in[pw_reflect(start + (int64_t)i, width)];
        memcpy(padded + before, in + (first - (radius - before)), (size_t)inside * sizeof *padded);
        for (uint64_t i = before + inside; i < count + 2 * radius; i++)
            padded[i] = in[pw_reflect(start + (int64_t)i, width)];
        for (uint64_t i = 0; i < 2 * radius + 1; i++)
            row[i] = padded + i;
        combine(row, weight, radius, count, out);
    }
}

/*
 * Along z (outer 1, inner rows of a plane) or y (planes, 1).  All layers of one row come after one another: the next one
 * finds all but one of the rows that it needs in the cache.
 */
static void along_rows(const float *in, uint64_t outer, uint64_t n, uint64_t inner, uint64_t width, uint64_t first,
                       uint64_t count, const double *weight, uint64_t radius, const float **row, float *out)
{
    for (uint64_t o = 0; o < outer; o++, in += n * inner * width, out += count * inner * width)
        for (uint64_t i = 0; i < inner; i++)
            for (uint64_t layer = 0; layer < count; layer++) {
                for (uint64_t k = 0; k < 2 * radius + 1; k++) {
                    uint64_t at = pw_reflect((int64_t)(first + layer + k) - (int64_t)radius, n);
                    row[k] = in + (at * inner + i) * width;
                }
                combine(row, weight, radius, width, out + (layer * inner + i) * width);
            }
}

void pw_correlate_axis(const float *in, const uint64_t shape[3], int axis, uint64_t first, uint64_t count,
                       const double *weight, uint64_t radius, void *scratch, float *out)
{
    const float **row = scratch;
    float *padded = (void *)(row + 2 * radius + 1);
    uint64_t width = shape[2];
    if (axis == 2) {
        along_x(in, shape[0] * shape[1], width, first, count, weight, radius, padded, row, out);
        return;
    }
    uint64_t outer = axis == 0 ? 1 : shape[0], inner = axis == 0 ? shape[1] : 1;
    along_rows(in, outer, shape[axis], inner, width, first, count, weight, radius, row, out);
}
