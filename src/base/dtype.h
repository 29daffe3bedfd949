/*
 * base/dtype - facts about element types; names and sizes are in patchworks.h.
 */
#ifndef PW_BASE_DTYPE_H
#define PW_BASE_DTYPE_H

#include "patchworks.h"

int pw_dtype_is_integer(enum pw_dtype dtype); /* bool counts */
int pw_dtype_is_signed(enum pw_dtype dtype);  /* signed integers and floats */
int pw_dtype_is_float(enum pw_dtype dtype);

/* Largest value of an unsigned integer type, 1 for bool. */
uint64_t pw_dtype_unsigned_max(enum pw_dtype dtype);

/* Reverses the bytes of each of count elements in place. */
void pw_swap_bytes(void *elements, size_t count, size_t element_bytes);

/* IEEE binary16 to double, exactly; NaN stays NaN. */
double pw_half_to_double(uint16_t half);

/* The nearest IEEE binary16, ties to even, as numpy does. */
uint16_t pw_double_to_half(double value);

#endif
