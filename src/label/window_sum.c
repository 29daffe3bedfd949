#include "label/window_sum.h"

#include "label/correlate.h"

enum {
    STEP = 8
};

void pw_window_sum_buffer_voxels(const uint64_t shape[3], const uint64_t keep[3], uint64_t voxels[2])
{
    voxels[0] = keep[0] * shape[1] * shape[2];
    voxels[1] = keep[0] * keep[1] * shape[2];
}

static uint64_t longest(const uint64_t radius[3])
{
    uint64_t n = radius[0] > radius[1] ? radius[0] : radius[1];
    return n > radius[2] ? n : radius[2];
}

uint64_t pw_window_sum_scratch_bytes(uint64_t width, const uint64_t radius[3])
{
    return (2 * longest(radius) + 1) * sizeof(const double *) + (width + 2 * radius[2]) * sizeof(double);
}

/* Adds n rows of width, from the first to the last; a step of a fixed length is what compilers make vectors of. */
static void add_rows(const double *const *row, uint64_t n, uint64_t width, double *out)
{
    uint64_t x = 0;
    for (; x + STEP <= width; x += STEP) {
        double sum[STEP] = {0};
        for (uint64_t k = 0; k < n; k++)
            for (int i = 0; i < STEP; i++)
                sum[i] += row[k][x + (uint64_t)i];
        for (int i = 0; i < STEP; i++)
            out[x + (uint64_t)i] = sum[i];
    }
    for (; x < width; x++) {
        double sum = 0;
        for (uint64_t k = 0; k < n; k++)
            sum += row[k][x];
        out[x] = sum;
    }
}

/* Layers first..first+count along z (outer 1, inner rows of a plane) or y (planes, 1). */
static void along_rows(const double *in, uint64_t outer, uint64_t n, uint64_t inner, uint64_t width, uint64_t first,
                       uint64_t count, uint64_t radius, const double **row, double *out)
{
    for (uint64_t o = 0; o < outer; o++, in += n * inner * width)
        for (uint64_t layer = first; layer < first + count; layer++)
            for (uint64_t i = 0; i < inner; i++, out += width) {
                for (uint64_t k = 0; k < 2 * radius + 1; k++)
                    row[k] = in + (pw_reflect((int64_t)(layer + k) - (int64_t)radius, n) * inner + i) * width;
                add_rows(row, 2 * radius + 1, width, out);
            }
}

static void along_x(const double *in, uint64_t rows, uint64_t width, uint64_t first, uint64_t count, uint64_t radius,
                    const double **row, double *padded, double *out)
{
    for (uint64_t r = 0; r < rows; r++, in += width, out += count) {
        for (uint64_t i = 0; i < count + 2 * radius; i++) {
            uint64_t at = first + i - radius; /* wraps before the beginning */
            padded[i] = in[at < width ? at : pw_reflect((int64_t)(first + i) - (int64_t)radius, width)];
        }
        for (uint64_t k = 0; k < 2 * radius + 1; k++)
            row[k] = padded + k;
        add_rows(row, 2 * radius + 1, count, out);
    }
}

void pw_window_sum(const double *in, const uint64_t shape[3], const uint64_t radius[3], const uint64_t start[3],
                   const uint64_t keep[3], double *const buffer[2], void *scratch, double *out)
{
    const double **row = scratch;
    double *padded = (void *)(row + 2 * longest(radius) + 1);
    uint64_t width = shape[2];
    along_rows(in, 1, shape[0], shape[1], width, start[0], keep[0], radius[0], row, buffer[0]);
    along_rows(buffer[0], keep[0], shape[1], 1, width, start[1], keep[1], radius[1], row, buffer[1]);
    along_x(buffer[1], keep[0] * keep[1], width, start[2], keep[2], radius[2], row, padded, out);
}
