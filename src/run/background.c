#include "run/background.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "label/components.h"
#include "label/threshold.h"

static void window_shape(const struct pw_job *job, uint64_t window[3])
{
    for (int i = 0; i < 3; i++)
        window[i] = pw_min_u64(job->grid.tile[i] + 2, job->grid.volume[i]);
}

static uint64_t bits_bytes(const uint64_t tile[3])
{
    return pw_padded(tile[0] * tile[1] * pw_bit_words(tile[2]) * sizeof(uint64_t));
}

static uint64_t arrays_bytes(const uint64_t tile[3])
{
    uint64_t runs = pw_runs_capacity(tile, 0);
    return bits_bytes(tile) + pw_padded(pw_components_scratch_bytes(tile)) + pw_padded(runs * sizeof(struct pw_run)) +
           pw_padded(runs * sizeof(uint32_t)) + pw_padded((tile[0] * tile[1] + 2) * sizeof(uint64_t));
}

uint64_t pw_background_bytes(const struct pw_job *job)
{
    uint64_t window[3];
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    window_shape(job, window);
    return arrays_bytes(job->grid.tile) + pw_puller_memory_bytes(&limits, window);
}

enum pw_status pw_background_init(struct pw_background *background, struct pw_job *job, struct pw_error *error)
{
    const uint64_t *tile = job->grid.tile;
    uint64_t window[3], runs = pw_runs_capacity(tile, 0);
    struct pw_record_limits limits;
    memset(background, 0, sizeof *background);
    background->job = job;
    enum pw_status status = pw_buffer_init(&background->memory, arrays_bytes(tile), "background regions", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = background->memory.data;
    background->bits = (void *)at;
    at += bits_bytes(tile);
    background->scratch = at;
    at += pw_padded(pw_components_scratch_bytes(tile));
    background->regions.run = (void *)at;
    at += pw_padded(runs * sizeof(struct pw_run));
    background->regions.label = (void *)at;
    at += pw_padded(runs * sizeof(uint32_t));
    background->regions.row = (void *)at;
    background->regions.capacity = runs;
    pw_job_record_limits(job, &limits);
    window_shape(job, window);
    return pw_puller_init(&background->puller, &job->grid, &job->stage, &job->map, &limits, window, error);
}

void pw_background_release(struct pw_background *background)
{
    pw_puller_release(&background->puller);
    pw_buffer_release(&background->memory);
}

static void set_bits(uint64_t *row, uint64_t width)
{
    memset(row, 0xff, (size_t)(width / 64) * sizeof *row);
    if (width % 64 != 0)
        row[width / 64] = (UINT64_C(1) << width % 64) - 1;
}

static void clear_bits(uint64_t *row, uint64_t start, uint64_t end)
{
    while (start < end) {
        uint64_t bit = start % 64, n = pw_min_u64(64 - bit, end - start);
        row[start / 64] &= ~((n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << bit);
        start += n;
    }
}

/* The bits of a row of the core that no object has. */
static void free_bits(const struct pw_background *b, uint64_t z, uint64_t y, uint64_t *bits)
{
    uint64_t left = b->core.start[2] - b->window.start[2], width = b->core.shape[2];
    uint64_t r =
        (z + b->core.start[0] - b->window.start[0]) * b->window.shape[1] + y + b->core.start[1] - b->window.start[1];
    set_bits(bits, width);
    for (uint64_t i = b->objects.row[r]; i < b->objects.row[r + 1]; i++) {
        uint64_t start = pw_max_u64(b->objects.run[i].start, left), end = b->objects.run[i].end;
        if (end > left)
            clear_bits(bits, start - left, pw_min_u64(end - left, width));
    }
}

enum pw_status pw_background_look(struct pw_background *background, const struct pw_box *core, struct pw_error *error)
{
    struct pw_background *b = background;
    uint64_t words = pw_bit_words(core->shape[2]);
    struct pw_box part = pw_grid_part_at(&b->job->grid, core->start[0]);
    b->core = *core;
    for (int i = 0; i < 3; i++) {
        uint64_t end = core->start[i] + core->shape[i];
        b->window.start[i] = core->start[i] - (core->start[i] > part.start[i]);
        b->window.shape[i] = pw_min_u64(end + 1, part.start[i] + part.shape[i]) - b->window.start[i];
    }
    enum pw_status status = pw_puller_pull(&b->puller, &b->window, &b->objects, error);
    if (status != PW_OK)
        return status;
    for (uint64_t r = 0; r < core->shape[0] * core->shape[1]; r++)
        free_bits(b, r / core->shape[1], r % core->shape[1], b->bits + r * words);
    pw_components_of_bits(b->bits, core->shape, 1, b->scratch, &b->regions);
    return PW_OK;
}
