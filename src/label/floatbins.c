#include "label/floatbins.h"

#include <math.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    BINS = PW_HISTOGRAM_FLOAT_BINS
};

double pw_half_round(double value)
{
    int exponent;
    if (!isfinite(value) || value == 0)
        return value;
    (void)frexp(value, &exponent);
    /* Eleven significant bits, fewer below 2^-14. */
    int quantum = exponent - 11 < -24 ? -24 : exponent - 11;
    double rounded = ldexp(nearbyint(ldexp(value, -quantum)), quantum);
    return fabs(rounded) > 65504 ? copysign(HUGE_VAL, value) : rounded;
}

/* numpy.linspace(first, last, 257) in the precision; 1 when every edge is above the one before it. */
static int fill_edges(struct pw_float_bins *bins)
{
    enum pw_precision p = bins->precision;
    bins->width = pw_rounded(p, bins->last - bins->first);
    double step = pw_rounded(p, bins->width / BINS);
    for (int i = 0; i < BINS; i++) {
        double offset =
            step == 0 ? pw_rounded(p, pw_rounded(p, (double)i / BINS) * bins->width) : pw_rounded(p, i * step);
        bins->edge[i] = pw_rounded(p, offset + bins->first);
    }
    bins->edge[BINS] = bins->last;
    int rising = isfinite(bins->width) != 0;
    for (int i = 0; i < BINS; i++)
        rising &= bins->edge[i] < bins->edge[i + 1];
    return rising;
}

void pw_float_bins_init(struct pw_float_bins *bins, enum pw_dtype dtype, double first, double last)
{
    bins->precision = dtype == PW_F16 ? PW_HALF : dtype == PW_F32 ? PW_SINGLE : PW_DOUBLE;
    bins->first = first;
    bins->last = last;
    while (!fill_edges(bins) && bins->precision < PW_DOUBLE)
        bins->precision++;
}

double pw_float_bins_centre(const struct pw_float_bins *bins, uint64_t bin)
{
    double sum = pw_rounded(bins->precision, bins->edge[bin] + bins->edge[bin + 1]);
    return pw_rounded(bins->precision, sum / 2);
}
