/*
 * store/elements - dense arrays of plain elements: filling them, exchanging their axes.
 *
 * Pure functions on the caller's buffers.  element_bytes is 1, 2, 4 or 8.
 */
#ifndef PW_STORE_ELEMENTS_H
#define PW_STORE_ELEMENTS_H

#include "patchworks.h"

/* Sets count elements at target to the low element_bytes of bits (native order). */
void pw_elements_fill(void *target, uint64_t count, uint64_t bits, size_t element_bytes);

/*
 * Copies source, dense with axes in the order order[] (its axis i is axis order[i]
 * of target), to target, dense of the given shape.  They do not overlap.
 */
void pw_elements_transpose(int rank, const uint64_t *shape, const int *order, const void *source, void *target,
                           size_t element_bytes);

#endif
