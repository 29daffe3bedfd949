/*
 * watershed: touching objects taken apart.  Foreground is what is above a threshold, smoothed; seeds are the peaks of the
 * distance to the background or of the intensity, or the labels of another image; from them the foreground is flooded
 * (label/watershed.h).  As
 *
 *     smooth = scipy.ndimage.gaussian_filter(image.astype(float32), sigma)
 *     mask = smooth > threshold
 *     f = scipy.ndimage.distance_transform_edt(mask, step).astype(float32)          # or smooth
 *     peak = mask & (scipy.ndimage.maximum_filter(f, 2 * (size // 3) + 1) == f)
 *     markers = scipy.ndimage.label(peak, all neighbours)
 *     labels = skimage.segmentation.watershed(-f, markers, mask=mask)
 *
 * and a piece of the foreground without a peak is an object of its own (not so with the seeds of an image).
 * Labels depend on the tile, as those of all instances do: the halo is as wide as an object is expected to be.
 */
#include "segment/watershed_segmenter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/box_maximum.h"
#include "label/components.h"
#include "label/correlate.h"
#include "label/distance.h"
#include "label/to_float.h"
#include "label/watershed.h"
#include "segment/response.h"

/* ---- memory ------------------------------------------------------------ */

/* Arena: what lasts through a tile, and in common the scratch of one step after the other. */
struct layout {
    uint64_t voxels;
    uint64_t smooth, feature, label, mask, scratch; /* where they begin */
    uint64_t bytes;
};

static uint64_t smooth_scratch_bytes(const struct pw_watershed_options *o, const uint64_t shape[3], uint64_t voxels)
{
    const uint64_t *r = o->smooth.radius;
    return 3 * pw_response_padded(voxels * sizeof(float)) +
           pw_correlate_scratch_bytes(shape[2], pw_max_u64(r[0], pw_max_u64(r[1], r[2])));
}

static uint64_t bits_bytes(const uint64_t shape[3])
{
    return pw_response_padded(shape[0] * shape[1] * pw_bit_words(shape[2]) * sizeof(uint64_t));
}

static uint64_t peaks_scratch_bytes(const uint64_t shape[3], uint64_t voxels)
{
    return pw_response_padded(voxels * sizeof(float)) + bits_bytes(shape) +
           pw_max_u64(pw_box_maximum_scratch_bytes(shape), pw_components_scratch_bytes(shape));
}

static struct layout layout_for(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    const struct pw_watershed_options *o = segmenter->own;
    struct layout l = {.voxels = shape[0] * shape[1] * shape[2]};
    uint64_t scratch = smooth_scratch_bytes(o, shape, l.voxels);
    scratch = pw_max_u64(scratch, pw_distance_scratch_bytes(shape));
    scratch = pw_max_u64(scratch, peaks_scratch_bytes(shape, l.voxels));
    scratch = pw_max_u64(scratch, pw_watershed_scratch_bytes(l.voxels));
    scratch = pw_max_u64(scratch, pw_runs_number_scratch_bytes(pw_runs_capacity(shape, 1)));
    if (o->seeds == PW_SEEDS_IMAGE)
        scratch = pw_max_u64(scratch, pw_seed_image_scratch_bytes(shape));
    l.feature = l.smooth + pw_response_padded(l.voxels * sizeof(float));
    l.label = l.feature + pw_response_padded(l.voxels * sizeof(float));
    l.mask = l.label + pw_response_padded(l.voxels * sizeof(uint32_t));
    l.scratch = l.mask + pw_response_padded(l.voxels);
    l.bytes = l.scratch + scratch;
    return l;
}

static uint64_t watershed_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return layout_for(segmenter, shape).bytes;
}

/* ---- the steps of a tile ----------------------------------------------- */

struct work {
    const struct pw_watershed_options *options;
    const struct pw_tile *tile;
    uint64_t voxels;
    float *smooth, *feature;
    uint32_t *label;
    unsigned char *mask;
    void *scratch;
};

static void smooth(struct work *w)
{
    static const uint64_t zero[3] = {0, 0, 0};
    uint64_t step = pw_response_padded(w->voxels * sizeof(float));
    unsigned char *at = w->scratch;
    float *image = (void *)at;
    float *const buffer[2] = {(void *)(at + step), (void *)(at + 2 * step)};
    pw_to_float(w->tile->dtype, w->tile->voxels, w->tile->stride_bytes, w->tile->shape, image);
    pw_gaussian_filter(&w->options->smooth, image, w->tile->shape, zero, w->tile->shape, buffer, at + 3 * step,
                       w->smooth);
}

static void find_mask(struct work *w, double threshold)
{
    for (uint64_t i = 0; i < w->voxels; i++)
        w->mask[i] = (double)w->smooth[i] > threshold;
}

static void find_feature(struct work *w)
{
    if (w->options->by_distance)
        pw_distance(w->mask, w->tile->shape, w->options->step, w->scratch, w->feature);
    else
        memcpy(w->feature, w->smooth, (size_t)w->voxels * sizeof *w->feature);
}

static void clear_bits(uint64_t *bits, const uint64_t shape[3])
{
    memset(bits, 0, (size_t)(shape[0] * shape[1] * pw_bit_words(shape[2])) * sizeof *bits);
}

/* Labels the components of bits from first on, into voxels that have none; returns how many. */
static uint32_t label_bits(struct work *w, const uint64_t *bits, int connectivity, void *scratch, uint32_t first,
                           struct pw_runs *runs)
{
    const uint64_t *shape = w->tile->shape;
    pw_components_of_bits(bits, shape, connectivity, scratch, runs);
    for (uint64_t r = 0; r < shape[0] * shape[1]; r++)
        for (uint64_t i = runs->row[r]; i < runs->row[r + 1]; i++)
            for (uint32_t x = runs->run[i].start; x < runs->run[i].end; x++)
                w->label[r * shape[2] + x] = first + runs->label[i];
    return runs->n_labels;
}

/* Markers where the feature is the greatest of its surroundings. */
static uint32_t mark_peaks(struct work *w, const uint64_t radius[3], int rank, struct pw_runs *runs)
{
    const uint64_t *shape = w->tile->shape;
    uint64_t words = pw_bit_words(shape[2]);
    unsigned char *at = w->scratch;
    float *greatest = (void *)at;
    uint64_t *bits = (void *)(at + pw_response_padded(w->voxels * sizeof(float)));
    void *rest = (unsigned char *)bits + bits_bytes(shape);
    pw_box_maximum(w->feature, shape, radius, rest, greatest);
    clear_bits(bits, shape);
    for (uint64_t i = 0; i < w->voxels; i++)
        if (w->mask[i] && w->feature[i] >= greatest[i])
            bits[i / shape[2] * words + i % shape[2] / 64] |= UINT64_C(1) << i % shape[2] % 64;
    memset(w->label, 0, (size_t)w->voxels * sizeof *w->label);
    return label_bits(w, bits, rank, rest, 0, runs);
}

/* What of the mask has no label gets some, piece by piece. */
static void label_rest(struct work *w, int connectivity, uint32_t n_labels, struct pw_runs *runs)
{
    const uint64_t *shape = w->tile->shape;
    uint64_t words = pw_bit_words(shape[2]), *bits = w->scratch;
    int any = 0;
    clear_bits(bits, shape);
    for (uint64_t i = 0; i < w->voxels; i++)
        if (w->mask[i] && w->label[i] == 0) {
            bits[i / shape[2] * words + i % shape[2] / 64] |= UINT64_C(1) << i % shape[2] % 64;
            any = 1;
        }
    if (any)
        (void)label_bits(w, bits, connectivity, (unsigned char *)w->scratch + bits_bytes(shape), n_labels, runs);
}

static int has_nan(const struct work *w)
{
    for (uint64_t i = 0; i < w->voxels; i++)
        if (isnan(w->smooth[i]))
            return 1;
    return 0;
}

static enum pw_status find_markers(struct pw_segmenter *segmenter, struct pw_segment_worker *worker, struct work *w,
                                   struct pw_runs *runs, uint32_t *n_labels, struct pw_error *error)
{
    *n_labels = 0;
    if (w->options->seeds == PW_SEEDS_IMAGE)
        return pw_seed_image_read(worker->state, w->tile, w->scratch, w->label, error);
    *n_labels = mark_peaks(w, w->options->peak_radius, segmenter->rank, runs);
    return PW_OK;
}

static enum pw_status watershed_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                        const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    const struct pw_watershed_options *o = segmenter->own;
    struct layout l = layout_for(segmenter, tile->shape);
    unsigned char *at = worker->arena.data;
    struct work w = {.options = o, .tile = tile, .voxels = l.voxels};
    uint32_t n_labels;
    w.smooth = (void *)(at + l.smooth);
    w.feature = (void *)(at + l.feature);
    w.label = (void *)(at + l.label);
    w.mask = at + l.mask;
    w.scratch = at + l.scratch;
    smooth(&w);
    if (has_nan(&w))
        return pw_fail(error, PW_E_SEGMENTER, "--fn watershed: tile %llu at (%llu, %llu, %llu) has NaN voxels",
                       (unsigned long long)tile->index, (unsigned long long)tile->origin[0],
                       (unsigned long long)tile->origin[1], (unsigned long long)tile->origin[2]);
    find_mask(&w, segmenter->threshold_value);
    find_feature(&w);
    enum pw_status status = find_markers(segmenter, worker, &w, runs, &n_labels, error);
    if (status != PW_OK)
        return status;
    for (uint64_t i = 0; i < w.voxels; i++)
        w.feature[i] = -w.feature[i];
    pw_watershed(w.feature, w.mask, tile->shape, o->connectivity, w.scratch, w.label);
    if (o->seeds != PW_SEEDS_IMAGE)
        label_rest(&w, o->connectivity, n_labels, runs);
    pw_runs_from_dense(w.label, tile->shape, runs);
    pw_runs_number(runs, w.scratch);
    return PW_OK;
}

/* A smoothed voxel is none above those that it was made of, but for rounding. */
static int watershed_empty_level(const struct pw_segmenter *segmenter, double *level)
{
    *level = segmenter->threshold_value - fabs(segmenter->threshold_value) / 65536;
    return 1;
}

/* ---- workers ----------------------------------------------------------- */

static enum pw_status watershed_worker_init(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                            struct pw_error *error)
{
    const struct pw_watershed_options *o = segmenter->own;
    struct pw_seed_image *seeds = NULL;
    enum pw_status status = PW_OK;
    if (o->seeds == PW_SEEDS_IMAGE)
        status = pw_seed_image_open(o->path, segmenter->volume, &seeds, error);
    worker->state = seeds;
    return status;
}

static void watershed_worker_release(struct pw_segmenter *segmenter, struct pw_segment_worker *worker)
{
    (void)segmenter;
    pw_seed_image_close(worker->state);
    worker->state = NULL;
}

const struct pw_segment_ops pw_watershed_segment_ops = {
    .arena_bytes = watershed_arena_bytes,
    .worker_init = watershed_worker_init,
    .worker_release = watershed_worker_release,
    .segment = watershed_segment,
    .empty_level = watershed_empty_level,
};
