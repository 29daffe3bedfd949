#include "run/mask_tiles.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- tiles outside ------------------------------------------------------------ */

struct search {
    struct pw_job *job;
    const struct pw_tile_set *tiles;
    pw_take_outside_fn take;
    void *context;
    struct pw_mask_reader *reader; /* of each thread */
    struct pw_counters counters;
    pthread_mutex_t lock;
    uint64_t next;         /* under lock, as all below */
    enum pw_status status; /* the first failure, and */
    struct pw_error error; /*    why */
};

static void fail(struct search *search, enum pw_status status, const struct pw_error *error)
{
    if (search->status == PW_OK) {
        search->status = status;
        search->error = *error;
    }
}

/* With the lock held: what came of the last tile, and which is next; n_tiles when there is none. */
static uint64_t take_next(struct search *search)
{
    uint64_t n = search->job->grid.n_tiles;
    if (search->status != PW_OK || atomic_load(&search->counters.cancel) || search->next >= n)
        return n;
    uint64_t tile = pw_tile_set_next(search->tiles, search->next);
    search->next = tile + 1;
    return pw_min_u64(tile, n);
}

static void look(void *context, unsigned member)
{
    struct search *search = context;
    struct pw_job *job = search->job;
    (void)pthread_mutex_lock(&search->lock);
    for (uint64_t tile; (tile = take_next(search)) < job->grid.n_tiles;) {
        struct pw_box core = pw_grid_core(&job->grid, tile);
        unsigned char record[PW_RECORD_HEADER_BYTES];
        struct pw_error error = {0};
        int inside = 1;
        (void)pthread_mutex_unlock(&search->lock);
        enum pw_status status = pw_mask_reader_begin(&search->reader[member], &core, &error);
        if (status == PW_OK)
            status = pw_mask_reader_any(&search->reader[member], &inside, &error);
        atomic_fetch_add(&search->counters.done, 1);
        (void)pthread_mutex_lock(&search->lock);
        if (status == PW_OK && !inside) {
            (void)pw_job_encode_empty(job, tile, PW_RECORD_OUTSIDE, record);
            status = search->take(search->context, record, tile, &error);
        }
        if (status != PW_OK)
            fail(search, status, &error);
    }
    (void)pthread_mutex_unlock(&search->lock);
}

uint64_t pw_mask_search_bytes(const struct pw_job *job)
{
    if (job->mask.source == NULL)
        return 0;
    return job->sizes.threads * (sizeof(struct pw_mask_reader) + pw_mask_reader_bytes(&job->mask, job->grid.tile));
}

static enum pw_status run_search(struct search *search, struct pw_error *error)
{
    struct pw_job *job = search->job;
    unsigned threads = job->sizes.threads;
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_MEASURE,
                             search->tiles->n_left};
    enum pw_status status = PW_OK;
    for (unsigned i = 0; i < threads && status == PW_OK; i++)
        status = pw_mask_reader_init(&search->reader[i], &job->mask, job->grid.tile, error);
    if (status == PW_OK)
        status = pw_crew_run(threads, look, search, &search->counters, &watch, error);
    if (status == PW_OK && search->status != PW_OK) {
        *error = search->error;
        status = search->status;
    }
    if (status == PW_OK && atomic_load(&search->counters.cancel))
        status = pw_fail(error, PW_E_CANCELLED, "stopped");
    return status;
}

enum pw_status pw_mask_find_outside(struct pw_job *job, const struct pw_tile_set *tiles, pw_take_outside_fn take,
                                    void *context, struct pw_error *error)
{
    struct search search = {.job = job, .tiles = tiles, .take = take, .context = context};
    if (job->mask.source == NULL)
        return PW_OK;
    enum pw_status status = pw_mask_prepare(&job->mask, error);
    if (status != PW_OK)
        return status;
    search.reader = pw_alloc(job->sizes.threads, sizeof *search.reader, error);
    if (search.reader == NULL)
        return PW_E_NOMEM;
    (void)pthread_mutex_init(&search.lock, NULL);
    status = run_search(&search, error);
    for (unsigned i = 0; i < job->sizes.threads; i++)
        pw_mask_reader_release(&search.reader[i]);
    (void)pthread_mutex_destroy(&search.lock);
    free(search.reader);
    return status;
}

/* ---- labels outside ------------------------------------------------------------- */

static uint64_t padded(uint64_t bytes)
{
    return pw_ceil_div(bytes, 64) * 64;
}

static uint64_t capacity(const struct pw_job *job, const uint64_t window[3])
{
    return pw_runs_capacity(window, job->segmenter.labels_may_touch);
}

static uint64_t rows_bytes(const uint64_t window[3])
{
    return padded((window[0] * window[1] + 1) * sizeof(uint64_t));
}

static uint64_t scratch_bytes(const struct pw_job *job, const uint64_t window[3])
{
    uint64_t runs = capacity(job, window);
    return job->segmenter.components ? runs * sizeof(uint32_t) : pw_runs_number_scratch_bytes(runs);
}

static uint64_t runs_bytes(const struct pw_job *job, const uint64_t window[3])
{
    uint64_t runs = capacity(job, window);
    return rows_bytes(window) + padded(runs * sizeof(struct pw_run)) + padded(runs * sizeof(uint32_t)) +
           padded(scratch_bytes(job, window));
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
    at += padded(runs->capacity * sizeof(struct pw_run));
    runs->label = (void *)at;
    mask->scratch = at + padded(runs->capacity * sizeof(uint32_t));
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
