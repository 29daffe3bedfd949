/*
 * store/tiff_nodata - what strips and tiles that are not stored read as: GDAL's tag of the value that means no data.
 *
 *     char text[PW_TIFF_NODATA_BYTES] = "";
 *     pw_tiff_nodata_read(handle, text);              of the current page; stays as it is when that has none
 *     source->fill = pw_tiff_nodata_bits(text, dtype);
 *
 * GDAL leaves out blocks of nothing but this value, and reads them as it again; without the tag they are zeros.
 *
 * Threads: a handle belongs to one.  Errors: none; what is no value of the type counts as 0, as GDAL has it.
 */
#ifndef PW_STORE_TIFF_NODATA_H
#define PW_STORE_TIFF_NODATA_H

#include "patchworks.h"
#include "store/tiff_handle.h"

enum {
    PW_TIFF_NODATA_BYTES = 32
};

void pw_tiff_nodata_read(struct pw_tiff *handle, char text[PW_TIFF_NODATA_BYTES]);

/* The value's bits in the low bytes. */
uint64_t pw_tiff_nodata_bits(const char *text, enum pw_dtype dtype);

#endif
