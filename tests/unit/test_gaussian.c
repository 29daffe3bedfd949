/* Gaussian filters: known values, the same bits from every processor variant, and wherever a block is cut. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label/correlate.h"
#include "label/gaussian.h"
#include "label/simd.h"
#include "label_oracle.h"

enum {
    VOXELS = 20 * 47 * 61
};

static void fill(float *out, uint64_t n)
{
    uint64_t state = 3;
    for (uint64_t i = 0; i < n; i++)
        out[i] = (float)(oracle_random(&state) % 65536);
}

static void filter(const struct pw_gaussian *gaussian, const float *in, const uint64_t shape[3],
                   const uint64_t start[3], const uint64_t keep[3], float *out)
{
    uint64_t voxels[2];
    float *buffer[2];
    void *scratch = malloc(pw_correlate_scratch_bytes(shape[2], PW_GAUSSIAN_WEIGHTS_MAX));
    pw_gaussian_buffer_voxels(shape, keep, voxels);
    for (int i = 0; i < 2; i++)
        buffer[i] = malloc(voxels[i] * sizeof(float));
    pw_gaussian_filter(gaussian, in, shape, start, keep, buffer, scratch, out);
    free(buffer[0]);
    free(buffer[1]);
    free(scratch);
}

/* Values of scipy.ndimage.gaussian_filter1d on float32: an impulse at the border, mirrored. */
Test(gaussian, known_values)
{
    static const float in[6] = {1, 0, 0, 0, 0, 0};
    static const double expected[6] = {.64091492, .29596257, .05842299, .00456569, .00013383, 0};
    static const uint64_t shape[3] = {1, 1, 6}, start[3] = {0, 0, 0};
    static const double sigma[3] = {0, 0, 1};
    static const int order[3] = {0, 0, 0};
    float out[6];
    struct pw_gaussian gaussian;
    pw_gaussian_init(&gaussian, sigma, order);
    cr_assert_eq(gaussian.radius[2], 4);
    filter(&gaussian, in, shape, start, shape, out);
    for (int i = 0; i < 6; i++)
        cr_assert_float_eq(out[i], expected[i], 1e-8, "voxel %d: %.9g", i, (double)out[i]);
}

/* The weights of order 0 add up to 1; those of order 2 to about 0, and give x squared the slope's change, 2. */
Test(gaussian, moments)
{
    static const double sigmas[] = {0.4, 1, 2.5, 30};
    for (int s = 0; s < 4; s++) {
        double weight[2][PW_GAUSSIAN_WEIGHTS_MAX], sum[2], square = 0;
        uint64_t radius = pw_gaussian_radius(sigmas[s]);
        for (int o = 0; o < 2; o++) {
            pw_gaussian_weights(sigmas[s], 2 * o, weight[o]);
            sum[o] = weight[o][0];
            for (uint64_t d = 1; d <= radius; d++)
                sum[o] += 2 * weight[o][d];
        }
        for (uint64_t d = 1; d <= radius; d++)
            square += 2 * weight[1][d] * (double)(d * d);
        cr_assert_float_eq(sum[0], 1, 1e-14);
        if (sigmas[s] >= 1) {
            cr_assert_float_eq(sum[1] * sigmas[s] * sigmas[s], 0, 2e-2);
            cr_assert_float_eq(square, 2, 2e-2, "sigma %g: %g", sigmas[s], square);
        }
    }
}

Test(gaussian, reflects)
{
    static const int64_t at[] = {-1, -2, -5, -6, -10, -11, 5, 6, 9, 10, 14, 15, 0, 4};
    static const uint64_t expected[] = {0, 1, 4, 4, 0, 0, 4, 3, 0, 0, 4, 4, 0, 4};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        cr_assert_eq(pw_reflect(at[i], 5), expected[i], "%d", (int)at[i]);
    cr_assert_eq(pw_reflect(-1000, 1), 0);
}

Test(gaussian, variants_agree)
{
    static const uint64_t shape[3] = {20, 47, 61}, start[3] = {0, 0, 0};
    static const double sigma[3] = {1.3, 2, 0.7};
    static const int order[3] = {0, 2, 0};
    static float in[VOXELS], out[PW_SIMD_AVX512 + 1][VOXELS];
    struct pw_gaussian gaussian;
    fill(in, VOXELS);
    pw_gaussian_init(&gaussian, sigma, order);
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        filter(&gaussian, in, shape, start, shape, out[level]);
        cr_assert_eq(memcmp(out[level], out[0], sizeof out[0]), 0, "level %d", level);
    }
    pw_simd_lower(PW_SIMD_AVX512);
}

/* A box of the whole has the same bits as the box of a window that reaches a radius further. */
Test(gaussian, cuts_leave_no_trace)
{
    static const uint64_t shape[3] = {20, 47, 61}, zero[3] = {0, 0, 0};
    static const uint64_t low[3] = {4, 0, 21}, high[3] = {9, 20, 61}; /* of the box */
    static const double sigma[3] = {1, 3, 2};
    static const int order[3] = {0, 0, 0};
    static float in[VOXELS], whole[VOXELS], window[VOXELS], box[VOXELS];
    struct pw_gaussian gaussian;
    uint64_t from[3], size[3], start[3], keep[3];
    fill(in, VOXELS);
    pw_gaussian_init(&gaussian, sigma, order);
    filter(&gaussian, in, shape, zero, shape, whole);
    for (int i = 0; i < 3; i++) {
        uint64_t r = gaussian.radius[i], end = high[i] + r < shape[i] ? high[i] + r : shape[i];
        from[i] = low[i] > r ? low[i] - r : 0;
        size[i] = end - from[i];
        start[i] = low[i] - from[i];
        keep[i] = high[i] - low[i];
    }
    for (uint64_t z = 0; z < size[0]; z++)
        for (uint64_t y = 0; y < size[1]; y++)
            memcpy(window + (z * size[1] + y) * size[2], in + ((z + from[0]) * 47 + y + from[1]) * 61 + from[2],
                   size[2] * sizeof(float));
    filter(&gaussian, window, size, start, keep, box);
    for (uint64_t z = 0; z < keep[0]; z++)
        for (uint64_t y = 0; y < keep[1]; y++)
            cr_assert_eq(memcmp(box + (z * keep[1] + y) * keep[2],
                                whole + ((z + low[0]) * 47 + y + low[1]) * 61 + low[2], keep[2] * sizeof(float)),
                         0, "row %d of plane %d", (int)y, (int)z);
}
