/*
 * label/measure_voxels - adds a row of voxels to the words of a channel, exactly.
 *
 * Internal to label.
 */
#ifndef PW_LABEL_MEASURE_VOXELS_H
#define PW_LABEL_MEASURE_VOXELS_H

#include "label/measure.h"

enum {
    PW_MEASURE_ROW = 512 /* voxels that are added at once */
};

/* Adds n <= PW_MEASURE_ROW voxels, side by side, to the words of a channel. */
typedef void (*pw_measure_row_fn)(uint64_t *words, const void *voxels, uint32_t n);
pw_measure_row_fn pw_measure_row(enum pw_dtype dtype);

/* Keys of floats: unsigned numbers in the order of the values, both zeros the same. */
static inline uint64_t pw_measure_key_f64(uint64_t bits)
{
    return bits >> 63 ? 0x8000000000000000u - (bits & 0x7fffffffffffffffu) : bits + 0x8000000000000000u;
}

static inline uint32_t pw_measure_key_f32(uint32_t bits)
{
    return bits >> 31 ? 0x80000000u - (bits & 0x7fffffffu) : bits + 0x80000000u;
}

#endif
