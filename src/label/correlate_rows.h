/*
 * label/correlate_rows - the inner loop of label/correlate, by processor.  Internal to label.
 */
#ifndef PW_LABEL_CORRELATE_ROWS_H
#define PW_LABEL_CORRELATE_ROWS_H

#include "label/simd.h"

#include <stdint.h>

/* Combines 2 radius + 1 rows of width floats, the centre in the middle. */
typedef void (*pw_correlate_fn)(const float *const *row, const double *weight, uint64_t radius, uint64_t width,
                                float *out);

/* The variant of a processor; NULL where plain C serves.  Widths of a variant are multiples of PW_CORRELATE_STEP. */
pw_correlate_fn pw_correlate_vector(enum pw_simd_level level);

enum {
    PW_CORRELATE_STEP = 16
};

#endif
