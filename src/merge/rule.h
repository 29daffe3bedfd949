/*
 * merge/rule - when two labels of neighbouring tiles are one object.
 *
 * Four rules, in three families of candidates:
 *
 *   touch               adjacent voxels across a seam.  Exact for connected components.
 *   face                on the face between two cores, m_ab > tau (m_a + m_b - m_ab) pairs of facing voxels.
 *                       With tau >= 1/2 a label has at most one partner on a face.
 *   overlap, witness    where the two windows overlap, counted over all voxels of the overlap O: shared I, sizes A, B:
 *                         iou     I > tau (A + B - I)
 *                         mutual  a and b are each other's largest I in O (ties: smaller label), (I/A + I/B) / 2 > tau
 *                         iomin   I >= tau min(A, B)
 *                       witness joins like overlap iou and then paints an object that one tile saw whole as
 *                       that tile's mask (merge/repaint.h).
 *
 * Candidates are logged with their counts (merge/edges.h), so that another tau or metric needs no new matching.
 * The comparisons are exact: tau is taken as the binary fraction that the double is.
 *
 * Threads: pure functions.
 */
#ifndef PW_MERGE_RULE_H
#define PW_MERGE_RULE_H

#include "patchworks.h"

struct pw_edge;

/* Which candidates a rule is decided on, and so what has to be matched. */
enum pw_rule_family {
    PW_FAMILY_TOUCH,
    PW_FAMILY_FACE,
    PW_FAMILY_OVERLAP
};

struct pw_rule {
    enum pw_merge merge; /* never PW_MERGE_AUTO */
    int connectivity;    /* of touch */
    enum pw_metric metric;
    double tau;
    uint32_t min_contact; /* of face: pairs of facing voxels at least */
    uint64_t context[3];  /* of overlap and witness: rim of a window that is not looked at */
};

/* The least tau; below it nothing is compared exactly any more, and one shared voxel would do anyway. */
#define PW_TAU_LEAST 0.001

enum pw_rule_family pw_rule_family(const struct pw_rule *rule);

/* "touch connectivity=1", "overlap iou tau=0.5", for reports. */
void pw_rule_describe(const struct pw_rule *rule, char *text, size_t capacity);

/* Whether a candidate of the rule's family joins its two labels. */
int pw_rule_accepts(const struct pw_rule *rule, const struct pw_edge *edge);

#endif
