/*
 * store/level_shapes - which levels a label image has: their shapes, and where their voxels lie.
 *
 * An image of several levels gives its labels the same: into its store all of them, elsewhere those from the level
 * that was segmented on.  Where there is nothing to copy from, levels are halved until one is no larger than a chunk:
 * y and x, and z as long as its voxels are not longer than those of y and x.  A voxel that stands for a block lies at the block's centre
 * (its translation grows by half of what its size grew), one that is taken from the block's corner stays there.
 *
 * Formats whose levels have all the planes of the first (TIFF) are halved, and follow an image, in y and x alone.
 *
 * Errors: PW_E_FORMAT for an image with a level that cannot be read; PW_E_ARGUMENT for labels of a lower level that
 * shall go into the image.  Threads: pure functions.
 */
#ifndef PW_STORE_LEVEL_SHAPES_H
#define PW_STORE_LEVEL_SHAPES_H

#include <math.h>

#include "store/sink.h"

/* z y x; of rank 2 without z: shape 1, and scale and translation that nobody reads. */
struct pw_level_shapes {
    int n;
    uint64_t shape[PW_MAX_LEVELS][3];
    double scale[PW_MAX_LEVELS][3], translation[PW_MAX_LEVELS][3];
};

/* axis: of the labels, each with a name; chunk: of the full level; all_planes: every level has those of the first. */
enum pw_status pw_level_shapes_choose(struct pw_level_shapes *levels, const struct pw_sink_request *request,
                                      const struct pw_axis axis[3], const uint64_t chunk[3], int all_planes,
                                      struct pw_error *error);

/* A calibration that can be written: what is none counts as 1, or as 0. */
static inline double pw_positive_or_1(double value)
{
    return isfinite(value) && value > 0 ? value : 1.0;
}

static inline double pw_finite_or_0(double value)
{
    return isfinite(value) ? value : 0.0;
}

#endif
