/* Functions of what is around a voxel, against plain loops over all of it: distances, greatest, sums, medians, floods. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label/box_maximum.h"
#include "label/correlate.h"
#include "label/distance.h"
#include "label/watershed.h"
#include "label/window_median.h"
#include "label/window_sum.h"
#include "label_oracle.h"

enum {
    MOST = 9 * 14 * 21
};

static const uint64_t shapes[][3] = {{1, 1, 1}, {1, 14, 21}, {9, 14, 20}, {5, 1, 3}, {9, 2, 1}};
static const uint64_t radii[][3] = {{0, 0, 0}, {1, 1, 1}, {0, 2, 5}, {2, 3, 1}, {10, 20, 30}};

enum {
    SHAPES = sizeof shapes / sizeof shapes[0],
    RADII = sizeof radii / sizeof radii[0]
};

static uint64_t voxels_of(const uint64_t shape[3])
{
    return shape[0] * shape[1] * shape[2];
}

static void fill(double *out, uint64_t n, uint64_t seed, uint64_t values)
{
    for (uint64_t i = 0; i < n; i++)
        out[i] = (double)(oracle_random(&seed) % values);
}

/* The values of the box around voxel i, mirrored beyond the borders or cut off at them; returns how many. */
static uint64_t box_values(const double *in, const uint64_t shape[3], const uint64_t radius[3], uint64_t i, int mirrors,
                           double *out)
{
    const int64_t at[3] = {(int64_t)(i / (shape[1] * shape[2])), (int64_t)(i / shape[2] % shape[1]),
                           (int64_t)(i % shape[2])};
    const int64_t r[3] = {(int64_t)radius[0], (int64_t)radius[1], (int64_t)radius[2]};
    uint64_t n = 0;
    for (int64_t z = at[0] - r[0]; z <= at[0] + r[0]; z++)
        for (int64_t y = at[1] - r[1]; y <= at[1] + r[1]; y++)
            for (int64_t x = at[2] - r[2]; x <= at[2] + r[2]; x++) {
                uint64_t m[3] = {pw_reflect(z, shape[0]), pw_reflect(y, shape[1]), pw_reflect(x, shape[2])};
                int inside = (int64_t)m[0] == z && (int64_t)m[1] == y && (int64_t)m[2] == x;
                if (mirrors || inside)
                    out[n++] = in[(m[0] * shape[1] + m[1]) * shape[2] + m[2]];
            }
    return n;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double box[21 * 41 * 61];

Test(surroundings, greatest)
{
    static double in[MOST];
    static float values[MOST], out[MOST];
    for (int s = 0; s < SHAPES; s++)
        for (int r = 0; r < RADII; r++) {
            uint64_t n = voxels_of(shapes[s]);
            void *scratch = malloc(pw_box_maximum_scratch_bytes(shapes[s]));
            fill(in, n, 5, 1000);
            for (uint64_t i = 0; i < n; i++)
                values[i] = (float)in[i];
            pw_box_maximum(values, shapes[s], radii[r], scratch, out);
            for (uint64_t i = 0; i < n && r < RADII - 1; i++) {
                uint64_t count = box_values(in, shapes[s], radii[r], i, 0, box);
                qsort(box, count, sizeof box[0], ascending);
                cr_assert_eq((double)out[i], box[count - 1], "shape %d, radius %d, voxel %d", s, r, (int)i);
            }
            qsort(in, n, sizeof in[0], ascending);
            for (uint64_t i = 0; i < n && r == RADII - 1; i++) /* the box is everything */
                cr_assert_eq((double)out[i], in[n - 1], "shape %d", s);
            free(scratch);
        }
}

/* The box of shape that the kept voxels of a test are: all but a layer, where there is one to spare. */
static void keep_of(const uint64_t shape[3], uint64_t start[3], uint64_t keep[3])
{
    for (int i = 0; i < 3; i++) {
        start[i] = shape[i] > 2;
        keep[i] = shape[i] > 2 ? shape[i] - 2 : shape[i];
    }
}

static uint64_t kept_voxel(const uint64_t shape[3], const uint64_t start[3], const uint64_t keep[3], uint64_t k)
{
    return ((k / (keep[1] * keep[2]) + start[0]) * shape[1] + k / keep[2] % keep[1] + start[1]) * shape[2] +
           k % keep[2] + start[2];
}

Test(surroundings, sums)
{
    static double in[MOST], out[MOST], buffer[2][MOST];
    double *const buffers[2] = {buffer[0], buffer[1]};
    for (int s = 0; s < SHAPES; s++)
        for (int r = 0; r < RADII - 1; r++) {
            uint64_t start[3], keep[3];
            void *scratch = malloc(pw_window_sum_scratch_bytes(shapes[s][2], radii[r]));
            fill(in, voxels_of(shapes[s]), 6, 65536);
            keep_of(shapes[s], start, keep);
            for (uint64_t t = 0; t < 2 * voxels_of(keep); t++) {
                uint64_t k = t % voxels_of(keep);
                if (k == 0) /* in a fixed order; then as running sums */
                    pw_window_sum(in, shapes[s], radii[r], start, keep, t > 0, buffers, scratch, out);
                uint64_t count = box_values(in, shapes[s], radii[r], kept_voxel(shapes[s], start, keep, k), 1, box);
                double sum = 0;
                for (uint64_t i = 0; i < count; i++)
                    sum += box[i];
                cr_assert_eq(out[k], sum, "shape %d, radius %d, voxel %d", s, r, (int)k);
            }
            free(scratch);
        }
}

static void check_medians(enum pw_dtype dtype, const double *in, int s, int r)
{
    static double out[MOST];
    uint64_t start[3], keep[3];
    void *scratch = malloc(pw_window_median_scratch_bytes(shapes[s][2], radii[r]));
    keep_of(shapes[s], start, keep);
    pw_window_median(in, dtype, shapes[s], radii[r], start, keep, scratch, out);
    for (uint64_t k = 0; k < voxels_of(keep); k++) {
        uint64_t count = box_values(in, shapes[s], radii[r], kept_voxel(shapes[s], start, keep, k), 1, box);
        qsort(box, count, sizeof box[0], ascending);
        cr_assert_eq(out[k], box[count / 2], "%s, shape %d, radius %d, voxel %d", pw_dtype_name(dtype), s, r, (int)k);
    }
    free(scratch);
}

Test(surroundings, medians)
{
    static double in[MOST];
    for (int s = 0; s < SHAPES; s++)
        for (int r = 0; r < RADII - 1; r++) {
            fill(in, MOST, 7, 65536);
            check_medians(PW_U16, in, s, r);
            check_medians(PW_F32, in, s, r);
            for (int i = 0; i < MOST; i++)
                in[i] -= 32768;
            check_medians(PW_I16, in, s, r);
            fill(in, MOST, 8, 3);
            check_medians(PW_U8, in, s, r);
            check_medians(PW_F64, in, s, r);
        }
}

Test(surroundings, distances)
{
    static const double steps[][3] = {{1, 1, 1}, {3, 1, 2}, {2.5, 0.7, 0.7}};
    static unsigned char mask[MOST];
    static float out[MOST];
    uint64_t state = 9;
    for (int s = 0; s < SHAPES; s++)
        for (int c = 0; c < 3; c++) {
            uint64_t n = voxels_of(shapes[s]);
            void *scratch = malloc(pw_distance_scratch_bytes(shapes[s]));
            for (uint64_t i = 0; i < n; i++)
                mask[i] = oracle_random(&state) % 30 != 0;
            pw_distance(mask, shapes[s], steps[c], scratch, out);
            for (uint64_t a = 0; a < n; a++) {
                double least = (double)INFINITY;
                for (uint64_t b = 0; b < n; b++) {
                    double square = 0;
                    uint64_t plane = shapes[s][1] * shapes[s][2], width = shapes[s][2];
                    double d[3] = {(double)(a / plane) - (double)(b / plane),
                                   (double)(a / width % shapes[s][1]) - (double)(b / width % shapes[s][1]),
                                   (double)(a % width) - (double)(b % width)};
                    for (int i = 0; i < 3; i++)
                        square += d[i] * steps[c][i] * (d[i] * steps[c][i]);
                    least = !mask[b] && square < least ? square : least;
                }
                double expected = isinf(least) ? 0 : sqrt(least);
                cr_assert_float_eq((double)out[a], expected, 1e-6 * (1 + expected), "shape %d, steps %d", s, c);
            }
            free(scratch);
        }
}

/* Two basins with a ridge between them: each floods its own, the ridge goes to the one that comes first. */
Test(surroundings, floods)
{
    static const uint64_t shape[3] = {1, 1, 9};
    static const float value[9] = {0, 1, 2, 3, 9, 3, 2, 1, 0};
    static const uint32_t expected[9] = {5, 5, 5, 5, 7, 7, 7, 7, 0};
    unsigned char mask[9] = {1, 1, 1, 1, 1, 1, 1, 1, 0};
    uint32_t label[9] = {5, 0, 0, 0, 0, 0, 0, 7, 7};
    void *scratch = malloc(pw_watershed_scratch_bytes(9));
    pw_watershed(value, mask, shape, 1, scratch, label);
    cr_assert_eq(memcmp(label, expected, sizeof label), 0);
    free(scratch);
}

/* Every voxel of the mask that can be reached has a label, markers keep theirs, and each label is connected. */
Test(surroundings, floods_reach_all)
{
    static const uint64_t shape[3] = {9, 14, 20};
    static float value[MOST];
    static unsigned char mask[MOST];
    static uint32_t label[MOST];
    uint64_t state = 4, n = voxels_of(shape);
    void *scratch = malloc(pw_watershed_scratch_bytes(n));
    for (int connectivity = 1; connectivity <= 3; connectivity++) {
        for (uint64_t i = 0; i < n; i++) {
            value[i] = (float)(oracle_random(&state) % 5);
            mask[i] = 1;
            label[i] = i % 777 == 0 ? (uint32_t)i / 777 + 1 : 0;
        }
        pw_watershed(value, mask, shape, connectivity, scratch, label);
        for (uint64_t i = 0; i < n; i++) {
            cr_assert_neq(label[i], 0);
            cr_assert(i % 777 != 0 || label[i] == i / 777 + 1);
        }
    }
    free(scratch);
}
