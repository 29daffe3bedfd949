/*
 * label/window_median - the median of the box around each voxel.
 *
 * The box has an odd number of voxels along each axis; beyond the borders the block is mirrored as in
 * label/correlate.h: scipy.ndimage.median_filter(in, size=2 radius + 1).  Values of up to 16 bits are counted in a histogram
 * that moves along the row (Huang, Yang and Tang 1979), others are selected anew for each voxel.
 *
 * Memory: the caller's.  Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_WINDOW_MEDIAN_H
#define PW_LABEL_WINDOW_MEDIAN_H

#include "patchworks.h"

/*
 * Writes the medians of the box start..start+keep of the dense block in, of shape: out is dense, of keep voxels.
 * dtype is the type that the values had: integers of up to 16 bits take the histogram.  NaN counts as the greatest.
 * scratch holds pw_window_median_scratch_bytes().
 */
void pw_window_median(const double *in, enum pw_dtype dtype, const uint64_t shape[3], const uint64_t radius[3],
                      const uint64_t start[3], const uint64_t keep[3], void *scratch, double *out);

/* For rows of which at most width voxels are kept. */
uint64_t pw_window_median_scratch_bytes(uint64_t width, const uint64_t radius[3]);

#endif
