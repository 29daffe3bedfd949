/*
 * run/choose_tile - how large tiles are, before and after the memory budget is looked at.
 *
 * Threads: pure functions of a job whose volume and segmenter are open.
 */
#ifndef PW_RUN_CHOOSE_TILE_H
#define PW_RUN_CHOOSE_TILE_H

#include "run/job.h"

/* Voxels of a box; UINT64_MAX when they cannot be counted. */
uint64_t pw_tile_voxels(const uint64_t shape[3]);

/* The halo: the one asked for, else the segmenter's. */
const uint64_t *pw_tile_halo(const struct pw_job *job);

/* The tile before the budget is looked at: what the options or the segmenter say, else what suits the image. */
void pw_tile_choose(const struct pw_job *job, const uint64_t halo[3], uint64_t tile[3]);

/* Halves the longest axis of an automatic tile.  0 when nothing is left to halve. */
int pw_tile_shrink(const struct pw_volume *volume, uint64_t tile[3], const uint64_t halo[3]);

#endif
