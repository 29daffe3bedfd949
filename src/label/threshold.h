/*
 * label/threshold - voxels above a value, as bits.
 *
 * A bit row has one bit per voxel, voxel x in bit x%64 of word x/64; the unused
 * high bits of the last word are 0.  Rows are pw_bit_words(width) words apart.
 *
 * "Above" is exact for every type: the voxel's value, as a real number, is
 * greater than the threshold.  NaN voxels are background.
 */
#ifndef PW_LABEL_THRESHOLD_H
#define PW_LABEL_THRESHOLD_H

#include "patchworks.h"

static inline uint64_t pw_bit_words(uint64_t width)
{
    return (width + 63) / 64;
}

/* A threshold turned into the element type once. */
struct pw_threshold {
    enum pw_dtype dtype;
    int always;       /* 1: every voxel is above; -1: none is; 0: compare */
    int64_t above_i;  /* signed integers: voxel > above_i */
    uint64_t above_u; /* unsigned integers: voxel > above_u */
    double above_f;   /* floats: (double)voxel > above_f */
};

/* value must not be NaN (the caller has refused it). */
void pw_threshold_init(struct pw_threshold *threshold, enum pw_dtype dtype, double value);

/*
 * Writes pw_bit_words(width) words for each of rows rows.  voxels is the first
 * row; consecutive rows are stride_bytes apart; a row itself is dense.
 */
void pw_threshold_rows(const struct pw_threshold *threshold, const void *voxels, size_t stride_bytes, uint64_t rows,
                       uint64_t width, uint64_t *bits);

#endif
