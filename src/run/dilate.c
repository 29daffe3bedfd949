/* --dilate: a step of run/reshape that grows objects into the background (label/expand.h). */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "output/puller.h"
#include "run/reshape.h"

/* A core is worked on in pieces of about so many voxels: a few planes, or rows of one plane. */
#define PIECE_VOXELS ((uint64_t)256 << 10)

/* One thread. */
struct dilation {
    struct pw_job *job;
    struct pw_puller puller;
    struct pw_buffer memory;
    double *window, *grown;
    void *scratch;
};

/* ---- sizes ------------------------------------------------------------- */

/*
 * Pieces of a core: planes while they fit, else rows of one plane, so that pieces come in raster order.  At least as thick
 * as what is read around them, or most of the reading would be for that.
 */
static void piece_shape(const struct pw_job *job, uint64_t piece[3])
{
    const uint64_t *tile = job->grid.tile, *radius = job->shape.radius;
    uint64_t plane = tile[1] * tile[2];
    memcpy(piece, tile, 3 * sizeof *piece);
    if (plane <= PIECE_VOXELS) {
        piece[0] = pw_min_u64(tile[0], pw_max_u64(PIECE_VOXELS / plane, 2 * radius[0] + 1));
    } else {
        piece[0] = 1;
        piece[1] = pw_min_u64(tile[1], pw_max_u64(PIECE_VOXELS / tile[2], 2 * radius[1] + 1));
    }
}

static void window_shape(const struct pw_job *job, const uint64_t piece[3], uint64_t window[3])
{
    for (int i = 0; i < 3; i++)
        window[i] = pw_min_u64(piece[i] + 2 * job->shape.radius[i], job->grid.volume[i]);
}

static uint64_t voxels_of(const uint64_t shape[3])
{
    return shape[0] * shape[1] * shape[2];
}

static uint64_t arrays_bytes(const uint64_t window[3], const uint64_t piece[3])
{
    return (voxels_of(window) + voxels_of(piece)) * sizeof(double) + pw_expand_scratch_bytes(window, piece);
}

static uint64_t thread_bytes(const struct pw_job *job)
{
    uint64_t piece[3], window[3];
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    piece_shape(job, piece);
    window_shape(job, piece, window);
    return sizeof(struct dilation) + arrays_bytes(window, piece) + pw_puller_memory_bytes(&limits, window);
}

static enum pw_status begin(struct pw_job *job, void **state, struct pw_error *error)
{
    uint64_t piece[3], window[3];
    struct pw_record_limits limits;
    struct dilation *d = *state = pw_alloc(1, sizeof *d, error);
    if (d == NULL)
        return PW_E_NOMEM;
    d->job = job;
    pw_job_record_limits(job, &limits);
    piece_shape(job, piece);
    window_shape(job, piece, window);
    enum pw_status status = pw_buffer_init(&d->memory, arrays_bytes(window, piece), "grown labels", error);
    if (status != PW_OK)
        return status;
    d->window = d->memory.data;
    d->grown = d->window + voxels_of(window);
    d->scratch = d->grown + voxels_of(piece);
    return pw_puller_init(&d->puller, &job->grid, &job->stage, &job->map, &limits, window, error);
}

static void end(void *state)
{
    struct dilation *d = state;
    if (d == NULL)
        return;
    pw_puller_release(&d->puller);
    pw_buffer_release(&d->memory);
    free(d);
}

/* ---- a piece of a core ------------------------------------------------- */

static void paint(const struct pw_label_block *block, double *out)
{
    uint64_t rows = block->shape[0] * block->shape[1];
    for (uint64_t i = 0; i < rows * block->shape[2]; i++)
        out[i] = PW_EXPAND_BACKGROUND;
    for (uint64_t r = 0; r < rows; r++, out += block->shape[2])
        for (uint64_t i = block->row[r]; i < block->row[r + 1]; i++)
            for (uint64_t x = block->run[i].start; x < block->run[i].end; x++)
                out[x] = (double)block->value[i];
}

/* Appends the runs of rows rows of width. */
static void cut_rows(const double *label, uint64_t rows, uint64_t width, struct pw_runs *out, uint64_t first_row)
{
    for (uint64_t r = 0; r < rows; r++, label += width) {
        out->row[first_row + r] = out->n_runs;
        for (uint64_t x = 0; x < width;) {
            uint64_t from = x;
            while (x < width && label[x] == label[from])
                x++;
            if (label[from] < PW_EXPAND_BACKGROUND) {
                out->run[out->n_runs] = (struct pw_run){(uint32_t)from, (uint32_t)x};
                out->label[out->n_runs++] = (uint32_t)label[from];
            }
        }
    }
    out->row[first_row + rows] = out->n_runs;
}

static enum pw_status grow_piece(struct dilation *d, const struct pw_box *piece, uint64_t first_row,
                                 struct pw_runs *out, struct pw_error *error)
{
    const struct pw_expand *expand = &d->job->shape;
    struct pw_label_block block;
    struct pw_box window, part = pw_grid_part_at(&d->job->grid, piece->start[0]);
    uint64_t start[3];
    for (int i = 0; i < 3; i++) {
        uint64_t after = piece->start[i] + piece->shape[i];
        start[i] = pw_min_u64(expand->radius[i], piece->start[i] - part.start[i]);
        window.start[i] = piece->start[i] - start[i];
        window.shape[i] = pw_min_u64(after + expand->radius[i], part.start[i] + part.shape[i]) - window.start[i];
    }
    enum pw_status status = pw_puller_pull(&d->puller, &window, &block, error);
    if (status != PW_OK)
        return status;
    paint(&block, d->window);
    pw_expand_labels(expand, d->window, window.shape, start, piece->shape, d->scratch, d->grown);
    cut_rows(d->grown, piece->shape[0] * piece->shape[1], piece->shape[2], out, first_row);
    return PW_OK;
}

static enum pw_status shape(void *state, uint64_t tile, const struct pw_box *core, struct pw_runs *out,
                            struct pw_error *error)
{
    struct dilation *d = state;
    uint64_t step[3], z, y;
    enum pw_status status = PW_OK;
    (void)tile;
    piece_shape(d->job, step);
    out->n_runs = 0;
    for (z = 0; z < core->shape[0]; z += step[0])
        for (y = 0; y < core->shape[1] && status == PW_OK; y += step[1]) {
            struct pw_box piece = {.start = {core->start[0] + z, core->start[1] + y, core->start[2]},
                                   .shape = {pw_min_u64(step[0], core->shape[0] - z),
                                             pw_min_u64(step[1], core->shape[1] - y), core->shape[2]}};
            status = grow_piece(d, &piece, z * core->shape[1] + y, out, error);
        }
    return status;
}

const struct pw_reshape_step pw_dilate_step = {
    .what = "--dilate",
    .thread_bytes = thread_bytes,
    .begin = begin,
    .end = end,
    .shape = shape,
};
