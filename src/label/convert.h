/*
 * label/convert - voxels of one type as voxels of another, without losing any value.
 *
 * An integer type can become one that holds all its values; any type can become float32 or float64, where
 * what needs more digits than there are is rounded to the nearest.
 *
 * Memory: the caller's.  Threads: pure functions.
 */
#ifndef PW_LABEL_CONVERT_H
#define PW_LABEL_CONVERT_H

#include <stddef.h>

#include "patchworks.h"

/* Whether it can be done. */
int pw_convert_is_safe(enum pw_dtype from, enum pw_dtype to);

/* n elements side by side, with a conversion that is safe.  Where both types are one they are copied. */
void pw_convert(enum pw_dtype from, const void *source, enum pw_dtype to, void *target, size_t n);

#endif
