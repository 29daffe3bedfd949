#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "relate/matcher.h"

enum {
    SIDE = 60,
    MEMORY_LITTLE = 1 /* the least that anything works with: runs and flags go to files */
};

static int by_order(const void *a, const void *b)
{
    const struct pw_match_candidate *x = a, *y = b;
    if (x->iou != y->iou)
        return x->iou > y->iou ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return x->b < y->b ? -1 : x->b > y->b;
}

/* Matches of the candidates, by a loop over them in order; expected[k] at threshold k. */
static void match_simply(struct pw_match_candidate *c, size_t n, const double *threshold, int n_thresholds,
                         uint64_t *expected)
{
    char used_a[SIDE] = {0}, used_b[SIDE] = {0};
    memset(expected, 0, (size_t)n_thresholds * sizeof *expected);
    qsort(c, n, sizeof *c, by_order);
    for (size_t i = 0; i < n; i++) {
        if (used_a[c[i].rank_a] || used_b[c[i].rank_b])
            continue;
        used_a[c[i].rank_a] = used_b[c[i].rank_b] = 1;
        for (int k = 0; k < n_thresholds; k++)
            expected[k] += c[i].iou >= threshold[k];
    }
}

/* Overlaps that any volumes might have, with many ties; all memory that is given. */
static void check(unsigned seed, uint64_t memory_bytes)
{
    static const double threshold[] = {0.05, 0.25, 0.5};
    struct pw_match_candidate *c = calloc((size_t)SIDE * SIDE, sizeof *c);
    struct pw_matcher matcher;
    struct pw_error error = {0};
    uint64_t expected[3], n = 0;
    srand(seed);
    cr_assert(c != NULL);
    cr_assert(pw_matcher_init(&matcher, threshold, 3, memory_bytes, "/tmp", &error) == PW_OK);
    for (uint64_t a = 0; a < SIDE; a++)
        for (uint64_t b = 0; b < SIDE; b++)
            if (rand() % 3 == 0)
                c[n++] = (struct pw_match_candidate){.a = 7 * a + 1,
                                                     .b = 1000 + b,
                                                     .rank_a = a,
                                                     .rank_b = b,
                                                     .crosses_a = a % 2 == 1,
                                                     .crosses_b = b % 5 == 0,
                                                     .iou = (double)(rand() % 12 + 1) / 24};
    for (uint64_t i = 0; i < n; i++)
        cr_assert(pw_matcher_add(&matcher, &c[i], &error) == PW_OK);
    cr_assert(pw_matcher_run(&matcher, SIDE, SIDE, &error) == PW_OK);
    match_simply(c, n, threshold, 3, expected);
    for (int k = 0; k < 3; k++) {
        const struct pw_match_sum *all = &matcher.sum[PW_MATCH_ALL][k];
        const struct pw_match_sum *in = &matcher.sum[PW_MATCH_INTERIOR][k], *out = &matcher.sum[PW_MATCH_CROSSING][k];
        cr_assert(all->truth == expected[k] && all->predicted == expected[k]);
        cr_assert(in->truth + out->truth == all->truth && in->predicted + out->predicted == all->predicted);
    }
    pw_matcher_destroy(&matcher);
    free(c);
}

Test(matcher, equals_a_simple_loop)
{
    for (unsigned seed = 0; seed < 20; seed++)
        check(seed, 1 << 20);
}

Test(matcher, in_the_least_memory)
{
    for (unsigned seed = 0; seed < 20; seed++)
        check(seed, MEMORY_LITTLE);
}

Test(matcher, groups_by_where_each_object_lies)
{
    static const double threshold[] = {0.6};
    struct pw_matcher matcher;
    struct pw_error error = {0};
    const struct pw_match_candidate one = {
        .a = 5, .b = 9, .rank_a = 0, .rank_b = 0, .crosses_a = 1, .crosses_b = 0, .iou = 0.75};
    cr_assert(pw_matcher_init(&matcher, threshold, 1, 1 << 16, "/tmp", &error) == PW_OK);
    cr_assert(pw_matcher_add(&matcher, &one, &error) == PW_OK);
    cr_assert(pw_matcher_run(&matcher, 1, 1, &error) == PW_OK);
    cr_assert(matcher.sum[PW_MATCH_CROSSING][0].truth == 1 && matcher.sum[PW_MATCH_CROSSING][0].predicted == 0);
    cr_assert(matcher.sum[PW_MATCH_INTERIOR][0].truth == 0 && matcher.sum[PW_MATCH_INTERIOR][0].predicted == 1);
    cr_assert(pw_compensated_value(&matcher.sum[PW_MATCH_CROSSING][0].iou) == 0.75);
    pw_matcher_destroy(&matcher);
}

Test(matcher, sums_lose_nothing)
{
    struct pw_compensated sum = {0};
    pw_compensated_add(&sum, 1e100);
    for (int i = 0; i < 10; i++)
        pw_compensated_add(&sum, 0.125);
    pw_compensated_add(&sum, -1e100);
    cr_assert(pw_compensated_value(&sum) == 1.25);
}
