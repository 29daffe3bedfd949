/*
 * run/mask_tiles - what a mask does to tiles.
 *
 * A tile whose core has no voxel inside the mask is not read and gets a record without labels at once.  In any other, what
 * the function has labelled outside the mask is cleared in the whole window, so that overlaps are compared, and
 * witnesses chosen, by what is left: a component that the mask leaves in pieces is as many components, an instance
 * is one instance still.
 *
 *     pw_job_open_mask(job)                  when the job is opened
 *     pw_mask_find_outside(job, ...)         before pass 1, in all threads; in mask_search.c
 *     pw_tile_mask_apply(&mask, ...)         of each tile, by its worker
 *
 * Without a mask they do nothing.
 */
#ifndef PW_RUN_MASK_TILES_H
#define PW_RUN_MASK_TILES_H

#include "run/job.h"
#include "tile/tile_set.h"

/* "tissue.zarr, 1 x 512 x 512 voxels"; "" without a mask. */
void pw_mask_describe(const struct pw_mask *mask, char *text, size_t capacity);

/* Takes the record of a tile that lies outside; one call at a time. */
typedef enum pw_status (*pw_take_outside_fn)(void *context, const unsigned char *record, uint64_t tile,
                                             struct pw_error *error);

/* Looks at the tiles in the set, which take() may change.  Errors: those of reading and of take(); PW_E_CANCELLED. */
enum pw_status pw_mask_find_outside(struct pw_job *job, const struct pw_tile_set *tiles, pw_take_outside_fn take,
                                    void *context, struct pw_error *error);
uint64_t pw_mask_search_bytes(const struct pw_job *job);

/* A worker's own part.  Memory: reserved at init. */
struct pw_tile_mask {
    const struct pw_job *job;
    struct pw_mask_reader reader;
    struct pw_buffer memory;
    struct pw_runs clipped;
    void *scratch; /* of numbering */
};

uint64_t pw_tile_mask_bytes(const struct pw_job *job);
enum pw_status pw_tile_mask_init(struct pw_tile_mask *mask, const struct pw_job *job, struct pw_error *error);
void pw_tile_mask_release(struct pw_tile_mask *mask); /* safe on a zeroed one */

/* Has *runs, labels of the window, point to what of them is inside the mask, numbered 1..n again. */
enum pw_status pw_tile_mask_apply(struct pw_tile_mask *mask, const struct pw_box *window, struct pw_runs **runs,
                                  struct pw_error *error);

#endif
