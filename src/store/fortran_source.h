/*
 * store/fortran_source - a column-major (Fortran order) array, read as chunks.
 *
 * In such a file the first axis is the fastest.  A chunk takes the first axes
 * whole until it holds about 1 MiB, so that it is one stretch of the file, and is
 * transposed on decoding.
 */
#ifndef PW_STORE_FORTRAN_SOURCE_H
#define PW_STORE_FORTRAN_SOURCE_H

#include "store/source.h"

/*
 * Turns source, LINEAR with its layout set (store/linear_source.h) and its size
 * checked, into a CHUNKED one of column-major data.  Cannot fail.
 */
void pw_fortran_source(struct pw_source *source);

#endif
