/* Labels grown into the background: as comparing all pairs of voxels has it, wherever a block is cut. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label/expand.h"
#include "label/simd.h"
#include "label_oracle.h"

enum {
    DEPTH = 7,
    HEIGHT = 13,
    WIDTH = 29,
    VOXELS = DEPTH * HEIGHT * WIDTH
};

static const uint64_t whole[3] = {DEPTH, HEIGHT, WIDTH};

/* Few voxels with one of some labels. */
static void scatter(uint64_t seed, double *out)
{
    uint64_t state = seed;
    for (int i = 0; i < VOXELS; i++)
        out[i] = oracle_random(&state) % 60 == 0 ? (double)(1 + oracle_random(&state) % 9) : PW_EXPAND_BACKGROUND;
}

static double square_distance(const struct pw_expand *expand, int a, int b)
{
    const int at[2][3] = {{a / (HEIGHT * WIDTH), a / WIDTH % HEIGHT, a % WIDTH},
                          {b / (HEIGHT * WIDTH), b / WIDTH % HEIGHT, b % WIDTH}};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double d = (at[0][i] - at[1][i]) * expand->step[i];
        sum += d * d;
    }
    return sum;
}

/* All pairs. */
static void oracle(const struct pw_expand *expand, const double *in, double *out)
{
    for (int a = 0; a < VOXELS; a++) {
        double best = (double)INFINITY;
        out[a] = PW_EXPAND_BACKGROUND;
        for (int b = 0; b < VOXELS; b++) {
            double d = isinf(in[b]) ? (double)INFINITY : square_distance(expand, a, b);
            if (sqrt(d) <= expand->distance && (d < best || (d <= best && in[b] < out[a]))) {
                best = d;
                out[a] = in[b];
            }
        }
    }
}

static void expand_box(const struct pw_expand *expand, const double *in, const uint64_t shape[3],
                       const uint64_t start[3], const uint64_t keep[3], double *out)
{
    void *scratch = malloc(pw_expand_scratch_bytes(shape, keep));
    pw_expand_labels(expand, in, shape, start, keep, scratch, out);
    free(scratch);
}

static const double steps[][3] = {{1, 1, 1}, {3, 1, 1}, {0.29, 0.2, 0.1}, {0.5, 0.25, 0.25}};
static const double distances[] = {1, 2, 3.2, 0.45};

Test(expand, radius)
{
    static const double step[3] = {0, 1, 0.1};
    struct pw_expand expand;
    pw_expand_init(&expand, 3, step);
    cr_assert_eq(expand.radius[0], 0);
    cr_assert_eq(expand.radius[1], 3);
    cr_assert_geq(expand.radius[2], 29); /* 30 * 0.1 may be above 3 */
    cr_assert_leq(expand.radius[2], 30);
}

Test(expand, all_pairs)
{
    static const uint64_t zero[3] = {0, 0, 0};
    static double in[VOXELS], expected[VOXELS], out[VOXELS];
    for (int c = 0; c < 4; c++) {
        struct pw_expand expand;
        pw_expand_init(&expand, distances[c], steps[c]);
        scatter((uint64_t)c + 1, in);
        oracle(&expand, in, expected);
        for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
            pw_simd_lower((enum pw_simd_level)level);
            expand_box(&expand, in, whole, zero, whole, out);
            cr_assert_eq(memcmp(out, expected, sizeof out), 0, "case %d, level %d", c, level);
        }
    }
    pw_simd_lower(PW_SIMD_AVX512);
}

Test(expand, cuts_leave_no_trace)
{
    static const uint64_t zero[3] = {0, 0, 0}, low[3] = {2, 4, 9}, high[3] = {5, 13, 20};
    static double in[VOXELS], all[VOXELS], window[VOXELS], box[VOXELS];
    for (int c = 0; c < 4; c++) {
        struct pw_expand expand;
        uint64_t from[3], size[3], start[3], keep[3];
        pw_expand_init(&expand, distances[c], steps[c]);
        scatter((uint64_t)c + 7, in);
        expand_box(&expand, in, whole, zero, whole, all);
        for (int i = 0; i < 3; i++) {
            uint64_t r = expand.radius[i], end = high[i] + r < whole[i] ? high[i] + r : whole[i];
            from[i] = low[i] > r ? low[i] - r : 0;
            size[i] = end - from[i];
            start[i] = low[i] - from[i];
            keep[i] = high[i] - low[i];
        }
        for (uint64_t z = 0; z < size[0]; z++)
            for (uint64_t y = 0; y < size[1]; y++)
                memcpy(window + (z * size[1] + y) * size[2],
                       in + ((z + from[0]) * HEIGHT + y + from[1]) * WIDTH + from[2], size[2] * sizeof *in);
        expand_box(&expand, window, size, start, keep, box);
        for (uint64_t z = 0; z < keep[0]; z++)
            for (uint64_t y = 0; y < keep[1]; y++)
                cr_assert_eq(memcmp(box + (z * keep[1] + y) * keep[2],
                                    all + ((z + low[0]) * HEIGHT + y + low[1]) * WIDTH + low[2], keep[2] * sizeof *box),
                             0, "case %d", c);
    }
}
