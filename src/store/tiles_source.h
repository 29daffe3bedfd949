/*
 * store/tiles_source - labels that lie in one store for each tile, listed in a JSON file:
 *
 *     {"patchworks_tiles": 1, "shape": [z, y, x], "tile": [z, y, x], "halo": [z, y, x],
 *      "tiles": ["tile_0.npy", null, "tile_2.zarr", ...]}
 *
 * shape, tile and halo have three numbers, or two for images without z.  tiles has one entry for each tile of the
 * grid in raster order: the path of an array of the tile's window (core and halo, clipped at the border) in any format
 * that is read, relative to the list; null where nothing is labelled.
 *
 * As a source the list is an image of that shape in which nothing is stored: what is read are the arrays, by the
 * segmenter `given`.
 *
 * Ownership: the lists own their strings.  Threads: constant once read.
 */
#ifndef PW_STORE_TILES_SOURCE_H
#define PW_STORE_TILES_SOURCE_H

#include "store/source.h"

struct pw_tile_list {
    int rank;                            /* 2 or 3 */
    uint64_t shape[3], tile[3], halo[3]; /* z y x */
    uint64_t n_tiles;
    char **path; /* n_tiles of them, each with the directory of the list before it; NULL: no labels */
};

/* Errors: PW_E_NOT_FOUND, PW_E_FORMAT with the key, PW_E_ARGUMENT for a grid that cannot be. */
enum pw_status pw_tile_list_read(struct pw_tile_list *list, const char *path, struct pw_error *error);
void pw_tile_list_release(struct pw_tile_list *list); /* safe on a zeroed one */

/* Whether the file at path is such a list. */
int pw_tile_list_is(const char *path);

extern const struct pw_format pw_format_tiles;

#endif
