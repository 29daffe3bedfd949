/*
 * run/image_pass - every voxel of the volume once, by all threads: what pass 0 is made of.
 *
 * Memory: as deep a ring and as large a chunk cache as fit the budget beside what the caller holds.
 * Threads: add() is called from the thread of its worker.
 */
#ifndef PW_RUN_IMAGE_PASS_H
#define PW_RUN_IMAGE_PASS_H

#include "run/job.h"

/* Some rows of voxels, for worker number worker. */
typedef void (*pw_plane_fn)(void *context, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                            uint64_t width);

/*
 * Hands every voxel of one channel of the volume, numbered among those that tiles have, to add() once.  beside_bytes is what the caller has reserved, and what ("otsu
 * needs histograms") says so in the message of PW_E_BUDGET.  result->bytes_read grows.
 */
enum pw_status pw_image_pass(struct pw_job *job, uint32_t channel, uint64_t beside_bytes, const char *what,
                             pw_plane_fn add, void *context, struct pw_run_result *result, struct pw_error *error);

#endif
