/* --fill-holes: a step of run/reshape that gives an object the holes in it (run/holes.h). */
#include <stdlib.h>

#include "base/memory.h"
#include "run/background.h"
#include "run/holes.h"
#include "run/reshape.h"

/* One thread. */
struct filling {
    struct pw_background background;
    uint64_t *owner; /* of each region of the core */
};

static uint64_t thread_bytes(const struct pw_job *job)
{
    return sizeof(struct filling) + pw_runs_capacity(job->grid.tile, 0) * sizeof(uint64_t) + pw_background_bytes(job);
}

static enum pw_status begin(struct pw_job *job, void **state, struct pw_error *error)
{
    struct filling *f = *state = pw_alloc(1, sizeof *f, error);
    if (f == NULL)
        return PW_E_NOMEM;
    f->owner = pw_alloc(pw_runs_capacity(job->grid.tile, 0), sizeof *f->owner, error);
    return f->owner != NULL ? pw_background_init(&f->background, job, error) : PW_E_NOMEM;
}

static void end(void *state)
{
    struct filling *f = state;
    if (f == NULL)
        return;
    pw_background_release(&f->background);
    free(f->owner);
    free(f);
}

/* Appends a run, to the one before when that is of the same object and ends where it starts. */
static void append(struct pw_runs *out, uint64_t row_start, uint32_t start, uint32_t end_x, uint64_t object)
{
    uint64_t last = out->n_runs - 1;
    if (out->n_runs > row_start && out->run[last].end == start && out->label[last] == object) {
        out->run[last].end = end_x;
        return;
    }
    out->run[out->n_runs] = (struct pw_run){start, end_x};
    out->label[out->n_runs++] = (uint32_t)object;
}

/* A row of the core: runs of objects, cut to it, and of regions that have an owner, from left to right. */
static void fill_row(const struct filling *f, uint64_t core_row, struct pw_runs *out)
{
    const struct pw_background *b = &f->background;
    uint64_t left = b->core.start[2] - b->window.start[2], row_start = out->n_runs;
    uint64_t z = core_row / b->core.shape[1] + b->core.start[0] - b->window.start[0];
    uint64_t y = core_row % b->core.shape[1] + b->core.start[1] - b->window.start[1];
    uint64_t r = z * b->window.shape[1] + y, region = b->regions.row[core_row];
    out->row[core_row] = row_start;
    for (uint64_t x = 0, i = b->objects.row[r]; x < b->core.shape[2];) {
        while (i < b->objects.row[r + 1] && b->objects.run[i].end <= x + left)
            i++;
        int is_object = i < b->objects.row[r + 1] && b->objects.run[i].start <= x + left;
        uint64_t stop = is_object ? b->objects.run[i].end - left : b->regions.run[region].end;
        stop = stop < b->core.shape[2] ? stop : b->core.shape[2];
        uint64_t object = is_object ? b->objects.value[i] : f->owner[b->regions.label[region++] - 1];
        if (object != 0)
            append(out, row_start, (uint32_t)x, (uint32_t)stop, object);
        x = stop;
    }
}

static enum pw_status shape(void *state, uint64_t tile, const struct pw_box *core, struct pw_runs *out,
                            struct pw_error *error)
{
    struct filling *f = state;
    uint64_t rows = core->shape[0] * core->shape[1];
    enum pw_status status = pw_background_look(&f->background, core, error);
    if (status == PW_OK)
        status = pw_holes_read(f->background.job->holes, tile, f->owner, f->background.regions.n_labels, error);
    if (status != PW_OK)
        return status;
    out->n_runs = 0;
    for (uint64_t r = 0; r < rows; r++)
        fill_row(f, r, out);
    out->row[rows] = out->n_runs;
    return PW_OK;
}

const struct pw_reshape_step pw_fill_step = {
    .what = "--fill-holes",
    .thread_bytes = thread_bytes,
    .begin = begin,
    .end = end,
    .shape = shape,
};
