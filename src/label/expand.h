/*
 * label/expand - labels grown into the background by a distance, each background voxel to the nearest label.
 *
 * A background voxel gets the label of the nearest labelled voxel that is not further than the distance; of several
 * that are equally near the least label.  Labelled voxels stay as they are.  The distance of voxels whose
 * indices differ by dz, dy, dx is sqrt((dz step_z)^2 + (dy step_y)^2 + (dx step_x)^2), evaluated in double precision in that
 * order, as scipy.ndimage.distance_transform_edt does; what is nearer is told by the squares.  The result is that of comparing all pairs of voxels, so that
 * a voxel whose neighbours are there gets the same label wherever a block is cut.
 * (Axis by axis, as in Felzenszwalb and Huttenlocher, Distance transforms of sampled functions, 2012; within a bounded
 * radius the lower envelope is found by trying all offsets, which is exact for ties too.)
 *
 * Labels travel as doubles, which hold them up to 2^53, and background as infinity: the nearer and the lesser are then
 * found by the same comparisons.
 *
 * Memory: the caller's.  Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_EXPAND_H
#define PW_LABEL_EXPAND_H

#include <math.h>

#include "patchworks.h"

#define PW_EXPAND_BACKGROUND ((double)INFINITY)

struct pw_expand {
    double distance;
    double step[3];
    uint64_t radius[3]; /* voxels along z y x that can be within the distance */
};

/* step[i] is the size of a voxel along axis i, in the unit of distance; an axis with the step 0 is not there. */
void pw_expand_init(struct pw_expand *expand, double distance, const double step[3]);

/*
 * Grows the labels of the dense block in, of shape, and keeps the box start..start+keep: out is dense, of keep voxels.
 * scratch holds pw_expand_scratch_bytes(shape, keep) bytes, aligned to 64.
 */
void pw_expand_labels(const struct pw_expand *expand, const double *in, const uint64_t shape[3],
                      const uint64_t start[3], const uint64_t keep[3], void *scratch, double *out);

uint64_t pw_expand_scratch_bytes(const uint64_t shape[3], const uint64_t keep[3]);

#endif
