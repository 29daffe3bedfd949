/*
 * `given`: the image is labels already, made tile by tile by somebody else.  Voxels of one value that is not 0 are one
 * label of their tile, whether they are connected or not; the values of different tiles have nothing to do with each other.
 */
#include <string.h>

#include "base/error.h"
#include "label/value_runs.h"
#include "segment/segmenter.h"

/* Where a value's number in the tile is found.  Entries of another generation are of an earlier tile, and free. */
struct slot {
    uint64_t value;
    uint32_t number, generation;
};

/* Arena: this, the values and voxels of a row, then the slots. */
struct numbering {
    uint64_t n_slots; /* a power of two */
    uint32_t generation;
    struct slot *slot;
    uint64_t *value;
    unsigned char *row;
};

static uint64_t slots_for(const uint64_t shape[3])
{
    uint64_t n = 16;
    while (n < 2 * pw_runs_capacity(shape, 1))
        n *= 2;
    return n;
}

static uint64_t row_bytes(const uint64_t shape[3])
{
    return (shape[2] + 2) * sizeof(uint64_t);
}

static uint64_t given_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    (void)segmenter;
    return sizeof(struct numbering) + 2 * row_bytes(shape) + slots_for(shape) * sizeof(struct slot);
}

/* The numbering in the arena, ready for another tile; the arena begins zeroed. */
static struct numbering *begin_tile(struct pw_segment_worker *worker, const uint64_t shape[3])
{
    struct numbering *n = worker->arena.data;
    uint64_t slots = slots_for(shape);
    n->value = (void *)(n + 1);
    n->row = (unsigned char *)n->value + row_bytes(shape);
    n->slot = (void *)(n->row + row_bytes(shape));
    if (slots != n->n_slots || n->generation == UINT32_MAX) {
        memset(n->slot, 0, (size_t)slots * sizeof *n->slot);
        n->n_slots = slots;
        n->generation = 0;
    }
    n->generation++;
    return n;
}

static uint32_t number_of(struct numbering *n, uint64_t value, uint32_t *n_labels)
{
    /* Fibonacci hashing, as in label/runs.c. */
    uint64_t at = value * UINT64_C(0x9e3779b97f4a7c15) >> (64 - __builtin_ctzll(n->n_slots));
    while (n->slot[at].generation == n->generation && n->slot[at].value != value)
        at = (at + 1) & (n->n_slots - 1);
    if (n->slot[at].generation != n->generation)
        n->slot[at] = (struct slot){value, ++*n_labels, n->generation};
    return n->slot[at].number;
}

static int is_negative(enum pw_dtype dtype, uint64_t value)
{
    return (dtype == PW_I8 || dtype == PW_I16 || dtype == PW_I32 || dtype == PW_I64) && value >> 63 != 0;
}

/* The voxels of a row side by side. */
static const unsigned char *dense_row(const struct pw_tile *tile, uint64_t z, uint64_t y, size_t bytes,
                                      unsigned char *copy)
{
    const unsigned char *row =
        (const unsigned char *)tile->voxels + z * tile->stride_bytes[0] + y * tile->stride_bytes[1];
    if (tile->stride_bytes[2] == bytes)
        return row;
    for (uint64_t x = 0; x < tile->shape[2]; x++)
        memcpy(copy + x * bytes, row + x * tile->stride_bytes[2], bytes);
    return copy;
}

static enum pw_status given_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                    const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    struct numbering *n = begin_tile(worker, tile->shape);
    size_t bytes = pw_dtype_bytes(tile->dtype);
    uint32_t last_number = 0;
    uint64_t last_value = 0;
    memcpy(runs->shape, tile->shape, sizeof runs->shape);
    runs->n_runs = 0;
    runs->n_labels = 0;
    for (uint64_t r = 0; r < tile->shape[0] * tile->shape[1]; r++) {
        const unsigned char *row = dense_row(tile, r / tile->shape[1], r % tile->shape[1], bytes, n->row);
        runs->row[r] = runs->n_runs;
        uint64_t count = pw_value_runs(row, tile->dtype, tile->shape[2], runs->run + runs->n_runs, n->value);
        for (uint64_t i = 0; i < count; i++) {
            if (is_negative(tile->dtype, n->value[i]))
                return pw_fail(error, PW_E_SEGMENTER, "tile %llu at (%llu, %llu, %llu): the label %lld is negative",
                               (unsigned long long)tile->index, (unsigned long long)tile->origin[0],
                               (unsigned long long)tile->origin[1], (unsigned long long)tile->origin[2],
                               (long long)n->value[i]);
            if (n->value[i] != last_value) {
                last_value = n->value[i];
                last_number = number_of(n, last_value, &runs->n_labels);
            }
            runs->label[runs->n_runs++] = last_number;
        }
    }
    runs->row[tile->shape[0] * tile->shape[1]] = runs->n_runs;
    (void)segmenter;
    return PW_OK;
}

static int given_constant_is_empty(const struct pw_segmenter *segmenter, uint64_t bits)
{
    (void)segmenter;
    return bits == 0;
}

const struct pw_segment_ops pw_given_segment_ops = {
    .arena_bytes = given_arena_bytes,
    .segment = given_segment,
    .constant_is_empty = given_constant_is_empty,
};
