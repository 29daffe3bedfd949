#include "qc/statistics.h"

#include <math.h>

double pw_two_proportion_z(uint64_t hits, uint64_t n, uint64_t control_hits, uint64_t control_n)
{
    if (n == 0 || control_n == 0)
        return NAN;
    double a = (double)n, b = (double)control_n;
    double both = ((double)hits + (double)control_hits) / (a + b);
    if (both <= 0 || both >= 1)
        return 0;
    return ((double)hits / a - (double)control_hits / b) / sqrt(both * (1 - both) * (1 / a + 1 / b));
}

double pw_proportion_at_least(uint64_t hits, uint64_t n)
{
    const double z = 1.959963984540054; /* of the normal distribution, 2.5 % lie above */
    if (hits == 0)
        return 0;
    double m = (double)n, p = (double)hits / m;
    double low = (p + z * z / (2 * m) - z * sqrt(p * (1 - p) / m + z * z / (4 * m * m))) / (1 + z * z / m);
    return low > 0 ? low : 0;
}

double pw_chi_square(const uint64_t *count, const uint64_t *weight, int bins, int *degrees)
{
    double total = 0, weights = 0, sum = 0;
    *degrees = -1;
    for (int i = 0; i < bins; i++) {
        weights += (double)weight[i];
        total += weight[i] > 0 ? (double)count[i] : 0;
        *degrees += weight[i] > 0;
    }
    if (*degrees < 1 || total <= 0) {
        *degrees = 0;
        return NAN;
    }
    for (int i = 0; i < bins; i++) {
        double expected = total * (double)weight[i] / weights;
        if (weight[i] > 0)
            sum += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    }
    return sum;
}
