/*
 * tile/grid - the cutting of a volume into tiles, or of many: one for each time point.
 *
 * The volumes of several time points have one shape and are stacked along z: voxel (t, z, y, x) is voxel
 * (t * volume[0] + z, y, x) of the stack, whose raster order is that of t z y x.  Boxes of tiles are in the stack,
 * while volume, start, end and count are those of one time point.  No tile, window or neighbourhood reaches from one
 * time point into another.
 *
 * Tiles are numbered in raster order, time slowest, then z.  A tile's core boxes tile the
 * volume, or a box of it that is all that is looked at; its window is the core grown by the
 * halo and clipped at the border of that, never padded.  An axis whose tile is 1 thick has no halo.
 * Coordinates are always those of the volume.
 */
#ifndef PW_TILE_GRID_H
#define PW_TILE_GRID_H

#include "base/region.h"

struct pw_grid {
    uint64_t volume[3]; /* voxels of one time point, z y x */
    uint64_t times;     /* time points, stacked along z */
    uint64_t start[3];  /* of the box that is cut into tiles, in the volume; */
    uint64_t end[3];    /*    it is [start, end) */
    uint64_t tile[3];   /* of a core that is not clipped */
    uint64_t halo[3];
    uint64_t count[3]; /* tiles of one time point along each axis */
    uint64_t n_tiles;  /* of all */
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

/* The same of times volumes, of each the same part; NULL: all. */
enum pw_status pw_grid_init_times(struct pw_grid *grid, const uint64_t volume[3], uint64_t times,
                                  const struct pw_box *part, const uint64_t tile[3], const uint64_t halo[3],
                                  struct pw_error *error);

/* The box of a time point that is cut into tiles. */
struct pw_box pw_grid_part(const struct pw_grid *grid);

/* That of the time point that plane z of the stack is in, as a box of the stack. */
struct pw_box pw_grid_part_at(const struct pw_grid *grid, uint64_t z);

/* The time point of tile index. */
uint64_t pw_grid_time(const struct pw_grid *grid, uint64_t index);

/* Voxels of the volumes of all time points, and of what is cut into tiles of them. */
uint64_t pw_grid_voxels(const struct pw_grid *grid);
uint64_t pw_grid_part_voxels(const struct pw_grid *grid);

/*
 * Whether the plane in front of voxel at along an axis of the stack, where a box begins or ends, is the border of what
 * is cut into tiles of a time point.
 */
int pw_grid_is_low_border(const struct pw_grid *grid, int axis, uint64_t at);
int pw_grid_is_high_border(const struct pw_grid *grid, int axis, uint64_t at);

/* From z of the stack to z of its time point. */
static inline uint64_t pw_grid_z(const struct pw_grid *grid, uint64_t z)
{
    return grid->times > 1 ? z % grid->volume[0] : z;
}

/* Position of tile index along each axis, within its time point. */
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
