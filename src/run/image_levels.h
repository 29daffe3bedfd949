/*
 * run/image_levels - the levels of an image that is written, in passes.
 *
 * A pass reads one level: at first any source, later the last level that was written.  Units of the output are tiles: tiles go
 * through the ring of a run, and workers write them instead of segmenting them.  Where a tile is made of whole units of two
 * levels, or can be made so large, the second is made of the voxels of the first while they are there; and so on with a third.
 * Nearly all of the work is then done in the first pass, which makes level 0 (or reads it, when it is there) and level 1.
 * That all levels be made in one pass would take tiles in an order in which blocks of tiles are whole soon, and that is not
 * the order in which a source's planes are decoded once.
 *
 *     struct pw_level_job job = {.source = .., .volume = .., .output = .., .budget_bytes = .., .threads = .., .io = ..};
 *     pw_level_job_init(&job, error)
 *     pw_level_job_run(&job, 0, error)
 *     pw_level_job_release(&job)
 *
 * Memory: at most budget_bytes; as many threads and tiles at a time as that holds.
 * Errors: PW_E_BUDGET with what would do, PW_E_CANCELLED, those of reading and writing.
 * Threads: called from one.
 */
#ifndef PW_RUN_IMAGE_LEVELS_H
#define PW_RUN_IMAGE_LEVELS_H

#include "base/memory.h"
#include "label/distinct.h"
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
    struct pw_buffer dense; /* of a tile that is not stored */
    struct pw_buffer small; /* a tile on each smaller level, and scratch */
    struct pw_range *range; /* of each channel, of level 0 */
};

struct pw_level_job {
    struct pw_source *source;
    struct pw_volume volume; /* all time points and channels of source */
    struct pw_image_output *output;
    enum pw_level_rule rule;
    int counts_labels;
    uint64_t budget_bytes;
    unsigned threads;
    enum pw_io_engine io;
    pw_progress_fn progress;
    void *progress_user;

    uint64_t planned_bytes; /* the most of any pass */
    uint64_t bytes_read;    /* of the source */

    struct pw_level_worker *worker;
    struct pw_distinct *labels;        /* of each level, where they are counted */
    uint64_t factor[PW_MAX_LEVELS][3]; /* from the level before; of level 0: 1 */
    /* the pass that runs */
    int first, n_made; /* levels */
    struct pw_source *from;
    struct pw_volume part; /* of from: some channels */
    struct pw_grid grid;
};

/* Has volume take all time points and channels of its source.  PW_E_UNSUPPORTED for too many channels. */
enum pw_status pw_level_volume_init(struct pw_volume *volume, struct pw_source *source, struct pw_error *error);

/* The axes of an output that has those of volume; whether with time and channels is the caller's to say. */
void pw_level_axes(const struct pw_volume *volume, struct pw_array_axes *axes);

enum pw_status pw_level_job_init(struct pw_level_job *job, struct pw_error *error);

/* Makes the levels from first on, which is 0, or 1 where level 0 is there. */
enum pw_status pw_level_job_run(struct pw_level_job *job, int first, struct pw_error *error);
void pw_level_job_release(struct pw_level_job *job); /* safe when init failed */

#endif
