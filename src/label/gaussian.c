#include "label/gaussian.h"

#include <math.h>
#include <string.h>

#include "label/correlate.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

uint64_t pw_gaussian_radius(double sigma)
{
    return (uint64_t)(4 * sigma + 0.5);
}

void pw_gaussian_weights(double sigma, int order, double *weight)
{
    uint64_t radius = pw_gaussian_radius(sigma);
    double variance = sigma * sigma, sum = 0;
    for (uint64_t d = 0; d <= radius; d++)
        weight[d] = exp(-0.5 / variance * (double)(d * d));
    for (uint64_t d = radius; d > 0; d--)
        sum += 2 * weight[d];
    sum += weight[0];
    for (uint64_t d = 0; d <= radius; d++) {
        weight[d] /= sum;
        if (order == 2)
            weight[d] *= -1 / variance + (double)(d * d) * (1 / variance * (1 / variance));
    }
}

void pw_gaussian_init(struct pw_gaussian *gaussian, const double sigma[3], const int order[3])
{
    for (int i = 0; i < 3; i++) {
        gaussian->sigma[i] = sigma[i];
        gaussian->radius[i] = sigma[i] > 0 ? pw_gaussian_radius(sigma[i]) : 0;
        gaussian->weight[i][0] = 1;
        if (sigma[i] > 0)
            pw_gaussian_weights(sigma[i], order[i], gaussian->weight[i]);
    }
}

void pw_gaussian_buffer_voxels(const uint64_t shape[3], const uint64_t keep[3], uint64_t voxels[2])
{
    voxels[0] = keep[0] * shape[1] * shape[2];
    voxels[1] = keep[0] * keep[1] * shape[2];
}

void pw_gaussian_filter(const struct pw_gaussian *gaussian, const float *in, const uint64_t shape[3],
                        const uint64_t start[3], const uint64_t keep[3], float *const buffer[2], void *scratch,
                        float *out)
{
    uint64_t at[3] = {shape[0], shape[1], shape[2]};
    if (gaussian->sigma[0] > 0) {
        pw_correlate_axis(in, at, 0, start[0], keep[0], gaussian->weight[0], gaussian->radius[0], scratch, buffer[0]);
        in = buffer[0];
    } else { /* whole planes are kept or left out */
        in += start[0] * shape[1] * shape[2];
    }
    at[0] = keep[0];
    pw_correlate_axis(in, at, 1, start[1], keep[1], gaussian->weight[1], gaussian->radius[1], scratch, buffer[1]);
    at[1] = keep[1];
    pw_correlate_axis(buffer[1], at, 2, start[2], keep[2], gaussian->weight[2], gaussian->radius[2], scratch, out);
}
