/*
 * label/downsample_runs - a label block at a lower resolution, from runs to runs.
 *
 * The rules are those of label/downsample.h, voxel for voxel.  No voxel is painted: where no run of the input rows begins or ends
 * the vote is taken once for the whole stretch, so that the work grows with the runs and not with the voxels.
 *
 * Memory: scratch is the caller's.  Threads: a pure function of its arguments.
 */
#ifndef PW_LABEL_DOWNSAMPLE_RUNS_H
#define PW_LABEL_DOWNSAMPLE_RUNS_H

#include "label/runs.h"

size_t pw_downsample_runs_scratch_bytes(const uint64_t factor[3]);

/*
 * Row (z, y) of the output, width voxels of it: output voxel i is made of input voxels i*factor .. (i+1)*factor-1 along
 * each axis, of the last one where from ends before.  run and value have room for width entries; runs that touch differ in
 * value.  Returns how many there are.
 */
uint64_t pw_downsample_runs(enum pw_pyramid_rule rule, const struct pw_label_block *from, const uint64_t factor[3],
                            uint64_t z, uint64_t y, uint64_t width, struct pw_run *run, uint64_t *value, void *scratch);

#endif
