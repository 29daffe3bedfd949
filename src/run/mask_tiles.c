#include "run/mask_tiles.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/clip_runs.h"

enum pw_status pw_job_open_mask(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    if (options->mask == NULL)
        return PW_OK;
    if (options->in_place)
        return pw_fail(error, PW_E_ARGUMENT, "--mask: in place all labels are merged, or those outside would be lost");
    return pw_mask_open(&job->mask, options->mask, &job->volume, job->scratch_dir, error);
}

void pw_mask_describe(const struct pw_mask *mask, char *text, size_t capacity)
{
    const uint64_t *shape = mask->volume.shape;
    text[0] = '\0';
    if (mask->source != NULL)
        (void)snprintf(text, capacity, "%.180s, %llu x %llu x %llu voxels", mask->source->path,
                       (unsigned long long)shape[0], (unsigned long long)shape[1], (unsigned long long)shape[2]);
}

static uint64_t capacity(const struct pw_job *job, const uint64_t window[3])
{
    return pw_runs_capacity(window, job->segmenter.labels_may_touch);
}

static uint64_t rows_bytes(const uint64_t window[3])
{
    return pw_padded((window[0] * window[1] + 1) * sizeof(uint64_t));
}

static uint64_t scratch_bytes(const struct pw_job *job, const uint64_t window[3])
{
    uint64_t runs = capacity(job, window);
    return job->segmenter.components ? runs * sizeof(uint32_t) : pw_runs_number_scratch_bytes(runs);
}

static uint64_t runs_bytes(const struct pw_job *job, const uint64_t window[3])
{
    uint64_t runs = capacity(job, window);
    return rows_bytes(window) + pw_padded(runs * sizeof(struct pw_run)) + pw_padded(runs * sizeof(uint32_t)) +
           pw_padded(scratch_bytes(job, window));
}

uint64_t pw_tile_mask_bytes(const struct pw_job *job)
{
    uint64_t window[3];
    if (job->mask.source == NULL)
        return 0;
    pw_grid_window_max(&job->grid, window);
    return runs_bytes(job, window) + pw_mask_reader_bytes(&job->mask, window);
}

enum pw_status pw_tile_mask_init(struct pw_tile_mask *mask, const struct pw_job *job, struct pw_error *error)
{
    uint64_t window[3];
    mask->job = job;
    if (job->mask.source == NULL)
        return PW_OK;
    pw_grid_window_max(&job->grid, window);
    enum pw_status status = pw_buffer_init(&mask->memory, runs_bytes(job, window), "labels inside the mask", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = mask->memory.data;
    struct pw_runs *runs = &mask->clipped;
    runs->capacity = capacity(job, window);
    runs->row = (void *)at;
    at += rows_bytes(window);
    runs->run = (void *)at;
    at += pw_padded(runs->capacity * sizeof(struct pw_run));
    runs->label = (void *)at;
    mask->scratch = at + pw_padded(runs->capacity * sizeof(uint32_t));
    return pw_mask_reader_init(&mask->reader, &job->mask, window, error);
}

void pw_tile_mask_release(struct pw_tile_mask *mask)
{
    pw_mask_reader_release(&mask->reader);
    pw_buffer_release(&mask->memory);
}

static enum pw_status clip(struct pw_tile_mask *mask, const struct pw_runs *runs, struct pw_error *error)
{
    struct pw_runs *out = &mask->clipped;
    enum pw_status status = PW_OK;
    uint64_t r = 0;
    memcpy(out->shape, runs->shape, sizeof out->shape);
    out->n_runs = 0;
    for (uint64_t z = 0; z < runs->shape[0]; z++)
        for (uint64_t y = 0; y < runs->shape[1] && status == PW_OK; y++, r++) {
            uint64_t first = runs->row[r], n = runs->row[r + 1] - first;
            out->row[r] = out->n_runs;
            if (n > 0)
                status = pw_mask_reader_row(&mask->reader, z, y, error);
            if (n > 0 && status == PW_OK)
                out->n_runs += pw_clip_row(mask->reader.run, mask->reader.n_runs, runs->run + first,
                                           runs->label + first, n, out->run + out->n_runs, out->label + out->n_runs);
        }
    out->row[r] = out->n_runs;
    return status;
}

enum pw_status pw_tile_mask_apply(struct pw_tile_mask *mask, const struct pw_box *window, struct pw_runs **runs,
                                  struct pw_error *error)
{
    const struct pw_segmenter *segmenter = &mask->job->segmenter;
    if (mask->job->mask.source == NULL || (*runs)->n_runs == 0)
        return PW_OK;
    enum pw_status status = pw_mask_reader_begin(&mask->reader, window, error);
    if (status == PW_OK)
        status = clip(mask, *runs, error);
    if (status != PW_OK)
        return status;
    if (segmenter->components)
        pw_runs_split(&mask->clipped, segmenter->connectivity > 0 ? segmenter->connectivity : 1, mask->scratch);
    else
        pw_runs_number(&mask->clipped, mask->scratch);
    *runs = &mask->clipped;
    return PW_OK;
}
