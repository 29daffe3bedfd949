/*
 * label/quantile - exact order statistics of more voxels than memory holds, by counting in several passes.
 *
 *     pw_quantile_init(&q, dtype, bits, percent, n);
 *     do {
 *         counts = pw_quantile_bins(&q) zeroed counters for each part; range zeroed
 *         over all voxels: pw_quantile_add(&q, counts, &range, ...)        any number of parts, added afterwards
 *     } while (pw_quantile_next(&q, counts, &range));
 *     value = pw_quantile_value(&q, i);
 *
 * Voxels are seen as keys: unsigned integers in the order of their values.  A pass counts the keys of intervals, each cut
 * into at most 2^bits bins; the bin that holds a wanted rank is the interval of the next pass, until it is one key.
 * Integers of up to 16 bits need one pass (with 16 bits), 32-bit types two at most, 64-bit types four; fewer where the
 * values lie close together, as the least and the greatest key are known from the first pass on.
 *
 * Percentiles are those of numpy.percentile(method="linear"), computed in double precision.  NaN is not counted.
 *
 * Memory: lent by the caller.  Threads: pure; adding to different counters is safe.
 */
#ifndef PW_LABEL_QUANTILE_H
#define PW_LABEL_QUANTILE_H

#include "patchworks.h"

enum {
    PW_QUANTILES_MAX = PW_PERCENTILES_MAX + 2,
    PW_QUANTILE_RANKS_MAX = 2 * PW_QUANTILES_MAX,
    PW_QUANTILE_BITS_MAX = 16
};

/* Least and greatest key.  Zeroed means none seen. */
struct pw_key_range {
    uint64_t seen; /* voxels that are not NaN */
    uint64_t least, greatest;
};

void pw_key_range_merge(struct pw_key_range *range, const struct pw_key_range *other);

/* Keys first..last; bin (key - first) >> shift. */
struct pw_key_interval {
    uint64_t first, last;
    unsigned shift;
};

struct pw_quantiles {
    enum pw_dtype dtype;
    unsigned bits;
    int passes; /* done */
    int n;
    double percent[PW_QUANTILES_MAX];
    struct pw_key_range range; /* of all voxels, after the first pass */
    /* of each percentile two ranks, next to each other: where each is known to lie */
    struct pw_key_interval place[PW_QUANTILE_RANKS_MAX];
    uint64_t rank[PW_QUANTILE_RANKS_MAX]; /* among the keys of its place */
    /* of this pass */
    int n_intervals;
    struct pw_key_interval interval[PW_QUANTILE_RANKS_MAX];
};

/* percent: n values of 0..100.  The first pass is also done for n == 0: it gives the range. */
void pw_quantile_init(struct pw_quantiles *q, enum pw_dtype dtype, unsigned bits, const double *percent, int n);

/* Counters of this pass. */
uint64_t pw_quantile_bins(const struct pw_quantiles *q);

void pw_quantile_add(const struct pw_quantiles *q, uint64_t *counts, struct pw_key_range *range, const void *voxels,
                     size_t stride_bytes, uint64_t rows, uint64_t width);

/*
 * Takes the sums of a pass; returns 1 when another is needed.  range counts in the first pass, except where every
 * value has a bin.
 */
int pw_quantile_next(struct pw_quantiles *q, const uint64_t *counts, const struct pw_key_range *range);

/* When no pass is needed any more.  NaN when there is no voxel. */
double pw_quantile_value(const struct pw_quantiles *q, int i);
double pw_quantile_minimum(const struct pw_quantiles *q);
double pw_quantile_maximum(const struct pw_quantiles *q);

#endif
