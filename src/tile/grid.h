/*
 * tile/grid - the cutting of a volume into tiles.
 *
 * Tiles are numbered in raster order, z slowest.  A tile's core boxes tile the
 * volume; its window is the core grown by the halo and clipped at the volume's
 * border, never padded.  An axis whose tile is 1 thick has no halo.
 */
#ifndef PW_TILE_GRID_H
#define PW_TILE_GRID_H

#include "base/region.h"

struct pw_grid {
    uint64_t volume[3]; /* voxels, z y x */
    uint64_t tile[3];   /* of a core that is not clipped */
    uint64_t halo[3];
    uint64_t count[3]; /* tiles along each axis */
    uint64_t n_tiles;
};

/*
 * Makes a grid.  tile entries larger than the volume are cut to it.
 * Errors: PW_E_ARGUMENT for a zero tile or volume, or 2^32 tiles and more.
 */
enum pw_status pw_grid_init(struct pw_grid *grid, const uint64_t volume[3], const uint64_t tile[3],
                            const uint64_t halo[3], struct pw_error *error);

/* Position of tile index along each axis. */
void pw_grid_position(const struct pw_grid *grid, uint64_t index, uint64_t position[3]);

struct pw_box pw_grid_core(const struct pw_grid *grid, uint64_t index);
struct pw_box pw_grid_window(const struct pw_grid *grid, uint64_t index);

/* The window less a rim of context voxels (at most the halo) at its faces that are not at the volume's border. */
struct pw_box pw_grid_reach(const struct pw_grid *grid, uint64_t index, const uint64_t context[3]);

/* The largest window of the grid. */
void pw_grid_window_max(const struct pw_grid *grid, uint64_t shape[3]);

/*
 * The tile at offset (each -1, 0 or 1) from index; returns 0 when there is none.
 */
int pw_grid_neighbour(const struct pw_grid *grid, uint64_t index, const int offset[3], uint64_t *neighbour);

#endif
