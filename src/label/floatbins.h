/*
 * label/floatbins - the bins of numpy.histogram(image, 256) for floats.
 *
 * numpy (2.x) computes edges and bin numbers in the image's own type, rounding
 * after each operation; so does this, and gets the same bins.  Where that type
 * cannot hold 257 different edges over the range (numpy then refuses), the next
 * wider one is used.
 *
 * Internal to label.
 */
#ifndef PW_LABEL_FLOATBINS_H
#define PW_LABEL_FLOATBINS_H

#include "label/histogram.h"
#include "label/simd.h"

/* The type in which a histogram is computed. */
enum pw_precision {
    PW_HALF,
    PW_SINGLE,
    PW_DOUBLE
};

struct pw_float_bins {
    enum pw_precision precision;
    double first, last, width; /* width = last - first */
    double edge[PW_HISTOGRAM_FLOAT_BINS + 1];
};

void pw_float_bins_init(struct pw_float_bins *bins, enum pw_dtype dtype, double first, double last);

/* The centre of a bin. */
double pw_float_bins_centre(const struct pw_float_bins *bins, uint64_t bin);

/* The nearest half of a value, ties to even; beyond the largest it is infinite. */
double pw_half_round(double value);

/*
 * The result of one operation on values of a precision, rounded to it.  The
 * operation itself is done in double, which has more than twice the digits, so
 * that rounding twice comes to the same (Figueroa, When is double rounding innocuous?, 1995).
 */
PW_INLINE double pw_rounded(enum pw_precision precision, double value)
{
    if (precision == PW_DOUBLE)
        return value;
    return precision == PW_SINGLE ? (double)(float)value : pw_half_round(value);
}

/* The bin of value, which lies within first..last. */
PW_INLINE uint64_t pw_float_bin(const struct pw_float_bins *bins, enum pw_precision precision, double value)
{
    if (!(bins->width > 0))
        return 0;
    double offset = pw_rounded(precision, value - bins->first);
    double fraction = pw_rounded(precision, offset / bins->width);
    uint64_t bin = (uint64_t)pw_rounded(precision, fraction * PW_HISTOGRAM_FLOAT_BINS);
    if (bin >= PW_HISTOGRAM_FLOAT_BINS)
        bin = PW_HISTOGRAM_FLOAT_BINS - 1;
    /* The product may be off by a last digit: the edges decide. */
    bin -= bin > 0 && value < bins->edge[bin];
    bin += bin < PW_HISTOGRAM_FLOAT_BINS - 1 && value >= bins->edge[bin + 1];
    return bin;
}

#endif
