/*
 * `given`: the image is labels already, made tile by tile by somebody else; or a list of such tiles, each in a store of
 * its own with its halo (store/tiles_source.h).  Voxels of one value that is not 0 are one
 * label of their tile, whether they are connected or not; the values of different tiles have nothing to do with each other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "label/value_runs.h"
#include "segment/segmenter.h"
#include "store/tiles_source.h"

/* Where a value's number in the tile is found.  Entries of another generation are of an earlier tile, and free. */
struct slot {
    uint64_t value;
    uint32_t number, generation;
};

/* Arena: this and the slots; at its end the values and voxels of a row, and for listed tiles the voxels of a window. */
struct numbering {
    uint64_t n_slots; /* a power of two */
    uint32_t generation;
    struct slot *slot;
    uint64_t *value;
    unsigned char *row;
    unsigned char *voxels;
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

/* Of a listed tile, of the widest type. */
static uint64_t voxel_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return segmenter->tiles != NULL ? shape[0] * shape[1] * shape[2] * sizeof(uint64_t) : 0;
}

static uint64_t given_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return sizeof(struct numbering) + 2 * row_bytes(shape) + slots_for(shape) * sizeof(struct slot) +
           voxel_bytes(segmenter, shape) + 16;
}

/*
 * The numbering in the arena, ready for another tile; the arena begins zeroed.  Slots begin at one place whatever the
 * tile, so that those of earlier tiles are told by their generation; the rest is taken from the end.
 */
static struct numbering *begin_tile(const struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                    const uint64_t shape[3])
{
    struct numbering *n = worker->arena.data;
    unsigned char *end = (unsigned char *)worker->arena.data + worker->arena.bytes / 16 * 16;
    n->slot = (void *)(n + 1);
    n->n_slots = slots_for(shape);
    n->voxels = end - voxel_bytes(segmenter, shape);
    n->row = n->voxels - row_bytes(shape);
    n->value = (void *)(n->row - row_bytes(shape));
    if (n->generation == UINT32_MAX) {
        memset(n->slot, 0, (size_t)((unsigned char *)n->value - (unsigned char *)n->slot));
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

/* The equal values of tile as runs, numbered as they come. */
static enum pw_status number_tile(struct numbering *n, const struct pw_tile *tile, struct pw_runs *runs,
                                  struct pw_error *error)
{
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
    return PW_OK;
}

/* ---- listed tiles ------------------------------------------------------ */

enum pw_status pw_given_open_tiles(struct pw_segmenter *segmenter, const char *path, struct pw_error *error)
{
    segmenter->tiles = calloc(1, sizeof *segmenter->tiles);
    if (segmenter->tiles == NULL)
        return pw_fail(error, PW_E_NOMEM, "%s: out of memory", path);
    enum pw_status status = pw_tile_list_read(segmenter->tiles, path, error);
    memcpy(segmenter->tile, segmenter->tiles->tile, sizeof segmenter->tile);
    memcpy(segmenter->halo, segmenter->tiles->halo, sizeof segmenter->halo);
    segmenter->scratch_bytes_per_voxel = 2 * sizeof(uint64_t); /* a stored and a decoded chunk */
    return status;
}

void pw_given_close_tiles(struct pw_segmenter *segmenter)
{
    if (segmenter->tiles != NULL)
        pw_tile_list_release(segmenter->tiles);
    free(segmenter->tiles);
    segmenter->tiles = NULL;
}

/* Whether the array has the shape of the window, apart from axes of length 1. */
static int fits_window(const struct pw_image_info *info, const struct pw_tile *tile)
{
    int axis = 0;
    for (int i = 0; i < info->rank; i++) {
        while (axis < 3 && tile->shape[axis] == 1 && info->shape[i] != 1)
            axis++;
        if (axis < 3 && info->shape[i] == tile->shape[axis])
            axis++;
        else if (info->shape[i] != 1)
            return 0;
    }
    while (axis < 3 && tile->shape[axis] == 1)
        axis++;
    return axis == 3;
}

static enum pw_status check_array(const struct pw_source *source, const struct pw_tile *tile, struct pw_error *error)
{
    enum pw_dtype dtype = source->info.dtype;
    if (dtype == PW_F16 || dtype == PW_F32 || dtype == PW_F64)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: labels are whole numbers, and these are %s", source->path,
                       pw_dtype_name(dtype));
    if (fits_window(&source->info, tile))
        return PW_OK;
    return pw_fail(error, PW_E_FORMAT, "%s: is not of the %llux%llux%llu voxels that the window of tile %llu has",
                   source->path, (unsigned long long)tile->shape[0], (unsigned long long)tile->shape[1],
                   (unsigned long long)tile->shape[2], (unsigned long long)tile->index);
}

/* The labels of the tile's own array into voxels, and tile to go with them. */
static enum pw_status read_array(struct pw_source *source, struct pw_tile *tile, void *voxels, struct pw_error *error)
{
    size_t bytes = pw_dtype_bytes(source->info.dtype);
    struct pw_region whole = {.rank = source->info.rank};
    enum pw_status status = check_array(source, tile, error);
    if (status != PW_OK)
        return status;
    memcpy(whole.shape, source->info.shape, sizeof whole.shape);
    tile->dtype = source->info.dtype;
    tile->voxels = voxels;
    tile->stride_bytes[2] = bytes;
    tile->stride_bytes[1] = (size_t)tile->shape[2] * bytes;
    tile->stride_bytes[0] = (size_t)tile->shape[1] * tile->stride_bytes[1];
    return pw_source_read(source, &whole, voxels, error);
}

static enum pw_status number_listed(const char *path, struct numbering *n, struct pw_tile *tile, struct pw_runs *runs,
                                    struct pw_error *error)
{
    struct pw_source *source;
    enum pw_status status = pw_source_open(path, NULL, NULL, &source, error);
    if (status != PW_OK)
        return status;
    status = read_array(source, tile, n->voxels, error);
    pw_source_close(source);
    return status == PW_OK ? number_tile(n, tile, runs, error) : status;
}

/* ---- a tile ------------------------------------------------------------ */

static enum pw_status given_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                    const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    struct numbering *n = begin_tile(segmenter, worker, tile->shape);
    struct pw_tile listed = *tile;
    if (segmenter->tiles == NULL)
        return number_tile(n, tile, runs, error);
    const char *path = segmenter->tiles->path[tile->index];
    if (path != NULL)
        return number_listed(path, n, &listed, runs, error);
    memcpy(runs->shape, tile->shape, sizeof runs->shape);
    memset(runs->row, 0, (size_t)(tile->shape[0] * tile->shape[1] + 1) * sizeof *runs->row);
    runs->n_runs = 0;
    runs->n_labels = 0;
    return PW_OK;
}

static int given_constant_is_empty(const struct pw_segmenter *segmenter, uint64_t bits)
{
    return segmenter->tiles == NULL && bits == 0;
}

static int given_empty_level(const struct pw_segmenter *segmenter, double *level)
{
    return segmenter->tiles == NULL && pw_equal_empty_level(segmenter, level);
}

const struct pw_segment_ops pw_given_segment_ops = {
    .arena_bytes = given_arena_bytes,
    .segment = given_segment,
    .constant_is_empty = given_constant_is_empty,
    .empty_level = given_empty_level,
};
