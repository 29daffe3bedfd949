/*
 * run/reshape - whole objects in another shape: a new stage, made from what the old one and the id map say.
 *
 * Holes are filled and objects grown when tiles have been merged, because only then is known what an object is: the
 * result is that of doing it to the whole volume, whatever the tiles.  Tile by tile a step looks at final labels
 * of the core and of what is around it, as far as it needs, and answers with the core's new runs.  They become
 * records of a new stage, and labels of one object in several tiles are joined by edges that need no rule, as
 * merge/repaint does it; numbering then goes on as after touching, and sizes, filters and tables see the new shapes.
 *
 *     pw_job_choose_shape -> (plan: pw_reshape_memory_bytes) -> in pass 2, for each step: pw_reshape, pw_resolve
 *
 * Memory: reserved by each thread when it begins.  Threads: tiles are shared out among job->sizes.threads.
 */
#ifndef PW_RUN_RESHAPE_H
#define PW_RUN_RESHAPE_H

#include "run/job.h"

/* One way of changing shapes; each thread has a state of its own. */
struct pw_reshape_step {
    const char *what; /* for errors */
    /* Bytes of one thread. */
    uint64_t (*thread_bytes)(const struct pw_job *job);
    enum pw_status (*begin)(struct pw_job *job, void **state, struct pw_error *error);
    void (*end)(void *state); /* safe on NULL */
    /*
     * The runs of tile's core, in raster order, each with the number that the id map gives its object as its label.
     * out has room for a run at every voxel; its shape is set.
     */
    enum pw_status (*shape)(void *state, uint64_t tile, const struct pw_box *core, struct pw_runs *out,
                            struct pw_error *error);
};

extern const struct pw_reshape_step pw_fill_step;   /* run/fill_holes.c; job->holes are known */
extern const struct pw_reshape_step pw_dilate_step; /* run/dilate.c */

/* Reads what the options say of shapes into job->shape, checked.  In choose_shape.c. */
enum pw_status pw_job_choose_shape(struct pw_job *job, struct pw_error *error);

/* Whether any step is to be taken. */
int pw_job_reshapes(const struct pw_job *job);

/* Takes one step: job->stage and job->edges are then those of the new shapes, and job->map is released. */
enum pw_status pw_reshape(struct pw_job *job, const struct pw_reshape_step *step, struct pw_error *error);

/* The most bytes that steps need beside what sorting takes; 0 without any. */
uint64_t pw_reshape_memory_bytes(const struct pw_job *job);

#endif
