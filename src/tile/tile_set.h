/*
 * tile/tile_set - which tiles of a grid are worked on.
 *
 *     pw_tile_set_init(&set, n_tiles, error)       all of them
 *     pw_tile_set_leave_out(&set, tile) ...
 *     for (t = pw_tile_set_next(&set, 0); t < n_tiles; t = pw_tile_set_next(&set, t + 1)) ...
 *     pw_tile_set_release(&set)
 *
 * Where a set may be NULL, that is the set of all tiles.
 *
 * Memory: a bit for each tile.  Threads: one changes it; then any read it.
 */
#ifndef PW_TILE_TILE_SET_H
#define PW_TILE_TILE_SET_H

#include "patchworks.h"

struct pw_tile_set {
    uint64_t n_tiles; /* of the grid */
    uint64_t n_left;  /* of them, that are in the set */
    uint64_t *out;    /* bits: tile t is left out */
};

enum pw_status pw_tile_set_init(struct pw_tile_set *set, uint64_t n_tiles, struct pw_error *error);
void pw_tile_set_release(struct pw_tile_set *set); /* safe on a zeroed set */
uint64_t pw_tile_set_memory_bytes(uint64_t n_tiles);

void pw_tile_set_leave_out(struct pw_tile_set *set, uint64_t tile); /* which may be out already */
int pw_tile_set_has(const struct pw_tile_set *set, uint64_t tile);

/* The first tile of the set from tile on; n_tiles, or something larger, when there is none. */
uint64_t pw_tile_set_next(const struct pw_tile_set *set, uint64_t tile);

#endif
