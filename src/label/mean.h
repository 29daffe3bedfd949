/*
 * label/mean - an image at a lower resolution, by mean.
 *
 * Every output voxel is the mean of a block of factor voxels, at the far borders of those of it that exist.  Whole numbers are
 * rounded to the nearest, halves up; floats are added in double precision, in raster order, so that the result does not
 * depend on how an image is cut.  A block of a boolean image is true when at least half of it is.  A NaN makes its block NaN.
 *
 * Memory: scratch is the caller's.  Threads: a pure function of its arguments.
 */
#ifndef PW_LABEL_MEAN_H
#define PW_LABEL_MEAN_H

#include "patchworks.h"

/* Bytes for a row of sums of an output of width voxels. */
size_t pw_mean_scratch_bytes(uint64_t width);

/*
 * from is [z][y][x] of from_shape, rows without gaps, stride_bytes (multiples of an element) from one z and y to the next, and
 * begins where the first block does; to is dense, of to_shape, with to_shape[i] = ceil(from_shape[i] / factor[i]).  factor of
 * at most 2^20 voxels a block.
 */
void pw_mean_downsample(enum pw_dtype dtype, const void *from, const uint64_t from_shape[3],
                        const size_t stride_bytes[2], const uint64_t factor[3], void *to, const uint64_t to_shape[3],
                        void *scratch);

#endif
