/*
 * label/float32 - voxels of any type as float32, normalised on the way when asked.
 *
 * Without a scale a voxel is rounded to the nearest float32.  With one it is (v - low) / (high - low), computed in double
 * precision and rounded once; where low equals high it is 0.  Threads: pure.
 */
#ifndef PW_LABEL_FLOAT32_H
#define PW_LABEL_FLOAT32_H

#include "patchworks.h"

struct pw_float_scale {
    double low, high;
};

/* Converts n voxels of dtype.  scale may be NULL. */
void pw_float32_row(enum pw_dtype dtype, const void *voxels, uint64_t n, const struct pw_float_scale *scale,
                    float *out);

/*
 * Counts n voxels in n_bins bins of equal width from minimum to maximum (finite), the last with both its ends.  NaN and what
 * lies outside is not counted.
 */
void pw_even_bins_row(enum pw_dtype dtype, const void *voxels, uint64_t n, double minimum, double maximum,
                      uint64_t n_bins, uint64_t *count);

#endif
