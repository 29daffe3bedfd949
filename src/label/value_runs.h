/*
 * label/value_runs - rows of labels of any integer type as runs with 64-bit values.
 */
#ifndef PW_LABEL_VALUE_RUNS_H
#define PW_LABEL_VALUE_RUNS_H

#include "label/runs.h"

/*
 * The runs of one row of width voxels, side by side; 0 is background.  run and value hold width + 1 entries.
 * Negative values come as they stand, extended to 64 bits.  Returns the number of runs.
 */
uint64_t pw_value_runs(const void *voxels, enum pw_dtype dtype, uint64_t width, struct pw_run *run, uint64_t *value);

#endif
