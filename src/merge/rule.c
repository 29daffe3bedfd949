#include "merge/rule.h"

#include <math.h>
#include <stdio.h>

#include "merge/edges.h"

__extension__ typedef unsigned __int128 wide;

enum pw_rule_family pw_rule_family(const struct pw_rule *rule)
{
    switch (rule->merge) {
    case PW_MERGE_FACE: return PW_FAMILY_FACE;
    case PW_MERGE_OVERLAP:
    case PW_MERGE_WITNESS: return PW_FAMILY_OVERLAP;
    case PW_MERGE_AUTO:
    case PW_MERGE_TOUCH: break;
    }
    return PW_FAMILY_TOUCH;
}

void pw_rule_describe(const struct pw_rule *rule, char *text, size_t capacity)
{
    static const char *const metric[] = {"iou", "mutual", "iomin"};
    switch (rule->merge) {
    case PW_MERGE_FACE:
        (void)snprintf(text, capacity, "face, tau %g, min-contact %u", rule->tau, rule->min_contact);
        return;
    case PW_MERGE_OVERLAP:
        (void)snprintf(text, capacity, "overlap, %s, tau %g", metric[rule->metric], rule->tau);
        return;
    case PW_MERGE_WITNESS: (void)snprintf(text, capacity, "witness, tau %g", rule->tau); return;
    case PW_MERGE_AUTO:
    case PW_MERGE_TOUCH: break;
    }
    (void)snprintf(text, capacity, "touch, connectivity %d", rule->connectivity);
}

/*
 * Compares n with tau * m: -1, 0 or 1.  tau is fraction * 2^-shift with an odd fraction below 2^53 and, from
 * PW_TAU_LEAST to 1, a shift of at most 62; n and m are below 2^66, so both sides fit 128 bits.
 */
static int compare_with_share(wide n, double tau, wide m)
{
    int exponent;
    uint64_t fraction = (uint64_t)ldexp(frexp(tau, &exponent), 53);
    int shift = 53 - exponent;
    while (fraction % 2 == 0 && shift > 0) {
        fraction /= 2;
        shift--;
    }
    wide left = n << shift, right = m * fraction;
    return left < right ? -1 : left > right;
}

static int accepts_overlap(const struct pw_rule *rule, const struct pw_edge *edge)
{
    wide shared = edge->shared, a = edge->size_a, b = edge->size_b;
    enum pw_metric metric = rule->merge == PW_MERGE_WITNESS ? PW_METRIC_IOU : rule->metric;
    switch (metric) {
    case PW_METRIC_MUTUAL:
        return (edge->flags & PW_EDGE_BEST) != 0 && compare_with_share(shared * (a + b), rule->tau, 2 * a * b) > 0;
    case PW_METRIC_IOMIN: return compare_with_share(shared, rule->tau, a < b ? a : b) >= 0;
    case PW_METRIC_IOU: break;
    }
    return compare_with_share(shared, rule->tau, a + b - shared) > 0;
}

int pw_rule_accepts(const struct pw_rule *rule, const struct pw_edge *edge)
{
    wide shared = edge->shared;
    switch (pw_rule_family(rule)) {
    case PW_FAMILY_FACE:
        return edge->shared >= rule->min_contact &&
               compare_with_share(shared, rule->tau, (wide)edge->size_a + edge->size_b - shared) > 0;
    case PW_FAMILY_OVERLAP: return accepts_overlap(rule, edge);
    case PW_FAMILY_TOUCH: break;
    }
    return 1;
}
