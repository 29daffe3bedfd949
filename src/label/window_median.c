#include "label/window_median.h"

#include <math.h>
#include <string.h>

#include "label/correlate.h"

/* Counts of values, of their upper 11 bits, of their upper 6. */
struct counts {
    uint32_t coarse[64];
    uint32_t middle[2048];
    uint32_t fine[65536];
};

struct window {
    const double **row; /* the rows that the box crosses */
    uint64_t n_rows;
    uint64_t *column; /* mirrored positions from the first voxel that is kept, less the radius */
    uint64_t length;  /* of the box along x */
    double *value;    /* of the box */
    struct counts *counts;
    int32_t least; /* value of the type */
};

static uint64_t box_rows(const uint64_t radius[3])
{
    return (2 * radius[0] + 1) * (2 * radius[1] + 1);
}

uint64_t pw_window_median_scratch_bytes(uint64_t width, const uint64_t radius[3])
{
    uint64_t rows = box_rows(radius);
    return rows * sizeof(const double *) + (width + 2 * radius[2]) * sizeof(uint64_t) +
           rows * (2 * radius[2] + 1) * sizeof(double) + sizeof(struct counts);
}

/* ---- few values -------------------------------------------------------- */

static void count_column(const struct window *w, uint64_t column, uint32_t by)
{
    for (uint64_t r = 0; r < w->n_rows; r++) {
        uint32_t value = (uint32_t)((int32_t)w->row[r][column] - w->least);
        w->counts->coarse[value >> 10] += by;
        w->counts->middle[value >> 5] += by;
        w->counts->fine[value] += by;
    }
}

static uint32_t find_rank(const struct counts *counts, uint64_t rank)
{
    uint32_t at = 0;
    while (rank >= counts->coarse[at])
        rank -= counts->coarse[at++];
    for (at *= 32; rank >= counts->middle[at];)
        rank -= counts->middle[at++];
    for (at *= 32; rank >= counts->fine[at];)
        rank -= counts->fine[at++];
    return at;
}

static void count_row(const struct window *w, uint64_t keep, double *out)
{
    uint64_t rank = w->n_rows * w->length / 2;
    for (uint64_t i = 0; i + 1 < w->length; i++)
        count_column(w, w->column[i], 1);
    for (uint64_t x = 0; x < keep; x++) {
        count_column(w, w->column[x + w->length - 1], 1);
        out[x] = (double)((int32_t)find_rank(w->counts, rank) + w->least);
        count_column(w, w->column[x], UINT32_MAX); /* one less */
    }
    for (uint64_t i = keep; i < keep + w->length - 1; i++) /* none are left for the next row */
        count_column(w, w->column[i], UINT32_MAX);
}

/* ---- any values -------------------------------------------------------- */

/* The value of that rank; the array is reordered (Hoare's selection). */
static double select_rank(double *value, uint64_t n, uint64_t rank)
{
    int64_t low = 0, high = (int64_t)n - 1, k = (int64_t)rank;
    while (low < high) {
        double pivot = value[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (value[i] < pivot)
                i++;
            while (value[j] > pivot)
                j--;
            if (i <= j) {
                double swapped = value[i];
                value[i++] = value[j];
                value[j--] = swapped;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return value[k];
}

static void select_row(const struct window *w, uint64_t keep, double *out)
{
    for (uint64_t x = 0; x < keep; x++) {
        uint64_t n = 0;
        for (uint64_t r = 0; r < w->n_rows; r++)
            for (uint64_t i = 0; i < w->length; i++) {
                double value = w->row[r][w->column[x + i]];
                w->value[n++] = isnan(value) ? (double)INFINITY : value;
            }
        out[x] = select_rank(w->value, n, n / 2);
    }
}

/* ---- all voxels -------------------------------------------------------- */

static int is_narrow(enum pw_dtype dtype)
{
    return dtype == PW_BOOL || dtype == PW_U8 || dtype == PW_I8 || dtype == PW_U16 || dtype == PW_I16;
}

static void find_rows(struct window *w, const double *in, const uint64_t shape[3], const uint64_t radius[3], uint64_t z,
                      uint64_t y)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < 2 * radius[0] + 1; i++)
        for (uint64_t k = 0; k < 2 * radius[1] + 1; k++) {
            uint64_t from_z = pw_reflect((int64_t)(z + i) - (int64_t)radius[0], shape[0]);
            uint64_t from_y = pw_reflect((int64_t)(y + k) - (int64_t)radius[1], shape[1]);
            w->row[n++] = in + (from_z * shape[1] + from_y) * shape[2];
        }
}

void pw_window_median(const double *in, enum pw_dtype dtype, const uint64_t shape[3], const uint64_t radius[3],
                      const uint64_t start[3], const uint64_t keep[3], void *scratch, double *out)
{
    struct window w = {.row = scratch, .n_rows = box_rows(radius), .length = 2 * radius[2] + 1};
    w.column = (void *)(w.row + w.n_rows);
    w.value = (void *)(w.column + keep[2] + 2 * radius[2]);
    w.counts = (void *)(w.value + w.n_rows * w.length);
    w.least = dtype == PW_I8 || dtype == PW_I16 ? -32768 : 0;
    memset(w.counts, 0, sizeof *w.counts);
    for (uint64_t i = 0; i < keep[2] + 2 * radius[2]; i++)
        w.column[i] = pw_reflect((int64_t)(start[2] + i) - (int64_t)radius[2], shape[2]);
    for (uint64_t r = 0; r < keep[0] * keep[1]; r++) {
        find_rows(&w, in, shape, radius, start[0] + r / keep[1], start[1] + r % keep[1]);
        if (is_narrow(dtype))
            count_row(&w, keep[2], out + r * keep[2]);
        else
            select_row(&w, keep[2], out + r * keep[2]);
    }
}
