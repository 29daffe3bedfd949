/*
 * label/window_sum - sums over the box around each voxel, one axis at a time.
 *
 * The box has 2 radius + 1 voxels along the axis; beyond the ends the array is mirrored as in label/correlate.h.  Terms are
 * added from the first to the last: a voxel whose neighbours are there has the same bits wherever a block is cut, as
 * running sums have only while they are exact.
 *
 * Memory: the caller's.  Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_WINDOW_SUM_H
#define PW_LABEL_WINDOW_SUM_H

#include "patchworks.h"

/*
 * Sums the dense block in, of shape, over boxes of 2 radius[i] + 1 voxels along each axis, and keeps the box
 * start..start+keep of it: out is dense, of keep voxels.  buffer[0] and [1] have room for pw_window_sum_buffer_voxels(); of in,
 * out and them only out and buffer[0] may be the same.  scratch holds pw_window_sum_scratch_bytes().
 * is_exact says that values are whole numbers, whose sizes add up to less than 2^53 in every box: sums then run from box
 * to box, which takes as long for any radius, and gives the same bits.
 */
void pw_window_sum(const double *in, const uint64_t shape[3], const uint64_t radius[3], const uint64_t start[3],
                   const uint64_t keep[3], int is_exact, double *const buffer[2], void *scratch, double *out);

void pw_window_sum_buffer_voxels(const uint64_t shape[3], const uint64_t keep[3], uint64_t voxels[2]);

/* For rows of at most width voxels. */
uint64_t pw_window_sum_scratch_bytes(uint64_t width, const uint64_t radius[3]);

#endif
