/*
 * label/to_float - voxels of any type as floats.
 *
 * Integers that need more than 24 bits are rounded to the nearest float, as numpy's astype(float32) rounds them.
 *
 * Threads: a pure function of its arguments.
 */
#ifndef PW_LABEL_TO_FLOAT_H
#define PW_LABEL_TO_FLOAT_H

#include "patchworks.h"

/* Converts a block of shape whose rows and planes are stride_bytes apart (a row is dense) into a dense one. */
void pw_to_float(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3],
                 float *out);

/* The same to doubles; 64-bit integers are rounded to the nearest. */
void pw_to_double(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3],
                  double *out);

#endif
