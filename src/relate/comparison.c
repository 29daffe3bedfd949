#include "relate/comparison.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "label/wide.h"
#include "relate/matcher.h"

/* Words of a pair with what is known of its label in A, sorted by b, then a. */
enum {
    JOINED_B,
    JOINED_A,
    JOINED_VOXELS,
    JOINED_SIZE_A,
    JOINED_RANK_A, /* twice the rank, and 1 when the object crosses */
    JOINED_WORDS
};

static const struct pw_sorter_form joined_form = {.words = JOINED_WORDS, .key_words = 2};

struct comparison {
    struct pw_pair_sums *sums;
    struct pw_sorter joined;
    struct pw_matcher matcher;
    struct pw_compare_result *result;
    uint64_t objects[2][2]; /* of A and of B, not crossing and crossing */

    /* over voxels that are not background in A */
    uint64_t foreground;
    pw_u128 square_pairs, square_a, square_b;

    struct pw_compensated vi_split, vi_merge; /* times the number of voxels */
};

/* ---- what both walks have in common ------------------------------------ */

/* The label of one side that a walk is at. */
struct current {
    int begun;
    uint64_t label, voxels, rank;
    int crosses;
    uint64_t partners;   /* labels of the other side on it that are not background */
    uint64_t foreground; /* its voxels that are not background in the other */
};

/* Goes on to the next label, which must be label: the sizes have the same labels as the pairs. */
static enum pw_status next_label(struct comparison *c, int side, uint64_t label, struct current *current,
                                 struct pw_error *error)
{
    uint64_t size[PW_SIZE_WORDS] = {0};
    enum pw_status status = pw_sorter_next(&c->sums->size[side], size, error);
    if (status == PW_EMPTY || (status == PW_OK && size[PW_SIZE_LABEL] != label))
        return pw_fail(error, PW_E_INTERNAL, "compare: label %llu has no size", (unsigned long long)label);
    if (status != PW_OK)
        return status;
    uint64_t *objects = c->objects[side];
    *current = (struct current){.begun = 1, .label = label, .voxels = size[PW_SIZE_VOXELS]};
    if (label == 0)
        return PW_OK;
    current->crosses = size[PW_SIZE_FIRST_CELL] != size[PW_SIZE_LAST_CELL];
    current->rank = objects[0] + objects[1];
    objects[current->crosses]++;
    return PW_OK;
}

/* The voxels' share of a conditional entropy, in bits: 0 where the pair is all of the label. */
static void add_entropy(struct pw_compensated *sum, uint64_t voxels, uint64_t size)
{
    if (voxels != size)
        pw_compensated_add(sum, (double)voxels * log2((double)size / (double)voxels));
}

/* ---- by A -------------------------------------------------------------- */

static void end_a(struct comparison *c, const struct current *current)
{
    if (!current->begun || current->label == 0)
        return;
    c->result->missed_objects += current->partners == 0;
    c->result->split_objects += current->partners > 1;
    c->square_a += (pw_u128)current->voxels * current->voxels;
    c->foreground += current->voxels;
}

static enum pw_status walk_a(struct comparison *c, struct pw_error *error)
{
    struct current current = {0};
    for (;;) {
        uint64_t pair[PW_PAIR_WORDS];
        enum pw_status status = pw_sorter_next(&c->sums->pairs, pair, error);
        if (status == PW_OK && (!current.begun || pair[PW_PAIR_A] != current.label)) {
            end_a(c, &current);
            status = next_label(c, 0, pair[PW_PAIR_A], &current, error);
        }
        if (status == PW_EMPTY) {
            end_a(c, &current);
            return pw_sorter_finish(&c->joined, error);
        }
        if (status != PW_OK)
            return status;
        uint64_t joined[JOINED_WORDS] = {pair[PW_PAIR_B], pair[PW_PAIR_A], pair[PW_PAIR_VOXELS], current.voxels,
                                         current.rank * 2 + (uint64_t)current.crosses};
        current.partners += pair[PW_PAIR_B] != 0;
        add_entropy(&c->vi_split, pair[PW_PAIR_VOXELS], current.voxels);
        status = pw_sorter_add(&c->joined, joined, error);
        if (status != PW_OK)
            return status;
    }
}

/* ---- by B -------------------------------------------------------------- */

static void end_b(struct comparison *c, const struct current *current)
{
    if (!current->begun)
        return;
    c->square_b += (pw_u128)current->foreground * current->foreground;
    if (current->label == 0)
        return;
    c->result->spurious_objects += current->partners == 0;
    c->result->merged_objects += current->partners > 1;
}

/* Two objects that share voxels. */
static enum pw_status add_objects(struct comparison *c, const uint64_t joined[JOINED_WORDS],
                                  const struct current *current, struct pw_error *error)
{
    uint64_t shared = joined[JOINED_VOXELS], either = joined[JOINED_SIZE_A] + current->voxels - shared;
    struct pw_match_candidate candidate = {
        .a = joined[JOINED_A],
        .b = current->label,
        .rank_a = joined[JOINED_RANK_A] / 2,
        .rank_b = current->rank,
        .crosses_a = (int)(joined[JOINED_RANK_A] & 1),
        .crosses_b = current->crosses,
        .iou = (double)shared / (double)either,
    };
    c->result->exact_objects += shared == either;
    return pw_matcher_add(&c->matcher, &candidate, error);
}

static enum pw_status walk_b(struct comparison *c, struct pw_error *error)
{
    struct current current = {0};
    for (;;) {
        uint64_t joined[JOINED_WORDS];
        enum pw_status status = pw_sorter_next(&c->joined, joined, error);
        if (status == PW_OK && (!current.begun || joined[JOINED_B] != current.label)) {
            end_b(c, &current);
            status = next_label(c, 1, joined[JOINED_B], &current, error);
        }
        if (status == PW_EMPTY) {
            end_b(c, &current);
            return PW_OK;
        }
        if (status != PW_OK)
            return status;
        uint64_t voxels = joined[JOINED_VOXELS];
        add_entropy(&c->vi_merge, voxels, current.voxels);
        if (joined[JOINED_A] == 0)
            continue;
        current.partners++;
        current.foreground += voxels;
        c->square_pairs += (pw_u128)voxels * voxels;
        if (current.label != 0)
            status = add_objects(c, joined, &current, error);
        if (status != PW_OK)
            return status;
    }
}

/* ---- figures ----------------------------------------------------------- */

static double ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

static void score_group(const struct comparison *c, enum pw_match_group_index index, struct pw_match_group *group)
{
    const int first = index == PW_MATCH_CROSSING, last = index != PW_MATCH_INTERIOR;
    for (int crosses = first; crosses <= last; crosses++) {
        group->truth_objects += c->objects[0][crosses];
        group->predicted_objects += c->objects[1][crosses];
    }
    for (int k = 0; k < c->matcher.n_thresholds; k++) {
        const struct pw_match_sum *sum = &c->matcher.sum[index][k];
        struct pw_match_score *score = &group->score[k];
        score->threshold = c->matcher.threshold[k];
        score->matched_truth = sum->truth;
        score->matched_predicted = sum->predicted;
        score->precision = ratio(sum->predicted, group->predicted_objects);
        score->recall = ratio(sum->truth, group->truth_objects);
        score->f1 = 2 * score->precision * score->recall / (score->precision + score->recall);
        if (sum->truth + sum->predicted == 0) /* also where only one of the two has objects */
            score->f1 = ratio(0, group->truth_objects + group->predicted_objects);
        score->mean_iou = sum->truth == 0 ? (double)NAN : pw_compensated_value(&sum->iou) / (double)sum->truth;
        score->panoptic_quality = sum->truth == 0 && !isnan(score->f1) ? 0 : score->f1 * score->mean_iou;
    }
}

/* Pairs of voxels are counted as ordered pairs of different ones: n * (n - 1). */
static void rand_figures(const struct comparison *c, struct pw_compare_result *result)
{
    double pairs = (double)(c->square_pairs - c->foreground);
    double in_a = (double)(c->square_a - c->foreground), in_b = (double)(c->square_b - c->foreground);
    result->rand_precision = pairs / in_b; /* NaN for 0 / 0 */
    result->rand_recall = pairs / in_a;
    result->rand_error = 1.0 - pairs / (0.5 * in_a + 0.5 * in_b);
}

static void make_figures(const struct comparison *c, struct pw_compare_result *result)
{
    const uint64_t n_a = c->objects[0][0] + c->objects[0][1], n_b = c->objects[1][0] + c->objects[1][1];
    result->n_thresholds = c->matcher.n_thresholds;
    score_group(c, PW_MATCH_ALL, &result->all);
    if (result->has_crossing) {
        score_group(c, PW_MATCH_CROSSING, &result->crossing);
        score_group(c, PW_MATCH_INTERIOR, &result->interior);
    }
    result->vi_split = pw_compensated_value(&c->vi_split) / (double)result->voxels;
    result->vi_merge = pw_compensated_value(&c->vi_merge) / (double)result->voxels;
    rand_figures(c, result);
    if (result->different_voxels == 0)
        result->sameness = PW_LABELS_IDENTICAL;
    else if (result->exact_objects == n_a && n_a == n_b)
        result->sameness = PW_LABELS_SAME_PARTITION;
    else
        result->sameness = PW_LABELS_DIFFERENT;
}

enum pw_status pw_comparison_make(struct pw_pair_sums *sums, const struct pw_compare_options *options,
                                  uint64_t memory_bytes, const char *scratch_dir, struct pw_compare_result *result,
                                  struct pw_error *error)
{
    struct comparison c = {.sums = sums, .result = result};
    result->has_crossing = options->crossing[2] != 0;
    enum pw_status status = pw_sorter_init(&c.joined, &joined_form, memory_bytes / 2, scratch_dir, error);
    if (status == PW_OK)
        status = pw_matcher_init(&c.matcher, options->threshold, options->n_thresholds, memory_bytes / 2, scratch_dir,
                                 error);
    if (status == PW_OK)
        status = walk_a(&c, error);
    if (status == PW_OK)
        status = walk_b(&c, error);
    if (status == PW_OK)
        status =
            pw_matcher_run(&c.matcher, c.objects[0][0] + c.objects[0][1], c.objects[1][0] + c.objects[1][1], error);
    if (status == PW_OK)
        make_figures(&c, result);
    pw_matcher_destroy(&c.matcher);
    pw_sorter_destroy(&c.joined);
    return status;
}
