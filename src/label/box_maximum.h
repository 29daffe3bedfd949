/*
 * label/box_maximum - voxels that are the greatest of the box around them.
 *
 * Memory: the caller's.  Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_BOX_MAXIMUM_H
#define PW_LABEL_BOX_MAXIMUM_H

#include "patchworks.h"

/*
 * The greatest value of the box of 2 radius[i] + 1 voxels along each axis around each voxel, cut off at the borders of
 * the dense block in, of shape: scipy.ndimage.maximum_filter(in, size=2 radius + 1).  There are no NaNs.  out is not in.
 * Takes three comparisons a voxel and axis whatever the radius (van Herk 1992; Gil and Werman 1993).
 * scratch holds pw_box_maximum_scratch_bytes(shape).
 */
void pw_box_maximum(const float *in, const uint64_t shape[3], const uint64_t radius[3], void *scratch, float *out);

uint64_t pw_box_maximum_scratch_bytes(const uint64_t shape[3]);

#endif
