/*
 * Otsu's threshold, to the last digit that of skimage.filters.threshold_otsu.
 *
 * That function works on arrays: counts as float32, their cumulative sums from
 * the left and from the right (one addition after the other, in float32), sums of
 * count * centre in float64 for integers and in float32 for images of half and
 * single precision, the variance between the classes, and the first maximum.
 * (Before 0.20 counts were float64 too, and the maximum, rarely, one bin further.)
 * Floating-point sums cannot be taken apart again, so the sums from the right must
 * really be made from the right, while the maximum is looked for from the left.
 * Instead of arrays as long as the histogram, the right sums are kept for one block,
 * and halves of the histogram are summed again as often as it was halved.
 */
#include "label/histogram.h"

#include "base/dtype.h"
#include "label/floatbins.h"

#include <math.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    BLOCK = 512
};

/* Voxels of one class, and the sum of their values. */
struct side {
    float weight;
    double sum;
};

struct otsu {
    const struct pw_histogram *h;
    struct pw_float_bins bins; /* of floats */
    enum pw_precision precision;
    uint64_t last;     /* the last bin with a voxel */
    struct side below; /* bins before the one looked at */
    double best;
    uint64_t best_bin;
    int decided; /* a variance was NaN: numpy.argmax takes the first one */
};

/* The value that a bin stands for. */
static double centre(const struct otsu *o, uint64_t bin)
{
    if (pw_dtype_is_float(o->h->dtype))
        return pw_float_bins_centre(&o->bins, bin);
    if (pw_dtype_is_signed(o->h->dtype))
        return (double)(int64_t)((uint64_t)o->h->base_i + bin);
    return (double)(o->h->base_u + bin);
}

static struct side with_bin(const struct otsu *o, struct side class, uint64_t bin)
{
    uint64_t voxels = o->h->count[bin];
    if (voxels == 0)
        return class;
    float count = (float)(int64_t)voxels;
    class.weight += count;
    class.sum = pw_rounded(o->precision, class.sum + pw_rounded(o->precision, (double)count * centre(o, bin)));
    return class;
}

/* Judges a threshold at bin, when below holds it and above the rest. */
static void judge(struct otsu *o, uint64_t bin, struct side above)
{
    enum pw_precision p = o->precision;
    double mean_below = pw_rounded(p, o->below.sum / (double)o->below.weight);
    double mean_above = pw_rounded(p, above.sum / (double)above.weight);
    double difference = pw_rounded(p, mean_below - mean_above);
    float weights = o->below.weight * above.weight;
    double variance = pw_rounded(p, (double)weights * pw_rounded(p, difference * difference));
    if (isnan(variance))
        o->decided = 1;
    if (o->decided || variance > o->best) {
        o->best = variance;
        o->best_bin = bin;
    }
}

/* Bins first..end-1; above is the class of end..last. */
static void search_block(struct otsu *o, uint64_t first, uint64_t end, struct side above)
{
    struct side right[BLOCK];
    for (uint64_t bin = end; bin > first; bin--) {
        right[bin - 1 - first] = above; /* the bins after bin-1 */
        above = with_bin(o, above, bin - 1);
    }
    for (uint64_t bin = first; bin < end && bin < o->last && !o->decided; bin++) {
        o->below = with_bin(o, o->below, bin);
        /* An empty bin changes nothing and so is never the first maximum. */
        if (o->h->count[bin])
            judge(o, bin, right[bin - first]);
    }
}

static void search(struct otsu *o, uint64_t first, uint64_t end, struct side above)
{
    if (end - first <= BLOCK) {
        search_block(o, first, end, above);
        return;
    }
    uint64_t middle = first + (end - first) / 2;
    struct side above_middle = above;
    for (uint64_t bin = end; bin > middle; bin--)
        above_middle = with_bin(o, above_middle, bin - 1);
    search(o, first, middle, above_middle);
    if (!o->decided)
        search(o, middle, end, above);
}

double pw_histogram_otsu(const struct pw_histogram *histogram)
{
    struct otsu o = {.h = histogram, .precision = PW_DOUBLE, .best = -1};
    uint64_t first = 0, end = histogram->n_bins;
    while (first < end && histogram->count[first] == 0)
        first++;
    while (end > first && histogram->count[end - 1] == 0)
        end--;
    if (first == end)
        return 0;
    if (pw_dtype_is_float(histogram->dtype)) {
        if (!(histogram->min_f < histogram->max_f))
            return histogram->min_f;
        pw_float_bins_init(&o.bins, histogram->dtype, histogram->min_f, histogram->max_f);
        o.precision = o.bins.precision == PW_DOUBLE ? PW_DOUBLE : PW_SINGLE;
    }
    /* numpy has 256 bins for 0 and 1; between them all thresholds are alike, and the first bin's centre is taken. */
    if (histogram->dtype == PW_BOOL && end - first > 1)
        return 0.5 / PW_HISTOGRAM_FLOAT_BINS;
    o.last = end - 1;
    o.best_bin = first;
    search(&o, first, end, (struct side){0});
    return centre(&o, o.best_bin);
}
