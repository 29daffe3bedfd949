/*
 * label/distance - the exact Euclidean distance of every voxel of a mask to the nearest voxel that is not in it.
 *
 * As scipy.ndimage.distance_transform_edt(mask, sampling=step): axis by axis, the lower envelope of parabolas
 * (Felzenszwalb and Huttenlocher, Distance transforms of sampled functions, 2012).  With steps of whole
 * numbers squares are exact; distances are rounded to float once.
 *
 * Memory: the caller's.  Threads: a pure function of its arguments.
 */
#ifndef PW_LABEL_DISTANCE_H
#define PW_LABEL_DISTANCE_H

#include "patchworks.h"

/*
 * Writes the distance of each voxel of the dense block mask, of shape; 0 outside of the mask, and everywhere
 * when nothing is outside.  step[i] is the size of a voxel along axis i, above 0.  scratch holds
 * pw_distance_scratch_bytes(shape).
 */
void pw_distance(const unsigned char *mask, const uint64_t shape[3], const double step[3], void *scratch, float *out);

uint64_t pw_distance_scratch_bytes(const uint64_t shape[3]);

#endif
