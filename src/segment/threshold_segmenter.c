/*
 * Voxels above a threshold, as connected components.  The threshold is given
 * (threshold:VALUE), that of the whole image (otsu; the measure pass sets it), or
 * that of each tile (otsu:tile).
 */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "label/components.h"
#include "label/histogram.h"
#include "segment/segmenter.h"

/* Arena: bit rows, then the scratch of the components, then (otsu:tile) histogram bins. */
struct layout {
    uint64_t bits_bytes;
    uint64_t scratch_bytes;
    uint64_t bins_bytes;
};

/* One tile's own histogram of a wide integer type is refused beyond this many values. */
#define TILE_BINS_MAX ((uint64_t)1 << 20)

static void find_layout(struct layout *layout, const uint64_t shape[3])
{
    layout->bits_bytes = pw_padded(shape[0] * shape[1] * pw_bit_words(shape[2]) * sizeof(uint64_t));
    layout->scratch_bytes = pw_padded(pw_components_scratch_bytes(shape));
    layout->bins_bytes = 0;
}

static uint64_t threshold_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    struct layout layout;
    (void)segmenter;
    find_layout(&layout, shape);
    return layout.bits_bytes + layout.scratch_bytes;
}

static uint64_t otsu_tile_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return threshold_arena_bytes(segmenter, shape) + TILE_BINS_MAX * sizeof(uint64_t);
}

static void label_above(const struct pw_threshold *threshold, int connectivity, struct pw_segment_worker *worker,
                        const struct pw_tile *tile, struct pw_runs *runs)
{
    struct layout layout;
    find_layout(&layout, tile->shape);
    uint64_t *bits = worker->arena.data;
    uint64_t words = pw_bit_words(tile->shape[2]);
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        pw_threshold_rows(threshold, (const char *)tile->voxels + z * tile->stride_bytes[0], tile->stride_bytes[1],
                          tile->shape[1], tile->shape[2], bits + z * tile->shape[1] * words);
    pw_components_of_bits(bits, tile->shape, connectivity, (char *)worker->arena.data + layout.bits_bytes, runs);
}

static enum pw_status threshold_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                        const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    (void)error;
    label_above(&segmenter->threshold, segmenter->connectivity, worker, tile, runs);
    return PW_OK;
}

/* Otsu's threshold of one tile. */
static enum pw_status tile_threshold(const struct pw_tile *tile, uint64_t *bins, double *value, struct pw_error *error)
{
    struct pw_range range;
    struct pw_histogram histogram;
    memset(&range, 0, sizeof range);
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        pw_range_add(&range, tile->dtype, (const char *)tile->voxels + z * tile->stride_bytes[0], tile->stride_bytes[1],
                     tile->shape[1], tile->shape[2]);
    uint64_t n = pw_histogram_bins(tile->dtype, &range);
    if (!range.seen) {
        *value = (double)INFINITY; /* nothing but NaN: all background */
        return PW_OK;
    }
    if (n == 0 || n > TILE_BINS_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "otsu: tile %llu has values too far apart for one bin each (%s)",
                       (unsigned long long)tile->index, pw_dtype_name(tile->dtype));
    memset(bins, 0, n * sizeof *bins);
    histogram.count = bins;
    pw_histogram_init(&histogram, tile->dtype, &range);
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        pw_histogram_add(&histogram, (const char *)tile->voxels + z * tile->stride_bytes[0], tile->stride_bytes[1],
                         tile->shape[1], tile->shape[2]);
    *value = pw_histogram_otsu(&histogram);
    return PW_OK;
}

static enum pw_status otsu_tile_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                        const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    double value = 0;
    struct pw_threshold threshold;
    uint64_t *bins = (void *)((char *)worker->arena.data + threshold_arena_bytes(segmenter, tile->shape));
    enum pw_status status = tile_threshold(tile, bins, &value, error);
    if (status != PW_OK)
        return status;
    pw_threshold_init(&threshold, tile->dtype, value);
    label_above(&threshold, segmenter->connectivity, worker, tile, runs);
    return PW_OK;
}

/* One voxel of that value, put through the same comparison as all others. */
static int threshold_constant_is_empty(const struct pw_segmenter *segmenter, uint64_t bits)
{
    uint64_t row = 0;
    pw_threshold_rows(&segmenter->threshold, &bits, sizeof bits, 1, 1, &row);
    return row == 0;
}

static int threshold_empty_level(const struct pw_segmenter *segmenter, double *level)
{
    *level = segmenter->threshold_value;
    return 1;
}

/* The threshold of a constant image is its value, and nothing is above it. */
static int otsu_tile_constant_is_empty(const struct pw_segmenter *segmenter, uint64_t bits)
{
    (void)segmenter;
    (void)bits;
    return 1;
}

const struct pw_segment_ops pw_threshold_segment_ops = {
    .arena_bytes = threshold_arena_bytes,
    .segment = threshold_segment,
    .constant_is_empty = threshold_constant_is_empty,
    .empty_level = threshold_empty_level,
};

const struct pw_segment_ops pw_otsu_tile_segment_ops = {
    .arena_bytes = otsu_tile_arena_bytes,
    .segment = otsu_tile_segment,
    .constant_is_empty = otsu_tile_constant_is_empty,
};
