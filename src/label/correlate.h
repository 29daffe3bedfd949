/*
 * label/correlate - one axis of a separable filter with a symmetric kernel.
 *
 *     out[i] = weight[0] in[i] + sum over d = radius..1 of weight[d] (in[i-d] + in[i+d])
 *
 * in that order, in double precision, rounded to float once: scipy.ndimage.correlate1d on float32 does the same, so that
 * the floats are its floats.  Beyond the ends of the axis the array is mirrored, its first and last element
 * repeated (scipy's mode "reflect").  The order of the sum is fixed: a voxel whose neighbours are there has the same bits
 * wherever a block is cut, and whatever the processor.
 *
 * Memory: in, out and scratch are the caller's.  Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_CORRELATE_H
#define PW_LABEL_CORRELATE_H

#include "patchworks.h"

/*
 * Filters a dense block of shape along axis (0 z, 1 y, 2 x) and keeps the layers first..first+count along it: out
 * is dense, of shape with shape[axis] replaced by count.  weight has radius + 1 entries, the centre's first.
 * out is not in, except along x, where they may be the same when all layers are kept.
 */
void pw_correlate_axis(const float *in, const uint64_t shape[3], int axis, uint64_t first, uint64_t count,
                       const double *weight, uint64_t radius, void *scratch, float *out);

/* Bytes of scratch for rows of at most width voxels and kernels of at most radius. */
uint64_t pw_correlate_scratch_bytes(uint64_t width, uint64_t radius);

/* Where position at of an axis with n elements is mirrored to. */
uint64_t pw_reflect(int64_t at, uint64_t n);

#endif
