/*
 * label/gaussian - the kernels of Gaussian filters, as scipy.ndimage.gaussian_filter has them.
 *
 * A kernel is symmetric, cut off at 4 sigma: radius int(4 sigma + 0.5), 2 radius + 1 weights, of which the centre and
 * one side are given (label/correlate.h).  Those of order 0 add up to 1; order 2 is the second derivative.
 *
 * Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_GAUSSIAN_H
#define PW_LABEL_GAUSSIAN_H

#include "patchworks.h"

/* No sigma above this: a kernel then has at most PW_GAUSSIAN_WEIGHTS_MAX entries. */
#define PW_GAUSSIAN_SIGMA_MAX 250.0
enum {
    PW_GAUSSIAN_WEIGHTS_MAX = 1001
};

/* int(4 sigma + 0.5). */
uint64_t pw_gaussian_radius(double sigma);

/* Writes pw_gaussian_radius(sigma) + 1 weights; sigma is above 0, order 0 or 2. */
void pw_gaussian_weights(double sigma, int order, double *weight);

/* A Gaussian along up to three axes. */
struct pw_gaussian {
    double sigma[3];    /* z y x; 0: not along this axis */
    uint64_t radius[3]; /* 0 where sigma is */
    double weight[3][PW_GAUSSIAN_WEIGHTS_MAX];
};

/* order[i] is 0 or 2; an axis whose sigma is 0 is left as it is. */
void pw_gaussian_init(struct pw_gaussian *gaussian, const double sigma[3], const int order[3]);

/*
 * Filters the dense block in, of shape, and keeps the box start..start+keep of it: out is dense, of keep voxels.  Axis
 * by axis, z first.  buffer[0] and [1] have room for pw_gaussian_buffer_voxels() each; of in, out and them only out and
 * buffer[0] may be the same.  scratch holds pw_correlate_scratch_bytes(shape[2], largest radius).
 */
void pw_gaussian_filter(const struct pw_gaussian *gaussian, const float *in, const uint64_t shape[3],
                        const uint64_t start[3], const uint64_t keep[3], float *const buffer[2], void *scratch,
                        float *out);

/* Voxels of buffer[0] and of buffer[1]. */
void pw_gaussian_buffer_voxels(const uint64_t shape[3], const uint64_t keep[3], uint64_t voxels[2]);

#endif
