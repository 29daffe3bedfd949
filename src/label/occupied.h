/*
 * label/occupied - whether there is anything in a block: a voxel above a level, or NaN.
 *
 * Threads: a pure function of its arguments.
 */
#ifndef PW_LABEL_OCCUPIED_H
#define PW_LABEL_OCCUPIED_H

#include "label/threshold.h"

/*
 * Whether any voxel of the block [z][y][x] is above the level, exactly as label/threshold.h has it, or is NaN: of
 * that nothing can be said.  Rows are dense, stride_bytes[1] apart, planes stride_bytes[0].  Ends at the first.
 */
int pw_is_occupied(const struct pw_threshold *level, const void *voxels, const size_t stride_bytes[3],
                   const uint64_t shape[3]);

#endif
