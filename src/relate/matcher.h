/*
 * relate/matcher - objects of two volumes matched one to one, and scored at several thresholds of IoU.
 *
 *     pw_matcher_init(&matcher, threshold, n_thresholds, memory_bytes, scratch_dir, error)
 *     pw_matcher_add(&matcher, &candidate, error)      each pair of objects that share voxels
 *     pw_matcher_run(&matcher, n_a, n_b, error)        matcher.sum[] are complete
 *     pw_matcher_destroy(&matcher)
 *
 * Method: candidates are taken by descending IoU, ties by ascending a, then b; one whose two objects
 * have no partner yet is a match.  A higher threshold ends the same walk earlier, so that one walk
 * serves all.  Above 0.5 an object has at most one candidate, and the walk is only a count.
 *
 * Memory: memory_bytes; the candidates are sorted on disk when they do not fit, the flags of who has
 * a partner likewise.
 * Threads: one.
 */
#ifndef PW_RELATE_MATCHER_H
#define PW_RELATE_MATCHER_H

#include "ext/sorter.h"

/* Two objects that share voxels. */
struct pw_match_candidate {
    uint64_t a, b;           /* ids */
    uint64_t rank_a, rank_b; /* numbers of the objects in their volumes, from 0 */
    int crosses_a, crosses_b;
    double iou;
};

/* A sum whose rounding errors are summed too (Neumaier 1974). */
struct pw_compensated {
    double sum, lost;
};

static inline void pw_compensated_add(struct pw_compensated *s, double value)
{
    double sum = s->sum + value, big = s->sum, small = value;
    if ((big < 0 ? -big : big) < (small < 0 ? -small : small)) {
        big = value;
        small = s->sum;
    }
    s->lost += (big - sum) + small;
    s->sum = sum;
}

static inline double pw_compensated_value(const struct pw_compensated *s)
{
    return s->sum + s->lost;
}

/* Of one group of objects at one threshold. */
struct pw_match_sum {
    uint64_t truth, predicted; /* matched objects of A and of B in the group */
    struct pw_compensated iou; /* of those of A */
};

enum pw_match_group_index {
    PW_MATCH_ALL = 0,
    PW_MATCH_INTERIOR,
    PW_MATCH_CROSSING,
    PW_MATCH_GROUPS
};

struct pw_matcher {
    int n_thresholds;
    double threshold[PW_COMPARE_THRESHOLDS_MAX];
    uint64_t memory_bytes;
    char scratch_dir[4096];
    struct pw_sorter candidates;
    struct pw_match_sum sum[PW_MATCH_GROUPS][PW_COMPARE_THRESHOLDS_MAX];
};

enum pw_status pw_matcher_init(struct pw_matcher *matcher, const double *threshold, int n_thresholds,
                               uint64_t memory_bytes, const char *scratch_dir, struct pw_error *error);
void pw_matcher_destroy(struct pw_matcher *matcher); /* safe on a zeroed matcher */

enum pw_status pw_matcher_add(struct pw_matcher *matcher, const struct pw_match_candidate *candidate,
                              struct pw_error *error);

/* n_a and n_b: objects, that is, ranks are below them. */
enum pw_status pw_matcher_run(struct pw_matcher *matcher, uint64_t n_a, uint64_t n_b, struct pw_error *error);

#endif
