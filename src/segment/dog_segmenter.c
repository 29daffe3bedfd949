/*
 * dog: the difference of two Gaussians above a threshold, as connected components.  Spots and nuclei of about one size
 * stand out whatever the background.  In floats, as
 *
 *     image = image.astype(float32)
 *     dog = scipy.ndimage.gaussian_filter(image, low) - scipy.ndimage.gaussian_filter(image, high)
 *     scipy.ndimage.label(dog > threshold)
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/correlate.h"
#include "label/gaussian.h"
#include "label/to_float.h"
#include "segment/builtin.h"
#include "segment/lengths.h"
#include "segment/response.h"

struct dog {
    struct pw_gaussian low, high;
    float threshold;
};

/*
 * Arena: the low pass, of the core; then voxels as floats, two buffers and the filter's scratch, in whose place bits
 * and components come.
 */
struct layout {
    uint64_t floats_bytes; /* of each of four arrays */
    uint64_t filter_bytes;
    uint64_t bytes;
};

static struct layout layout_for(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    const uint64_t *halo = segmenter->halo;
    struct layout l;
    uint64_t radius = pw_max_u64(halo[0], pw_max_u64(halo[1], halo[2]));
    l.floats_bytes = pw_response_padded(shape[0] * shape[1] * shape[2] * sizeof(float));
    l.filter_bytes = pw_correlate_scratch_bytes(shape[2], radius);
    l.bytes = l.floats_bytes + pw_max_u64(3 * l.floats_bytes + l.filter_bytes, pw_response_label_bytes(shape));
    return l;
}

static uint64_t dog_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return layout_for(segmenter, shape).bytes;
}

static enum pw_status dog_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                  const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    const struct dog *dog = segmenter->own;
    struct layout l = layout_for(segmenter, tile->shape);
    unsigned char *at = worker->arena.data;
    float *low = (void *)at, *image = (void *)(at + l.floats_bytes);
    float *const buffer[2] = {(void *)(at + 2 * l.floats_bytes), (void *)(at + 3 * l.floats_bytes)};
    void *scratch = at + 4 * l.floats_bytes;
    uint64_t n = tile->core_shape[0] * tile->core_shape[1] * tile->core_shape[2];
    (void)error;
    pw_to_float(tile->dtype, tile->voxels, tile->stride_bytes, tile->shape, image);
    pw_gaussian_filter(&dog->low, image, tile->shape, tile->core_start, tile->core_shape, buffer, scratch, low);
    pw_gaussian_filter(&dog->high, image, tile->shape, tile->core_start, tile->core_shape, buffer, scratch, buffer[0]);
    for (uint64_t i = 0; i < n; i++)
        low[i] -= buffer[0][i];
    pw_response_label(low, dog->threshold, segmenter->connectivity, tile, image, runs);
    return PW_OK;
}

/* Both Gaussians leave a constant as it is. */
static int dog_constant_is_empty(const struct pw_segmenter *segmenter, uint64_t bits)
{
    const struct dog *dog = segmenter->own;
    (void)bits;
    return dog->threshold >= 0;
}

static const struct pw_segment_ops dog_ops = {
    .arena_bytes = dog_arena_bytes,
    .segment = dog_segment,
    .constant_is_empty = dog_constant_is_empty,
};

static enum pw_status read_sigma(struct pw_segmenter *segmenter, const struct pw_fn_values *values, const char *name,
                                 double sigma[3], struct pw_error *error)
{
    enum pw_status status =
        pw_lengths_read(segmenter->volume, "--fn dog:", name, pw_fn_text(values, name), sigma, error);
    for (int i = 0; i < 3 && status == PW_OK; i++)
        if (sigma[i] > PW_GAUSSIAN_SIGMA_MAX)
            return pw_fail(error, PW_E_ARGUMENT, "--fn dog: %s=%s is %g voxels; at most %g", name,
                           pw_fn_text(values, name), sigma[i], PW_GAUSSIAN_SIGMA_MAX);
    return status;
}

static enum pw_status dog_open(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                               const struct pw_run_options *run, struct pw_error *error)
{
    static const int smooth[3] = {0, 0, 0};
    double low[3], high[3], threshold = 0;
    uint64_t halo[3];
    enum pw_status status = pw_builtin_connectivity(segmenter, values, run, error);
    if (status == PW_OK)
        status = read_sigma(segmenter, values, "low", low, error);
    if (status == PW_OK)
        status = read_sigma(segmenter, values, "high", high, error);
    if (status == PW_OK)
        status = pw_fn_number(values, "threshold", &threshold, error);
    if (status != PW_OK)
        return status;
    struct dog *dog = segmenter->own = pw_alloc(1, sizeof *dog, error);
    if (dog == NULL)
        return PW_E_NOMEM;
    for (int i = 0; i < 3; i++) {
        if (high[i] < low[i])
            return pw_fail(error, PW_E_ARGUMENT, "--fn dog: high=%s is narrower than low=%s",
                           pw_fn_text(values, "high"), pw_fn_text(values, "low"));
        halo[i] = high[i] > 0 ? pw_gaussian_radius(high[i]) : 0;
    }
    pw_gaussian_init(&dog->low, low, smooth);
    pw_gaussian_init(&dog->high, high, smooth);
    dog->threshold = (float)threshold;
    pw_response_declare(segmenter, halo);
    segmenter->ops = &dog_ops;
    (void)snprintf(segmenter->text, sizeof segmenter->text,
                   "dog:low=%.6g/%.6g/%.6g,high=%.6g/%.6g/%.6g,threshold=%.9g,connectivity=%d", low[0], low[1], low[2],
                   high[0], high[1], high[2], threshold, segmenter->connectivity);
    return PW_OK;
}

static const struct pw_fn_option dog_options[] = {
    {"low", PW_FN_TEXT, "1", "sigma of the narrower Gaussian: voxels (1), by axis (0.5/1/1), or micrometers (0.3um)"},
    {"high", PW_FN_TEXT, "4", "sigma of the wider one, likewise"},
    {"threshold", PW_FN_NUMBER, NULL, "differences above it are objects, in units of the image"},
    PW_CONNECTIVITY_OPTION,
    {NULL, PW_FN_TEXT, NULL, NULL},
};

const struct pw_builtin pw_builtin_dog = {
    .name = "dog",
    .summary = "difference of two Gaussians above a value, connected: spots and nuclei of one size",
    .halo = "4 sigma of the wider Gaussian",
    .help = "As scipy.ndimage.gaussian_filter on float32; the labels do not depend on the tiles.",
    .options = dog_options,
    .open = dog_open,
};
