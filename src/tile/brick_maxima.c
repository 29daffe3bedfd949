#include "tile/brick_maxima.h"

#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "label/histogram.h"
#include "label/threshold.h"

/* 1.5 MiB of memory, and of a volume of a TiB bricks of about 16 MiB. */
#define BRICKS_MAX ((uint64_t)1 << 16)

/* Doubled axis by axis until there are few enough. */
enum {
    LEAST_Z = 16,
    LEAST_YX = 32
};

static void find_shape(const struct pw_volume *volume, struct pw_bricks *b)
{
    static const uint64_t least[3] = {LEAST_Z, LEAST_YX, LEAST_YX};
    memcpy(b->shape, volume->shape, sizeof b->shape);
    memcpy(b->extent, least, sizeof b->extent);
    b->dtype = volume->source->info.dtype;
    b->times = volume->times;
    b->channels = volume->n_channels;
    for (int next = 0;; next = (next + 1) % 3) {
        b->n = b->times * b->channels;
        for (int i = 0; i < 3; i++) {
            b->count[i] = pw_ceil_div(b->shape[i], b->extent[i]);
            b->n *= b->count[i];
        }
        if (b->n <= BRICKS_MAX || (b->count[0] == 1 && b->count[1] == 1 && b->count[2] == 1))
            return;
        b->extent[next] *= 2;
    }
}

uint64_t pw_bricks_memory_bytes(const struct pw_volume *volume)
{
    struct pw_bricks b;
    find_shape(volume, &b);
    return b.n * sizeof(struct pw_brick);
}

enum pw_status pw_bricks_init(struct pw_bricks *bricks, const struct pw_volume *volume, struct pw_error *error)
{
    memset(bricks, 0, sizeof *bricks);
    find_shape(volume, bricks);
    enum pw_status status = pw_buffer_init(&bricks->memory, bricks->n * sizeof(struct pw_brick), "maxima", error);
    bricks->brick = bricks->memory.data;
    bricks->has_lock = status == PW_OK && pthread_mutex_init(&bricks->lock, NULL) == 0;
    return status;
}

void pw_bricks_release(struct pw_bricks *bricks)
{
    if (bricks->has_lock)
        (void)pthread_mutex_destroy(&bricks->lock);
    pw_buffer_release(&bricks->memory);
    memset(bricks, 0, sizeof *bricks);
}

/* ---- which bricks ------------------------------------------------------------------ */

static uint64_t per_time(const struct pw_bricks *b)
{
    return b->count[0] * b->count[1] * b->count[2];
}

/* The brick at position of a time point, as a box of the stack. */
static struct pw_box box_of(const struct pw_bricks *b, uint64_t time, const uint64_t position[3])
{
    struct pw_box box;
    for (int i = 0; i < 3; i++) {
        box.start[i] = position[i] * b->extent[i];
        box.shape[i] = pw_min_u64(b->extent[i], b->shape[i] - box.start[i]);
    }
    box.start[0] += time * b->shape[0];
    return box;
}

static uint64_t number_of(const struct pw_bricks *b, uint64_t channel, uint64_t time, const uint64_t position[3])
{
    uint64_t in_time = (position[0] * b->count[1] + position[1]) * b->count[2] + position[2];
    return (channel * b->times + time) * per_time(b) + in_time;
}

uint64_t pw_brick_voxels(const struct pw_bricks *bricks, uint64_t i)
{
    uint64_t rest = i % per_time(bricks), position[3];
    position[2] = rest % bricks->count[2];
    position[1] = rest / bricks->count[2] % bricks->count[1];
    position[0] = rest / bricks->count[2] / bricks->count[1];
    struct pw_box box = box_of(bricks, 0, position);
    return pw_box_voxels(&box);
}

uint64_t pw_bricks_known(const struct pw_bricks *bricks)
{
    uint64_t known = 0;
    for (uint64_t i = 0; i < bricks->n; i++)
        known += bricks->brick[i].seen == pw_brick_voxels(bricks, i);
    return known;
}

/* Bricks that box of the stack, which is in one time point, lies in: first and last along each axis. */
struct span {
    uint64_t time, first[3], last[3];
};

static struct span span_of(const struct pw_bricks *b, const struct pw_box *box)
{
    struct span span = {.time = box->start[0] / b->shape[0]};
    for (int i = 0; i < 3; i++) {
        uint64_t start = i == 0 ? box->start[0] % b->shape[0] : box->start[i];
        span.first[i] = start / b->extent[i];
        span.last[i] = (start + box->shape[i] - 1) / b->extent[i];
    }
    return span;
}

/* Moves position on within the span; returns 0 behind the last. */
static int next_in(const struct span *span, uint64_t position[3])
{
    for (int i = 2; i >= 0; i--) {
        if (position[i]++ < span->last[i])
            return 1;
        position[i] = span->first[i];
    }
    return 0;
}

/* ---- voxels ------------------------------------------------------------------------- */

static void measure(const struct pw_bricks *b, const struct pw_box *box, const struct pw_box *part, const void *voxels,
                    const size_t stride_bytes[3], struct pw_range *range)
{
    const char *at = voxels;
    memset(range, 0, sizeof *range);
    for (int i = 0; i < 3; i++)
        at += (part->start[i] - box->start[i]) * stride_bytes[i];
    for (uint64_t z = 0; z < part->shape[0]; z++)
        pw_range_add(range, b->dtype, at + z * stride_bytes[0], stride_bytes[1], part->shape[1], part->shape[2]);
}

static void merge(const struct pw_bricks *b, struct pw_brick *brick, const struct pw_range *range, uint64_t voxels)
{
    int first = brick->seen == 0;
    brick->seen += voxels;
    brick->has_nan |= range->has_nan != 0;
    if (pw_dtype_is_float(b->dtype)) {
        double greatest = range->seen ? range->max_f : -__builtin_inf();
        brick->greatest.f = first || greatest > brick->greatest.f ? greatest : brick->greatest.f;
    } else if (pw_dtype_is_signed(b->dtype)) {
        brick->greatest.i = first || range->max_i > brick->greatest.i ? range->max_i : brick->greatest.i;
    } else {
        brick->greatest.u = first || range->max_u > brick->greatest.u ? range->max_u : brick->greatest.u;
    }
}

void pw_bricks_add(struct pw_bricks *bricks, uint32_t channel, const struct pw_box *box, const void *voxels,
                   const size_t stride_bytes[3])
{
    struct span span = span_of(bricks, box);
    uint64_t position[3];
    memcpy(position, span.first, sizeof position);
    do {
        uint64_t number = number_of(bricks, channel, span.time, position);
        struct pw_box whole = box_of(bricks, span.time, position), part = pw_box_intersect(&whole, box);
        struct pw_range range;
        (void)pthread_mutex_lock(&bricks->lock);
        int is_known = bricks->brick[number].seen == pw_box_voxels(&whole);
        (void)pthread_mutex_unlock(&bricks->lock);
        if (is_known) /* from another run */
            continue;
        measure(bricks, box, &part, voxels, stride_bytes, &range);
        (void)pthread_mutex_lock(&bricks->lock);
        merge(bricks, &bricks->brick[number], &range, pw_box_voxels(&part));
        (void)pthread_mutex_unlock(&bricks->lock);
    } while (next_in(&span, position));
}

/* Exact: an integer is compared with a level of type double by value. */
static int is_below(const struct pw_bricks *b, const struct pw_brick *brick, double level)
{
    struct pw_threshold threshold;
    if (brick->has_nan)
        return 0;
    if (pw_dtype_is_float(b->dtype))
        return !(brick->greatest.f > level);
    uint64_t bits = 0;
    pw_threshold_init(&threshold, pw_dtype_is_signed(b->dtype) ? PW_I64 : PW_U64, level);
    pw_threshold_rows(&threshold, &brick->greatest.bits, 0, 1, 1, &bits);
    return bits == 0;
}

int pw_bricks_are_below(const struct pw_bricks *bricks, const struct pw_box *box, double level)
{
    struct span span = span_of(bricks, box);
    for (uint64_t channel = 0; channel < bricks->channels; channel++) {
        uint64_t position[3];
        memcpy(position, span.first, sizeof position);
        do {
            uint64_t number = number_of(bricks, channel, span.time, position);
            const struct pw_brick *brick = &bricks->brick[number];
            if (brick->seen != pw_brick_voxels(bricks, number) || !is_below(bricks, brick, level))
                return 0;
        } while (next_in(&span, position));
    }
    return 1;
}
