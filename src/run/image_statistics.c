#include "run/image_statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "label/float32.h"
#include "label/quantile.h"
#include "run/image_pass.h"
#include "segment/limits.h"

#define FLOAT_BINS ((uint64_t)4096)
#define LEAST_BITS 8U

struct measuring {
    struct pw_job *job;
    uint32_t channel;
    struct pw_quantiles search;
    struct pw_key_range *range; /* of each worker */
    struct pw_buffer counts;    /* of each worker, one after the other */
    uint64_t n_bins;            /* of one of them */
    double minimum, maximum;    /* for bins of equal width */
};

static uint64_t *counts_of(const struct measuring *m, unsigned worker)
{
    return (uint64_t *)m->counts.data + worker * m->n_bins;
}

static void add_keys(void *context, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                     uint64_t width)
{
    struct measuring *m = context;
    pw_quantile_add(&m->search, counts_of(m, worker), &m->range[worker], voxels, stride_bytes, rows, width);
}

static void add_bins(void *context, unsigned worker, const void *voxels, size_t stride_bytes, uint64_t rows,
                     uint64_t width)
{
    struct measuring *m = context;
    const unsigned char *row = voxels;
    for (uint64_t r = 0; r < rows; r++, row += stride_bytes)
        pw_even_bins_row(m->job->source->info.dtype, row, width, m->minimum, m->maximum, FLOAT_BINS,
                         counts_of(m, worker));
}

/* Counters of all workers into those of the first. */
static void sum_counts(struct measuring *m)
{
    for (unsigned i = 1; i < m->job->sizes.threads; i++) {
        for (uint64_t b = 0; b < m->n_bins; b++)
            counts_of(m, 0)[b] += counts_of(m, i)[b];
        pw_key_range_merge(&m->range[0], &m->range[i]);
    }
}

static enum pw_status one_pass(struct measuring *m, pw_plane_fn add, struct pw_run_result *result,
                               struct pw_error *error)
{
    unsigned threads = m->job->sizes.threads;
    uint64_t bytes = m->n_bins * threads * sizeof(uint64_t);
    memset(m->range, 0, threads * sizeof *m->range);
    pw_buffer_release(&m->counts);
    enum pw_status status = pw_buffer_init(&m->counts, bytes, "histogram", error);
    if (status == PW_OK)
        status = pw_image_pass(m->job, m->channel, bytes, "statistics need histograms", add, m, result, error);
    if (status == PW_OK)
        sum_counts(m);
    return status;
}

/* As many bins as a quarter of the budget holds of the most intervals that there may be. */
static unsigned choose_bits(const struct pw_job *job, int n)
{
    unsigned bits = PW_QUANTILE_BITS_MAX;
    uint64_t intervals = n > 0 ? 2 * (uint64_t)n : 1;
    while (bits > LEAST_BITS &&
           (intervals * job->sizes.threads * sizeof(uint64_t) << bits) > job->sizes.budget_bytes / 4)
        bits--;
    return bits;
}

static enum pw_status search(struct measuring *m, struct pw_statistics *out, struct pw_run_result *result,
                             struct pw_error *error)
{
    const struct pw_segmenter *s = &m->job->segmenter;
    double percent[PW_QUANTILES_MAX];
    int n = (int)s->n_percentiles, with_limits = s->normalize.kind == PW_NORMALIZE_PERCENTILE && !s->normalize.per_tile;
    memcpy(percent, s->percent, sizeof s->percent);
    memcpy(percent + n, s->normalize.percent, sizeof s->normalize.percent);
    n += with_limits ? 2 : 0;
    int keeps_bins = (s->wants_statistics & PW_STATISTIC_HISTOGRAM) != 0 && pw_limits_is_narrow(s->dtype);
    pw_quantile_init(&m->search, s->dtype, keeps_bins ? PW_QUANTILE_BITS_MAX : choose_bits(m->job, n), percent, n);
    enum pw_status status;
    do {
        m->n_bins = pw_quantile_bins(&m->search);
        status = one_pass(m, add_keys, result, error);
        if (status == PW_OK && keeps_bins)
            memcpy((uint64_t *)(uintptr_t)out->bin, counts_of(m, 0), out->n_bins * sizeof *out->bin);
    } while (status == PW_OK && pw_quantile_next(&m->search, counts_of(m, 0), &m->range[0]));
    if (status == PW_OK)
        pw_limits_take(&s->normalize, &m->search, s->n_percentiles, out);
    return status;
}

/* Bins between the range's ends, which are known now. */
static enum pw_status count_bins(struct measuring *m, struct pw_statistics *out, struct pw_run_result *result,
                                 struct pw_error *error)
{
    m->minimum = out->minimum;
    m->maximum = out->maximum;
    m->n_bins = FLOAT_BINS;
    if (!isfinite(m->maximum - m->minimum)) {
        out->n_bins = 0;
        return PW_OK;
    }
    enum pw_status status = one_pass(m, add_bins, result, error);
    if (status != PW_OK)
        return status;
    memcpy((uint64_t *)(uintptr_t)out->bin, counts_of(m, 0), FLOAT_BINS * sizeof *out->bin);
    out->bin_start = m->minimum;
    out->bin_width = (m->maximum - m->minimum) / (double)FLOAT_BINS;
    return PW_OK;
}

static uint64_t bins_of(enum pw_dtype dtype)
{
    return pw_limits_is_narrow(dtype) ? (uint64_t)1 << 8 * pw_dtype_bytes(dtype) : FLOAT_BINS;
}

uint64_t pw_image_statistics_bytes(const struct pw_segmenter *segmenter)
{
    return segmenter->wants_statistics & PW_STATISTIC_HISTOGRAM
               ? segmenter->volume->n_channels * bins_of(segmenter->dtype) * sizeof(uint64_t)
               : 0;
}

/* The segmenter's own, of each channel of its tiles. */
static enum pw_status make_room(struct pw_segmenter *s, struct pw_error *error)
{
    uint32_t n = s->volume->n_channels;
    s->statistics = pw_alloc(n, sizeof *s->statistics, error);
    s->measured = pw_alloc(n, sizeof *s->measured, error);
    if (s->statistics == NULL || s->measured == NULL)
        return PW_E_NOMEM;
    s->n_statistics = n;
    for (uint32_t c = 0; c < n; c++) {
        struct pw_statistics *one = &s->statistics[c];
        s->measured[c] = one;
        one->struct_size = sizeof *one;
        if ((s->wants_statistics & PW_STATISTIC_HISTOGRAM) == 0)
            continue;
        one->n_bins = bins_of(s->dtype);
        one->bin_width = 1;
        one->bin_start = s->dtype == PW_I8 ? INT8_MIN : s->dtype == PW_I16 ? INT16_MIN : 0;
        one->bin = pw_alloc(one->n_bins, sizeof(uint64_t), error);
        if (one->bin == NULL)
            return PW_E_NOMEM;
    }
    return PW_OK;
}

static enum pw_status measure_channel(struct measuring *m, struct pw_statistics *out, struct pw_run_result *result,
                                      struct pw_error *error)
{
    enum pw_status status = search(m, out, result, error);
    if (status == PW_OK && out->n_bins > 0 && !pw_limits_is_narrow(m->job->segmenter.dtype))
        status = count_bins(m, out, result, error);
    return status;
}

enum pw_status pw_measure_statistics(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_segmenter *s = &job->segmenter;
    struct measuring m = {.job = job};
    if (s->normalize.per_tile)
        (void)snprintf(result->warning, sizeof result->warning,
                       "--normalize %s: neighbouring tiles see the same voxels differently; objects may end at seams",
                       job->options->normalize);
    int for_limits = s->normalize.kind != PW_NORMALIZE_NONE && !s->normalize.per_tile;
    if (s->wants_statistics == 0 && s->n_percentiles == 0 && !for_limits)
        return PW_OK;
    enum pw_status status = make_room(s, error);
    m.range = pw_alloc(job->sizes.threads, sizeof *m.range, error);
    if (status == PW_OK && m.range == NULL)
        status = PW_E_NOMEM;
    for (m.channel = 0; status == PW_OK && m.channel < s->n_statistics; m.channel++)
        status = measure_channel(&m, &s->statistics[m.channel], result, error);
    free(m.range);
    pw_buffer_release(&m.counts);
    return status;
}
