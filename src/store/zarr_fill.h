/*
 * store/zarr_fill - the fill value of a zarr array, in every form that occurs.
 *
 * null is 0.  Integers may be written as 3.0, and as text ("0": bioformats2raw),
 * floats as numbers, "NaN", "Infinity", "-Infinity" or the raw bits "0x7fc00000",
 * booleans as true, false, 0, 1.  A value that the type cannot hold is an error.
 */
#ifndef PW_STORE_ZARR_FILL_H
#define PW_STORE_ZARR_FILL_H

#include "base/json.h"

/* *fill receives the value's bits in the low bytes.  PW_E_FORMAT names path and value. */
enum pw_status pw_zarr_fill_parse(const char *path, const struct json_object *value, enum pw_dtype dtype,
                                  uint64_t *fill, struct pw_error *error);

#endif
