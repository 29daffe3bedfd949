/*
 * run/kept_maxima - what is known of bricks of the image (tile/brick_maxima.h), kept from one run for the next.
 *
 * With --skip-empty a run collects the greatest voxel of each brick, in pass 0 where that reads the image anyway, else in
 * pass 1, and keeps them in a file.  A later run over the same image leaves out tiles whose window they say is empty,
 * unread.  The file says which image, array, channels and time points it is of, and bears a stamp (sys/stamp.h) of its
 * files: once anything was changed there it is not used any more.  Images that may be spread over files that
 * cannot all be named (series, NRRD and the like, HDF5) and pipes have none.
 *
 *     pw_maxima_begin(job)                                before pass 0
 *     pw_maxima_add_channel(), pw_maxima_add_core()       of voxels that are there
 *     pw_maxima_are_below(job, tile)                      before pass 1
 *     pw_maxima_end(job)                                  after it
 *
 * A file that cannot be read or written is as if there were none.
 */
#ifndef PW_RUN_KEPT_MAXIMA_H
#define PW_RUN_KEPT_MAXIMA_H

#include "run/job.h"
#include "tile/loader.h"

/* Whether they are collected; and kept. */
int pw_maxima_are_wanted(const struct pw_job *job);
uint64_t pw_maxima_memory_bytes(const struct pw_job *job);

/* Errors: PW_E_ARGUMENT for a directory that is none; PW_E_NOMEM. */
enum pw_status pw_maxima_begin(struct pw_job *job, struct pw_error *error);
void pw_maxima_end(struct pw_job *job);
void pw_maxima_close(struct pw_job *job); /* safe when there are none */

/*
 * A pass over all of one channel begins, and has ended: it counts when none did before.  Between them its slots are added, by
 * any thread.
 */
void pw_maxima_pass_begins(struct pw_job *job, uint32_t channel);
void pw_maxima_add_channel(struct pw_job *job, const struct pw_slot *slot);
void pw_maxima_pass_ends(struct pw_job *job);

/* In pass 1: the core of a tile, of the channels that no pass has counted. */
void pw_maxima_add_core(struct pw_job *job, const struct pw_slot *slot, const struct pw_box *core);

/* Whether the tile's window is known to be empty. */
int pw_maxima_are_below(const struct pw_job *job, uint64_t tile);

#endif
