/*
 * label/expand_rows - the inner loops of label/expand, by processor.  Internal to label.
 */
#ifndef PW_LABEL_EXPAND_ROWS_H
#define PW_LABEL_EXPAND_ROWS_H

#include "label/simd.h"

#include <stdint.h>

/* n voxels: their squared distances and labels so far. */
struct pw_expand_row {
    double *square, *label;
};

struct pw_expand_rows {
    /* Voxels without a label get the lesser of a and b, at square. */
    void (*fill)(struct pw_expand_row row, const double *a, const double *b, double square, uint64_t n);
    /* Voxels get the label of from where that, square further away, is nearer, or as near and less. */
    void (*improve)(struct pw_expand_row row, struct pw_expand_row from, double square, uint64_t n);
};

/* The variants of a processor; NULL where plain C serves.  n is then a multiple of PW_EXPAND_STEP. */
const struct pw_expand_rows *pw_expand_vector(enum pw_simd_level level);

enum {
    PW_EXPAND_STEP = 8
};

#endif
