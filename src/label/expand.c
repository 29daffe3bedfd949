#include "label/expand.h"

#include <math.h>
#include <string.h>

#include "label/expand_rows.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* ---- rows -------------------------------------------------------------- */

static void fill_portable(struct pw_expand_row row, const double *a, const double *b, double square, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        double least = a[i] < b[i] ? a[i] : b[i];
        if (isinf(row.label[i]) && !isinf(least)) {
            row.label[i] = least;
            row.square[i] = square;
        }
    }
}

static void improve_portable(struct pw_expand_row row, struct pw_expand_row from, double square, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        double other = from.square[i] + square;
        if (other < row.square[i] || (other <= row.square[i] && from.label[i] < row.label[i])) {
            row.square[i] = other;
            row.label[i] = from.label[i];
        }
    }
}

static void fill(struct pw_expand_row row, const double *a, const double *b, double square, uint64_t n)
{
    const struct pw_expand_rows *vector = pw_expand_vector(pw_simd_level());
    uint64_t whole = vector != NULL ? n / PW_EXPAND_STEP * PW_EXPAND_STEP : 0;
    if (whole > 0)
        vector->fill(row, a, b, square, whole);
    row = (struct pw_expand_row){row.square + whole, row.label + whole};
    fill_portable(row, a + whole, b + whole, square, n - whole);
}

static void improve(struct pw_expand_row row, struct pw_expand_row from, double square, uint64_t n)
{
    const struct pw_expand_rows *vector = pw_expand_vector(pw_simd_level());
    uint64_t whole = vector != NULL ? n / PW_EXPAND_STEP * PW_EXPAND_STEP : 0;
    if (whole > 0)
        vector->improve(row, from, square, whole);
    row = (struct pw_expand_row){row.square + whole, row.label + whole};
    from = (struct pw_expand_row){from.square + whole, from.label + whole};
    improve_portable(row, from, square, n - whole);
}

static void clear(struct pw_expand_row row, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        row.square[i] = row.label[i] = (double)INFINITY;
}

/* ---- sizes ------------------------------------------------------------- */

static double square_of(const struct pw_expand *expand, int axis, uint64_t offset)
{
    double length = (double)offset * expand->step[axis];
    return length * length;
}

void pw_expand_init(struct pw_expand *expand, double distance, const double step[3])
{
    *expand = (struct pw_expand){.distance = distance, .step = {step[0], step[1], step[2]}};
    for (int i = 0; i < 3; i++)
        while (step[i] > 0 && sqrt(square_of(expand, i, expand->radius[i] + 1)) <= distance)
            expand->radius[i]++;
}

/* After the first axis rows are whole and there are all of a plane; a byte for each row says whether it has a label. */
struct layout {
    uint64_t rows_in, rows_z, voxels_z;
};

static struct layout layout_for(const uint64_t shape[3], const uint64_t keep[3])
{
    struct layout l = {.rows_in = shape[0] * shape[1], .rows_z = keep[0] * shape[1]};
    l.voxels_z = l.rows_z * shape[2];
    return l;
}

uint64_t pw_expand_scratch_bytes(const uint64_t shape[3], const uint64_t keep[3])
{
    struct layout l = layout_for(shape, keep);
    return (2 * (l.voxels_z + shape[2]) + keep[2]) * sizeof(double) + l.rows_in + l.rows_z;
}

/* ---- the three axes ---------------------------------------------------- */

static int has_label(const double *row, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (!isinf(row[i]))
            return 1;
    return 0;
}

/* One row, from rows of its column of planes: the nearest come first, so that a label once given stays. */
static int expand_z(const struct pw_expand *expand, const double *in, const unsigned char *used,
                    const uint64_t shape[3], uint64_t z, uint64_t y, struct pw_expand_row row)
{
    uint64_t width = shape[2], plane = shape[1] * width;
    int any = 0;
    clear(row, width);
    for (uint64_t d = 0; d <= expand->radius[0]; d++) {
        int before = d <= z && used[(z - d) * shape[1] + y], after = d < shape[0] - z && used[(z + d) * shape[1] + y];
        if (!before && !after)
            continue;
        const double *a = in + (before ? z - d : z + d) * plane + y * width;
        const double *b = in + (after ? z + d : z - d) * plane + y * width;
        fill(row, a, b, square_of(expand, 0, d), width);
        any = 1;
    }
    return any;
}

static void expand_y(const struct pw_expand *expand, const struct pw_expand_row *in, const unsigned char *used,
                     uint64_t rows, uint64_t width, uint64_t y, struct pw_expand_row row)
{
    uint64_t radius = expand->radius[1], end = y + radius < rows ? y + radius + 1 : rows;
    clear(row, width);
    for (uint64_t from = y > radius ? y - radius : 0; from < end; from++) {
        struct pw_expand_row other = {in->square + from * width, in->label + from * width};
        if (used[from])
            improve(row, other, square_of(expand, 1, from > y ? from - y : y - from), width);
    }
}

/* Voxels first..first+count of a row of width, and what is too far away becomes background. */
static void expand_x(const struct pw_expand *expand, struct pw_expand_row in, uint64_t width, uint64_t first,
                     uint64_t count, double *square, double *out)
{
    int64_t radius = (int64_t)expand->radius[2];
    clear((struct pw_expand_row){square, out}, count);
    for (int64_t d = -radius; d <= radius; d++) {
        int64_t from = (int64_t)first + d, low = from < 0 ? -from : 0;
        int64_t high = from + (int64_t)count > (int64_t)width ? (int64_t)width - from : (int64_t)count;
        if (low < high)
            improve((struct pw_expand_row){square + low, out + low},
                    (struct pw_expand_row){in.square + (from + low), in.label + (from + low)},
                    square_of(expand, 2, (uint64_t)(d < 0 ? -d : d)), (uint64_t)(high - low));
    }
    for (uint64_t i = 0; i < count; i++)
        if (!(sqrt(square[i]) <= expand->distance))
            out[i] = (double)INFINITY;
}

void pw_expand_labels(const struct pw_expand *expand, const double *in, const uint64_t shape[3],
                      const uint64_t start[3], const uint64_t keep[3], void *scratch, double *out)
{
    struct layout l = layout_for(shape, keep);
    struct pw_expand_row plane = {scratch, (double *)scratch + l.voxels_z};
    struct pw_expand_row row = {plane.label + l.voxels_z, plane.label + l.voxels_z + shape[2]};
    double *square = row.label + shape[2];
    unsigned char *used_in = (void *)(square + keep[2]), *used_z = used_in + l.rows_in;
    uint64_t width = shape[2];
    for (uint64_t r = 0; r < l.rows_in; r++)
        used_in[r] = (unsigned char)has_label(in + r * width, width);
    for (uint64_t r = 0; r < l.rows_z; r++) {
        struct pw_expand_row out_row = {plane.square + r * width, plane.label + r * width};
        used_z[r] = (unsigned char)expand_z(expand, in, used_in, shape, start[0] + r / shape[1], r % shape[1], out_row);
    }
    for (uint64_t r = 0; r < keep[0] * keep[1]; r++) {
        uint64_t first = r / keep[1] * shape[1]; /* row of the plane */
        struct pw_expand_row from = {plane.square + first * width, plane.label + first * width};
        expand_y(expand, &from, used_z + first, shape[1], width, start[1] + r % keep[1], row);
        expand_x(expand, row, width, start[2], keep[2], square, out + r * keep[2]);
    }
}
