#include "relate/matcher.h"

#include <stdio.h>
#include <string.h>

#include "ext/flag_set.h"

/* Words of a candidate, sorted by the first three. */
enum {
    DESCENDING_IOU, /* the bits of the number, inverted: those of positive numbers ascend as they do */
    A,
    B,
    RANK_A, /* twice the rank, and 1 when the object crosses */
    RANK_B,
    WORDS
};

static const struct pw_sorter_form candidate_form = {.words = WORDS, .key_words = 3};

enum pw_status pw_matcher_init(struct pw_matcher *matcher, const double *threshold, int n_thresholds,
                               uint64_t memory_bytes, const char *scratch_dir, struct pw_error *error)
{
    memset(matcher, 0, sizeof *matcher);
    matcher->n_thresholds = n_thresholds;
    memcpy(matcher->threshold, threshold, (size_t)n_thresholds * sizeof *threshold);
    matcher->memory_bytes = memory_bytes;
    (void)snprintf(matcher->scratch_dir, sizeof matcher->scratch_dir, "%s", scratch_dir);
    return pw_sorter_init(&matcher->candidates, &candidate_form, memory_bytes / 2, scratch_dir, error);
}

void pw_matcher_destroy(struct pw_matcher *matcher)
{
    pw_sorter_destroy(&matcher->candidates);
}

enum pw_status pw_matcher_add(struct pw_matcher *matcher, const struct pw_match_candidate *candidate,
                              struct pw_error *error)
{
    uint64_t record[WORDS] = {0, candidate->a, candidate->b, candidate->rank_a * 2 + (candidate->crosses_a != 0),
                              candidate->rank_b * 2 + (candidate->crosses_b != 0)};
    if (matcher->n_thresholds == 0 || candidate->iou < matcher->threshold[0])
        return PW_OK;
    memcpy(&record[DESCENDING_IOU], &candidate->iou, sizeof candidate->iou);
    record[DESCENDING_IOU] = ~record[DESCENDING_IOU];
    return pw_sorter_add(&matcher->candidates, record, error);
}

static void count_match(struct pw_matcher *matcher, const uint64_t record[WORDS], double iou)
{
    int truth = record[RANK_A] & 1 ? PW_MATCH_CROSSING : PW_MATCH_INTERIOR;
    int predicted = record[RANK_B] & 1 ? PW_MATCH_CROSSING : PW_MATCH_INTERIOR;
    for (int k = 0; k < matcher->n_thresholds && iou >= matcher->threshold[k]; k++) {
        matcher->sum[PW_MATCH_ALL][k].truth++;
        matcher->sum[PW_MATCH_ALL][k].predicted++;
        matcher->sum[truth][k].truth++;
        matcher->sum[predicted][k].predicted++;
        pw_compensated_add(&matcher->sum[PW_MATCH_ALL][k].iou, iou);
        pw_compensated_add(&matcher->sum[truth][k].iou, iou);
    }
}

/* Whether neither has a partner; then both have one. */
static enum pw_status claim(struct pw_flag_set *taken, uint64_t a, uint64_t b, int *is_free, struct pw_error *error)
{
    int has_a = 0, has_b = 0;
    enum pw_status status = pw_flag_set_get(taken, a, &has_a, error);
    if (status == PW_OK)
        status = pw_flag_set_get(taken, b, &has_b, error);
    *is_free = !has_a && !has_b;
    if (status == PW_OK && *is_free)
        status = pw_flag_set_raise(taken, a, error);
    return status == PW_OK && *is_free ? pw_flag_set_raise(taken, b, error) : status;
}

static enum pw_status walk(struct pw_matcher *matcher, struct pw_flag_set *taken, uint64_t n_a, struct pw_error *error)
{
    for (;;) {
        uint64_t record[WORDS];
        enum pw_status status = pw_sorter_next(&matcher->candidates, record, error);
        if (status != PW_OK)
            return status == PW_EMPTY ? PW_OK : status;
        double iou;
        int is_free = 1;
        uint64_t bits = ~record[DESCENDING_IOU];
        memcpy(&iou, &bits, sizeof iou);
        if (taken != NULL)
            status = claim(taken, record[RANK_A] / 2, n_a + record[RANK_B] / 2, &is_free, error);
        if (status != PW_OK)
            return status;
        if (is_free)
            count_match(matcher, record, iou);
    }
}

enum pw_status pw_matcher_run(struct pw_matcher *matcher, uint64_t n_a, uint64_t n_b, struct pw_error *error)
{
    struct pw_flag_set taken = {0};
    int several = matcher->n_thresholds > 0 && matcher->threshold[0] <= 0.5;
    enum pw_status status = pw_sorter_finish(&matcher->candidates, error);
    if (status == PW_OK && several)
        status = pw_flag_set_init(&taken, n_a + n_b, matcher->memory_bytes / 2, matcher->scratch_dir, error);
    if (status == PW_OK)
        status = walk(matcher, several ? &taken : NULL, n_a, error);
    pw_flag_set_destroy(&taken);
    return status;
}
