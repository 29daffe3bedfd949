/*
 * store/crop_source - a box of an array as an array of its own.
 *
 * Nothing is copied: chunks, or bytes of the file, are those of the array, counted from where the box begins.  That is on
 * the border of a chunk where there are any; where the box ends is free.
 */
#ifndef PW_STORE_CROP_SOURCE_H
#define PW_STORE_CROP_SOURCE_H

#include "store/source.h"

/*
 * Makes *source, just opened, the array that box is.  The start of the box is moved down to the border of a chunk, and its
 * extent grows by as much.  *source is replaced by the one that is to be closed, and its axes begin where the box does.
 * Errors: PW_E_NOMEM, and *source is as it was.
 */
enum pw_status pw_crop_source(struct pw_source **source, struct pw_region *box, struct pw_error *error);

#endif
