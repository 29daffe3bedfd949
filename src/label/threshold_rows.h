/*
 * label/threshold_rows - the inner loops of label/threshold, by element type and
 * processor.  Internal to label.
 */
#ifndef PW_LABEL_THRESHOLD_ROWS_H
#define PW_LABEL_THRESHOLD_ROWS_H

#include "label/simd.h"
#include "label/threshold.h"

/* Compares 64 * words voxels with a threshold that has always == 0. */
typedef void (*pw_threshold_fn)(const struct pw_threshold *threshold, const void *voxels, uint64_t words,
                                uint64_t *bits);

/* The vector variant, NULL where there is none and plain C serves. */
pw_threshold_fn pw_threshold_vector(enum pw_dtype dtype, enum pw_simd_level level);

/* The greatest float that is not above value. */
float pw_threshold_f32(double value);

#endif
