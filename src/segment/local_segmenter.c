/*
 * local: voxels above a threshold of their own surroundings, as connected components: the mean or the median of a window
 * less an offset, or Sauvola's (Sauvola and Pietikainen, Adaptive document image binarization, 2000)
 *
 *     mean * (1 + k * (deviation / r - 1))
 *
 * Windows are mirrored at the borders of the image, as scipy.ndimage's mode "reflect".
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/to_float.h"
#include "label/window_median.h"
#include "label/window_sum.h"
#include "segment/builtin.h"
#include "segment/lengths.h"
#include "segment/response.h"

/* A window has no more voxels: sums of squares of 16-bit voxels stay exact in a double. */
#define WINDOW_VOXELS_MAX ((double)((uint64_t)1 << 20))

enum method {
    MEAN,
    MEDIAN,
    SAUVOLA
};

static const char *const method_names[] = {"mean", "median", "sauvola"};

struct local {
    enum method method;
    uint64_t radius[3];
    double voxels; /* of a window */
    double offset, k, r;
};

/* Arena: bits of the core; voxels as doubles, two buffers, the mean; the scratch of all steps. */
struct layout {
    uint64_t bits_bytes, doubles_bytes, bytes;
};

static struct layout layout_for(const struct local *local, const uint64_t shape[3])
{
    struct layout l;
    uint64_t scratch = pw_max_u64(pw_window_sum_scratch_bytes(shape[2], local->radius),
                                  pw_window_median_scratch_bytes(shape[2], local->radius));
    l.bits_bytes = pw_response_padded(shape[0] * shape[1] * pw_bit_words(shape[2]) * sizeof(uint64_t));
    l.doubles_bytes = pw_response_padded(shape[0] * shape[1] * shape[2] * sizeof(double));
    l.bytes = l.bits_bytes + pw_max_u64(4 * l.doubles_bytes + scratch, pw_response_label_bytes(shape));
    return l;
}

static uint64_t local_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    return layout_for(segmenter->own, shape).bytes;
}

/* One row of the core: the sum (or median) of each window, and the sum of squares, against the voxels. */
static void compare_row(const struct local *local, const double *voxel, const double *sum, const double *squares,
                        uint64_t width, uint64_t *bits)
{
    memset(bits, 0, (size_t)pw_bit_words(width) * sizeof *bits);
    for (uint64_t x = 0; x < width; x++) {
        double threshold = local->method == MEDIAN ? sum[x] : sum[x] / local->voxels;
        if (local->method == SAUVOLA) {
            double variance = squares[x] / local->voxels - threshold * threshold;
            threshold *= 1 + local->k * (sqrt(variance > 0 ? variance : 0) / local->r - 1);
        }
        bits[x / 64] |= (uint64_t)(voxel[x] > threshold - local->offset) << x % 64;
    }
}

static enum pw_status local_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                    const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    const struct local *local = segmenter->own;
    struct layout l = layout_for(local, tile->shape);
    const uint64_t *start = tile->core_start, *core = tile->core_shape, row_shape[3] = {1, 1, core[2]};
    unsigned char *at = worker->arena.data;
    uint64_t *bits = (void *)at;
    double *image = (void *)(at + l.bits_bytes), *sum = (void *)(at + l.bits_bytes + 3 * l.doubles_bytes);
    double *const buffer[2] = {(void *)(at + l.bits_bytes + l.doubles_bytes),
                               (void *)(at + l.bits_bytes + 2 * l.doubles_bytes)};
    void *scratch = at + l.bits_bytes + 4 * l.doubles_bytes;
    uint64_t n = tile->shape[0] * tile->shape[1] * tile->shape[2];
    int is_exact = pw_dtype_is_integer(tile->dtype) && pw_dtype_bytes(tile->dtype) <= 2; /* squares too */
    (void)error;
    pw_to_double(tile->dtype, tile->voxels, tile->stride_bytes, tile->shape, image);
    if (local->method == MEDIAN)
        pw_window_median(image, tile->dtype, tile->shape, local->radius, start, core, scratch, sum);
    else
        pw_window_sum(image, tile->shape, local->radius, start, core, is_exact, buffer, scratch, sum);
    for (uint64_t i = 0; i < n && local->method == SAUVOLA; i++)
        image[i] *= image[i];
    if (local->method == SAUVOLA)
        pw_window_sum(image, tile->shape, local->radius, start, core, is_exact, buffer, scratch, buffer[0]);
    for (uint64_t r = 0; r < core[0] * core[1]; r++) {
        const char *row = (const char *)tile->voxels + (start[0] + r / core[1]) * tile->stride_bytes[0] +
                          (start[1] + r % core[1]) * tile->stride_bytes[1] + start[2] * tile->stride_bytes[2];
        pw_to_double(tile->dtype, row, tile->stride_bytes, row_shape, buffer[1]);
        compare_row(local, buffer[1], sum + r * core[2], buffer[0] + r * core[2], core[2],
                    bits + r * pw_bit_words(core[2]));
    }
    pw_response_label_bits(bits, segmenter->connectivity, tile, image, runs);
    return PW_OK;
}

static const struct pw_segment_ops local_ops = {
    .arena_bytes = local_arena_bytes,
    .segment = local_segment,
};

/* Half the range of the type, as skimage.filters.threshold_sauvola takes it. */
static double half_range(enum pw_dtype dtype)
{
    double bits = (double)(8 * pw_dtype_bytes(dtype));
    if (dtype == PW_BOOL)
        return 0.5;
    return pw_dtype_is_float(dtype) ? 1 : 0.5 * (exp2(bits) - 1);
}

static enum pw_status read_method(struct local *local, const struct pw_fn_values *values, struct pw_error *error)
{
    const char *text = pw_fn_text(values, "method");
    for (int i = MEAN; i <= SAUVOLA; i++)
        if (strcmp(text, method_names[i]) == 0) {
            local->method = (enum method)i;
            return PW_OK;
        }
    return pw_fail(error, PW_E_ARGUMENT, "--fn local: method=%s; use mean, median or sauvola", text);
}

static enum pw_status read_window(struct pw_segmenter *segmenter, struct local *local,
                                  const struct pw_fn_values *values, struct pw_error *error)
{
    double window[3];
    enum pw_status status =
        pw_lengths_read(segmenter->volume, "--fn local:", "window", pw_fn_text(values, "window"), window, error);
    local->voxels = 1;
    for (int i = 0; i < 3 && status == PW_OK; i++) {
        local->radius[i] = window[i] > 1 && window[i] < 1e9 ? (uint64_t)((window[i] - 1) / 2) : 0;
        local->voxels *= (double)(2 * local->radius[i] + 1);
        if (!(window[i] < 1e9 && local->voxels <= WINDOW_VOXELS_MAX))
            return pw_fail(error, PW_E_ARGUMENT, "--fn local: window=%s is too large; at most %.0f voxels",
                           pw_fn_text(values, "window"), WINDOW_VOXELS_MAX);
    }
    return status;
}

static enum pw_status local_open(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                 const struct pw_run_options *run, struct pw_error *error)
{
    struct local *local = segmenter->own = pw_alloc(1, sizeof *local, error);
    if (local == NULL)
        return PW_E_NOMEM;
    local->r = half_range(segmenter->dtype);
    enum pw_status status = pw_builtin_connectivity(segmenter, values, run, error);
    if (status == PW_OK)
        status = read_method(local, values, error);
    if (status == PW_OK)
        status = read_window(segmenter, local, values, error);
    if (status == PW_OK)
        status = pw_fn_number(values, "offset", &local->offset, error);
    if (status == PW_OK)
        status = pw_fn_number(values, "k", &local->k, error);
    if (status == PW_OK)
        status = pw_fn_number(values, "r", &local->r, error);
    if (status == PW_OK && !(local->r > 0))
        status = pw_fail(error, PW_E_ARGUMENT, "--fn local: r=%g is not above 0", local->r);
    if (status != PW_OK)
        return status;
    pw_response_declare(segmenter, local->radius);
    segmenter->ops = &local_ops;
    (void)snprintf(segmenter->text, sizeof segmenter->text,
                   "local:window=%llu/%llu/%llu,method=%s,offset=%.9g,k=%.9g,r=%.9g,connectivity=%d",
                   (unsigned long long)(2 * local->radius[0] + 1), (unsigned long long)(2 * local->radius[1] + 1),
                   (unsigned long long)(2 * local->radius[2] + 1), method_names[local->method], local->offset, local->k,
                   local->r, segmenter->connectivity);
    return PW_OK;
}

static const struct pw_fn_option local_options[] = {
    {"window", PW_FN_TEXT, NULL,
     "its size, rounded down to odd: voxels (51), by axis (5/51/51), or micrometers (20um)"},
    {"method", PW_FN_TEXT, "mean", "mean, median or sauvola"},
    {"offset", PW_FN_NUMBER, "0", "is subtracted from the threshold"},
    {"k", PW_FN_NUMBER, "0.2", "of sauvola: how much a low deviation lowers the threshold"},
    {"r", PW_FN_NUMBER, "", "of sauvola: greatest deviation (default: half the range of the type, 1 of floats)"},
    PW_CONNECTIVITY_OPTION,
    {NULL, PW_FN_TEXT, NULL, NULL},
};

const struct pw_builtin pw_builtin_local = {
    .name = "local",
    .summary = "voxels above the mean, the median or Sauvola's threshold of a window around them, connected",
    .halo = "half the window",
    .help = "Windows are mirrored at the borders of the image.  The labels do not depend on the tiles.",
    .options = local_options,
    .open = local_open,
};
