/*
 * run/level_tile - one tile of an image that is written: its voxels, and the smaller levels that its pass makes of them, as
 * units of the output.
 *
 * Memory: a worker's buffers, reserved before the first tile.  Threads: a worker's own, beside the job, which is constant
 * while a pass runs.
 */
#ifndef PW_RUN_LEVEL_TILE_H
#define PW_RUN_LEVEL_TILE_H

#include "run/image_levels.h"
#include "tile/loader.h"

/* What a worker needs for the tiles of the job's pass, without the output's writer. */
uint64_t pw_level_tile_memory_bytes(const struct pw_level_job *job, const struct pw_load_plan *load);
enum pw_status pw_level_tile_init(const struct pw_level_job *job, const struct pw_load_plan *load,
                                  struct pw_level_worker *own, struct pw_error *error);
void pw_level_tile_release(struct pw_level_worker *own); /* safe on a zeroed one */

/* The work of a pipeline; context is the job. */
enum pw_status pw_level_tile_write(void *context, unsigned worker, struct pw_slot *slot, struct pw_error *error);

#endif
