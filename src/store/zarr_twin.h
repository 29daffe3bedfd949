/*
 * store/zarr_twin - a directory with metadata of both versions of zarr: what they do not agree on.
 *
 * Such directories are made on purpose, so that readers of either version find the array.  Version 3 counts here; where an old
 * .zarray was left behind, somebody should know.
 *
 * Threads: pure function.  Errors: none, it is a warning.
 */
#ifndef PW_STORE_ZARR_TWIN_H
#define PW_STORE_ZARR_TWIN_H

#include "store/zarr_array.h"

/* Sets text when there is a .zarray beside node, of version 3, whose array is not this one; else leaves it. */
void pw_zarr_twin_compare(const struct pw_zarr_node *node, const struct pw_zarr_array *array, char *text,
                          size_t capacity);

#endif
