/*
 * run/background - the background of a core as connected regions: faces only, as runs.
 *
 * What is left of each row between the runs of objects is background, and each such gap is one run of it, in the same order.
 * Used while whole objects are reshaped (run/reshape.h): job->stage and job->map are complete.
 *
 * Memory: reserved at init.  Threads: one belongs to one thread.
 */
#ifndef PW_RUN_BACKGROUND_H
#define PW_RUN_BACKGROUND_H

#include "output/puller.h"
#include "run/job.h"

struct pw_background {
    struct pw_job *job;
    struct pw_puller puller;
    struct pw_buffer memory;
    uint64_t *bits;
    void *scratch;

    /* of the core that was looked at last */
    struct pw_box core, window;    /* the window is the core and a voxel around it, cut off where there are no tiles */
    struct pw_label_block objects; /* of the window */
    struct pw_runs regions;        /* of the core; labels 1..n_labels */
};

uint64_t pw_background_bytes(const struct pw_job *job);
enum pw_status pw_background_init(struct pw_background *background, struct pw_job *job, struct pw_error *error);
void pw_background_release(struct pw_background *background); /* safe on a zeroed one */

enum pw_status pw_background_look(struct pw_background *background, const struct pw_box *core, struct pw_error *error);

#endif
