/*
 * log: blobs by the Laplacian of Gaussians over several scales (Lindeberg 1998), as connected components.  In floats, as
 *
 *     image = image.astype(float32)
 *     def response(s):     # one sigma for each axis
 *         return -sum(s[a] ** 2 * scipy.ndimage.gaussian_filter(image, s, order=[0 .. 2 at axis a .. 0]) for a in axes)
 *     scipy.ndimage.label(numpy.max([response(s) for s in scales], axis=0) > threshold)
 *
 * A blob of radius r answers most at the sigma r / sqrt(number of axes).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/correlate.h"
#include "label/gaussian.h"
#include "label/to_float.h"
#include "segment/builtin.h"
#include "segment/lengths.h"
#include "segment/response.h"

enum {
    SCALES_MAX = 16
};

struct log_of_gaussian {
    float threshold;
    int n_scales, first_axis;
    /* For each scale the second derivatives along z y x; those before first_axis are not there. */
    struct pw_gaussian derivative[SCALES_MAX][3];
};

/*
 * Arena: the greatest response, and that of one scale; then voxels as floats, two buffers and the filter's scratch, in
 * whose place bits and components come.
 */
struct layout {
    uint64_t floats_bytes; /* of each of five arrays */
    uint64_t bytes;
};

static struct layout layout_for(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    const uint64_t *halo = segmenter->halo;
    struct layout l;
    uint64_t radius = pw_max_u64(halo[0], pw_max_u64(halo[1], halo[2]));
    l.floats_bytes = pw_response_padded(shape[0] * shape[1] * shape[2] * sizeof(float));
    l.bytes = 2 * l.floats_bytes + pw_max_u64(3 * l.floats_bytes + pw_correlate_scratch_bytes(shape[2], radius),
                                              pw_response_label_bytes(shape));
    return l;
}

static uint64_t log_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return layout_for(segmenter, shape).bytes;
}

/* Adds sigma^2 times the derivative to the sum, or begins it. */
static void accumulate(float *sum, const float *derivative, double sigma, int begins, uint64_t n)
{
    float weight = (float)(sigma * sigma);
    for (uint64_t i = 0; i < n; i++) {
        float term = weight * derivative[i];
        sum[i] = begins ? term : sum[i] + term;
    }
}

static enum pw_status log_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                  const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    const struct log_of_gaussian *log = segmenter->own;
    uint64_t step = layout_for(segmenter, tile->shape).floats_bytes;
    unsigned char *at = worker->arena.data;
    float *most = (void *)at, *sum = (void *)(at + step), *image = (void *)(at + 2 * step);
    float *const buffer[2] = {(void *)(at + 3 * step), (void *)(at + 4 * step)};
    void *scratch = at + 5 * step;
    uint64_t n = tile->core_shape[0] * tile->core_shape[1] * tile->core_shape[2];
    (void)error;
    pw_to_float(tile->dtype, tile->voxels, tile->stride_bytes, tile->shape, image);
    for (int s = 0; s < log->n_scales; s++) {
        for (int axis = log->first_axis; axis < 3; axis++) {
            const struct pw_gaussian *derivative = &log->derivative[s][axis];
            pw_gaussian_filter(derivative, image, tile->shape, tile->core_start, tile->core_shape, buffer, scratch,
                               buffer[0]);
            accumulate(sum, buffer[0], derivative->sigma[axis], axis == log->first_axis, n);
        }
        for (uint64_t i = 0; i < n; i++)
            most[i] = s == 0 || -sum[i] > most[i] ? -sum[i] : most[i];
    }
    pw_response_label(most, log->threshold, segmenter->connectivity, tile, image, runs);
    return PW_OK;
}

static const struct pw_segment_ops log_ops = {
    .arena_bytes = log_arena_bytes,
    .segment = log_segment,
};

/* The sigmas of one scale along each axis, in voxels. */
static enum pw_status scale_sigmas(const struct pw_segmenter *segmenter, double sigma, const double voxel[3],
                                   double out[3], struct pw_error *error)
{
    for (int i = 0; i < 3; i++) {
        out[i] = i < 3 - segmenter->rank ? 0 : sigma / voxel[i];
        if (i >= 3 - segmenter->rank && !(out[i] > 0 && out[i] <= PW_GAUSSIAN_SIGMA_MAX))
            return pw_fail(error, PW_E_ARGUMENT, "--fn log: sigma %g is %g voxels along an axis; above 0, at most %g",
                           sigma, out[i], PW_GAUSSIAN_SIGMA_MAX);
    }
    return PW_OK;
}

static enum pw_status read_unit(struct pw_segmenter *segmenter, const struct pw_fn_values *values, double voxel[3],
                                struct pw_error *error)
{
    const char *unit = pw_fn_text(values, "unit");
    voxel[0] = voxel[1] = voxel[2] = 1;
    if (strcmp(unit, "um") == 0)
        return pw_voxel_micrometers(segmenter->volume, "--fn log:", "unit=um", voxel, error);
    if (strcmp(unit, "voxel") == 0)
        return PW_OK;
    return pw_fail(error, PW_E_ARGUMENT, "--fn log: unit=%s; use voxel or um", unit);
}

static enum pw_status read_scales(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                  struct log_of_gaussian *log, uint64_t halo[3], struct pw_error *error)
{
    double sigma[SCALES_MAX], voxel[3], each[3];
    enum pw_status status = pw_fn_numbers(values, "sigma", SCALES_MAX, sigma, &log->n_scales, error);
    if (status == PW_OK)
        status = read_unit(segmenter, values, voxel, error);
    for (int s = 0; s < log->n_scales && status == PW_OK; s++) {
        status = scale_sigmas(segmenter, sigma[s], voxel, each, error);
        for (int axis = log->first_axis; axis < 3 && status == PW_OK; axis++) {
            const int order[3] = {axis == 0 ? 2 : 0, axis == 1 ? 2 : 0, axis == 2 ? 2 : 0};
            pw_gaussian_init(&log->derivative[s][axis], each, order);
            halo[axis] = pw_max_u64(halo[axis], pw_gaussian_radius(each[axis]));
        }
    }
    return status;
}

static enum pw_status log_open(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                               const struct pw_run_options *run, struct pw_error *error)
{
    double threshold = 0;
    uint64_t halo[3] = {0, 0, 0};
    struct log_of_gaussian *log = segmenter->own = pw_alloc(1, sizeof *log, error);
    if (log == NULL)
        return PW_E_NOMEM;
    log->first_axis = 3 - segmenter->rank;
    enum pw_status status = pw_builtin_connectivity(segmenter, values, run, error);
    if (status == PW_OK)
        status = read_scales(segmenter, values, log, halo, error);
    if (status == PW_OK)
        status = pw_fn_number(values, "threshold", &threshold, error);
    if (status != PW_OK)
        return status;
    log->threshold = (float)threshold;
    pw_response_declare(segmenter, halo);
    segmenter->ops = &log_ops;
    (void)snprintf(segmenter->text, sizeof segmenter->text, "log:sigma=%.40s,unit=%s,threshold=%.9g,connectivity=%d",
                   pw_fn_text(values, "sigma"), pw_fn_text(values, "unit"), threshold, segmenter->connectivity);
    return PW_OK;
}

static const struct pw_fn_option log_options[] = {
    {"sigma", PW_FN_NUMBERS, NULL, "scales, up to 16: sigmas of the Gaussians"},
    {"threshold", PW_FN_NUMBER, NULL, "responses above it are blobs, in units of the image"},
    {"unit", PW_FN_TEXT, "voxel", "of sigma: voxel or um"},
    PW_CONNECTIVITY_OPTION,
    {NULL, PW_FN_TEXT, NULL, NULL},
};

const struct pw_builtin pw_builtin_log = {
    .name = "log",
    .summary = "blobs of several sizes: Laplacian of Gaussians over scales above a value, connected",
    .halo = "4 sigma of the widest Gaussian",
    .help =
        "The greatest over the scales of -sigma^2 times the Laplacian, as scipy.ndimage.gaussian_filter on float32\n"
        "gives it.  A blob of radius r answers most at sigma r / sqrt(axes).  The labels do not depend on the tiles.",
    .options = log_options,
    .open = log_open,
};
