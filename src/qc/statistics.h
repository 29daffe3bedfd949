/*
 * qc/statistics - a few tests of proportions and counts.
 *
 * Threads: pure functions.
 */
#ifndef PW_QC_STATISTICS_H
#define PW_QC_STATISTICS_H

#include <stdint.h>

/*
 * By how many standard errors hits of n exceed control_hits of control_n: (p - q) / sqrt(r (1 - r) (1/n + 1/m)) with
 * r the proportion of both together; 0 when r is 0 or 1, NaN when either has nothing.
 */
double pw_two_proportion_z(uint64_t hits, uint64_t n, uint64_t control_hits, uint64_t control_n);

/*
 * The least proportion that hits of n are likely to come from: the lower end of Wilson's interval of 95 %.  0 for
 * none.  (Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.)
 */
double pw_proportion_at_least(uint64_t hits, uint64_t n);

/* Pearson's chi-square of counts against total * weight / sum of weights; bins of weight 0 are left out. */
double pw_chi_square(const uint64_t *count, const uint64_t *weight, int bins, int *degrees);

#endif
