/*
 * run/image_levels - the levels of an image that is written, one after the other: the first from any source, each smaller one
 * from the one before, as it was written.
 *
 * A unit of the output is a tile: tiles go through the ring of a run, and workers write them instead of segmenting them.
 *
 *     struct pw_level_job job = {.source = .., .volume = .., .output = .., .budget_bytes = .., .threads = .., .io = ..};
 *     pw_level_job_init(&job, error)
 *     pw_level_job_run(&job, 0, error), pw_level_job_run(&job, 1, error) ..
 *     pw_level_job_release(&job)
 *
 * Memory: at most budget_bytes; as many threads and tiles at a time as that holds.
 * Errors: PW_E_BUDGET with what would do, PW_E_CANCELLED, those of reading and writing.
 * Threads: called from one.
 */
#ifndef PW_RUN_IMAGE_LEVELS_H
#define PW_RUN_IMAGE_LEVELS_H

#include "base/memory.h"
#include "label/histogram.h"
#include "store/image_output.h"
#include "tile/grid.h"
#include "tile/volume.h"

enum pw_level_rule {
    PW_LEVELS_BY_MEAN = 0,
    PW_LEVELS_BY_MODE,   /* of labels */
    PW_LEVELS_BY_NEAREST /* likewise */
};

/* One worker's own. */
struct pw_level_worker {
    struct pw_image_writer *writer;
    struct pw_buffer dense; /* a window without gaps */
    struct pw_buffer small; /* a unit of a smaller level, and scratch */
    struct pw_range *range; /* of each channel, of level 0 */
};

struct pw_level_job {
    struct pw_source *source;
    struct pw_volume volume; /* all time points and channels of source */
    struct pw_image_output *output;
    enum pw_level_rule rule;
    uint64_t budget_bytes;
    unsigned threads;
    enum pw_io_engine io;
    pw_progress_fn progress;
    void *progress_user;

    uint64_t planned_bytes; /* the most of any level */
    uint64_t bytes_read;    /* of the source */

    struct pw_level_worker *worker;
    /* the level that is written, and what it is made of */
    int level;
    struct pw_source *from;
    struct pw_volume part; /* of from: some channels */
    struct pw_grid grid;
    uint64_t factor[3];
};

/* Has volume take all time points and channels of its source.  PW_E_UNSUPPORTED for too many channels. */
enum pw_status pw_level_volume_init(struct pw_volume *volume, struct pw_source *source, struct pw_error *error);

/* The axes of an output that has those of volume; whether with time and channels is the caller's to say. */
void pw_level_axes(const struct pw_volume *volume, struct pw_array_axes *axes);

enum pw_status pw_level_job_init(struct pw_level_job *job, struct pw_error *error);
enum pw_status pw_level_job_run(struct pw_level_job *job, int level, struct pw_error *error);
void pw_level_job_release(struct pw_level_job *job); /* safe when init failed */

#endif
