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

/* The sum of the layer before, with the row that comes and without the one that goes. */
static void move_sum(const double *before, const double *comes, const double *goes, uint64_t width, double *out)
{
    uint64_t x = 0;
    for (; x + STEP <= width; x += STEP) {
        double sum[STEP];
        for (int i = 0; i < STEP; i++)
            sum[i] = before[x + (uint64_t)i] + (comes[x + (uint64_t)i] - goes[x + (uint64_t)i]);
        for (int i = 0; i < STEP; i++)
            out[x + (uint64_t)i] = sum[i];
    }
    for (; x < width; x++)
        out[x] = before[x] + (comes[x] - goes[x]);
}

/* Layers first..first+count along z (outer 1, inner rows of a plane) or y (planes, 1); those of one row come together. */
static void along_rows(const double *in, uint64_t outer, uint64_t n, uint64_t inner, uint64_t width, uint64_t first,
                       uint64_t count, uint64_t radius, int is_exact, const double **row, double *out)
{
    uint64_t length = 2 * radius + 1;
    for (uint64_t o = 0; o < outer; o++, in += n * inner * width, out += count * inner * width)
        for (uint64_t i = 0; i < inner; i++)
            for (uint64_t layer = 0; layer < count; layer++) {
                double *sum = out + (layer * inner + i) * width;
                const double *goes = row[0];
                for (uint64_t k = 0; k < length; k++) {
                    uint64_t at = pw_reflect((int64_t)(first + layer + k) - (int64_t)radius, n);
                    row[k] = in + (at * inner + i) * width;
                }
                if (is_exact && layer > 0)
                    move_sum(sum - inner * width, row[length - 1], goes, width, sum);
                else
                    add_rows(row, length, width, sum);
            }
}

static void add_along(const double *padded, uint64_t count, uint64_t length, double *out)
{
    double sum = 0;
    for (uint64_t k = 0; k < length; k++)
        sum += padded[k];
    out[0] = sum;
    for (uint64_t x = 1; x < count; x++)
        out[x] = sum += padded[x + length - 1] - padded[x - 1];
}

static void along_x(const double *in, uint64_t rows, uint64_t width, uint64_t first, uint64_t count, uint64_t radius,
                    int is_exact, const double **row, double *padded, double *out)
{
    for (uint64_t r = 0; r < rows; r++, in += width, out += count) {
        for (uint64_t i = 0; i < count + 2 * radius; i++) {
            uint64_t at = first + i - radius; /* wraps before the beginning */
            padded[i] = in[at < width ? at : pw_reflect((int64_t)(first + i) - (int64_t)radius, width)];
        }
        for (uint64_t k = 0; k < 2 * radius + 1; k++)
            row[k] = padded + k;
        if (is_exact)
            add_along(padded, count, 2 * radius + 1, out);
        else
            add_rows(row, 2 * radius + 1, count, out);
    }
}

void pw_window_sum(const double *in, const uint64_t shape[3], const uint64_t radius[3], const uint64_t start[3],
                   const uint64_t keep[3], int is_exact, double *const buffer[2], void *scratch, double *out)
{
    const double **row = scratch;
    double *padded = (void *)(row + 2 * longest(radius) + 1);
    uint64_t width = shape[2];
    along_rows(in, 1, shape[0], shape[1], width, start[0], keep[0], radius[0], is_exact, row, buffer[0]);
    along_rows(buffer[0], keep[0], shape[1], 1, width, start[1], keep[1], radius[1], is_exact, row, buffer[1]);
    along_x(buffer[1], keep[0] * keep[1], width, start[2], keep[2], radius[2], is_exact, row, padded, out);
}
