/*
 * run/skip_empty - tiles with nothing in them, for which the function is not called.
 *
 * A tile is empty when no voxel of its window, halo included, is above the level of emptiness; one that is NaN
 * keeps it.  The level is a number, or found: that at which the function cannot find anything, where it can tell
 * (a threshold); else a guess, Otsu's threshold of three samples of the image.
 *
 *     pw_skip_check(job)         the options
 *     pw_skip_find_level(job)    before pass 1; reads the samples
 *     pw_skip_is_empty(...)      of each loaded tile
 *
 * Threads: pw_skip_is_empty() from any.
 */
#ifndef PW_RUN_SKIP_EMPTY_H
#define PW_RUN_SKIP_EMPTY_H

#include "run/job.h"
#include "tile/loader.h"

/* Errors: PW_E_ARGUMENT. */
enum pw_status pw_skip_check(struct pw_job *job, struct pw_error *error);

/* Sets job->skip.  Nothing to do when no tile is to be skipped. */
enum pw_status pw_skip_find_level(struct pw_job *job, struct pw_error *error);

/* Bytes that pw_skip_find_level() takes while it runs. */
uint64_t pw_skip_memory_bytes(const struct pw_job *job);

/* Whether the tile that is loaded in slot is empty. */
int pw_skip_is_empty(const struct pw_job *job, const struct pw_slot *slot);

#endif
