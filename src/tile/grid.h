/*
 * tile/grid - the cutting of a volume into tiles.
 *
 * Tiles are numbered in raster order, z slowest.  A tile's core boxes tile the
 * volume, or a box of it that is all that is looked at; its window is the core grown by the
 * halo and clipped at the border of that, never padded.  An axis whose tile is 1 thick has no halo.
 * Coordinates are always those of the volume.
 */
#ifndef PW_TILE_GRID_H
#define PW_TILE_GRID_H

#include "base/region.h"

struct pw_grid {
    uint64_t volume[3]; /* voxels, z y x */
    uint64_t start[3];  /* of the box that is cut into tiles, in the volume; */
    uint64_t end[3];    /*    it is [start, end) */
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

/* The same for a part of the volume, of which nothing else is looked at. */
enum pw_status pw_grid_init_part(struct pw_grid *grid, const uint64_t volume[3], const struct pw_box *part,
                                 const uint64_t tile[3], const uint64_t halo[3], struct pw_error *error);

/* The box that is cut into tiles. */
struct pw_box pw_grid_part(const struct pw_grid *grid);

/* Position of tile index along each axis. */
void pw_grid_position(const struct pw_grid *grid, uint64_t index, uint64_t position[3]);

struct pw_box pw_grid_core(const struct pw_grid *grid, uint64_t index);
struct pw_box pw_grid_window(const struct pw_grid *grid, uint64_t index);

/* The window less a rim of context voxels (at most the halo) at its faces that are not at the border. */
struct pw_box pw_grid_reach(const struct pw_grid *grid, uint64_t index, const uint64_t context[3]);

/* The largest window of the grid. */
void pw_grid_window_max(const struct pw_grid *grid, uint64_t shape[3]);

/*
 * The tile at offset (each -1, 0 or 1) from index; returns 0 when there is none.
 */
int pw_grid_neighbour(const struct pw_grid *grid, uint64_t index, const int offset[3], uint64_t *neighbour);

#endif
