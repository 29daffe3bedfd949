/*
 * label/bitrow - rows of bits: their runs, and the runs of two rows that touch.
 *
 * A run's number is found from a bit position without a search: rank[w] is the
 * number of runs that start before word w (counted over the whole block), so the
 * run at bit b of word w is rank[w] + popcount(starts up to b) - 1.  Pairs of
 * touching runs come from the bits of an AND, one loop turn a pair, instead of
 * from a merge of two sorted lists whose every comparison is a coin toss.
 *
 * Internal to label; bit rows are those of label/threshold.h.
 */
#ifndef PW_LABEL_BITROW_H
#define PW_LABEL_BITROW_H

#include "label/runs.h"
#include "label/unionfind.h"

/*
 * Writes the positions where a row of words words changes, a start and an end by
 * turns, as width wide runs, and returns how many runs that were.  rank[w]
 * receives base + the runs that start before word w; NULL when not wanted.
 * run needs room for PW_RUN_SLACK more than the row has.
 */
typedef uint64_t (*pw_bit_runs_fn)(const uint64_t *bits, uint64_t width, uint32_t base, uint32_t *rank,
                                   struct pw_run *run);

/* Runs that vector stores may write beyond the last one; pw_runs_capacity() has them. */
enum {
    PW_RUN_SLACK = 16
};

/* The variant for this processor. */
pw_bit_runs_fn pw_bit_runs(void);

/* The bits of row where a run starts, in a word whose predecessor is before (0 for the first). */
PW_INLINE uint64_t pw_starts(uint64_t word, uint64_t before)
{
    return word & ~(word << 1 | before >> 63);
}

/* The run that holds or last preceded the bit. */
PW_INLINE uint32_t pw_run_at(uint64_t starts, uint32_t rank, unsigned bit)
{
    return rank + (uint32_t)__builtin_popcountll(starts & (~UINT64_C(0) >> (63 - bit))) - 1;
}

/* Unites the runs of rows a and b that have a column in common. */
PW_INLINE void pw_unite_overlaps(uint32_t *parent, const uint64_t *a, const uint32_t *rank_a, const uint64_t *b,
                                 const uint32_t *rank_b, uint64_t words)
{
    uint64_t before_a = 0, before_b = 0;
    for (uint64_t w = 0; w < words; w++) {
        uint64_t both = a[w] & b[w];
        if (both) {
            /* Runs are intervals: one stretch of common columns for each pair. */
            uint64_t first = pw_starts(both, before_a & before_b);
            uint64_t starts_a = pw_starts(a[w], before_a), starts_b = pw_starts(b[w], before_b);
            while (first) {
                unsigned bit = (unsigned)__builtin_ctzll(first);
                first &= first - 1;
                pw_unite(parent, pw_run_at(starts_a, rank_a[w], bit), pw_run_at(starts_b, rank_b[w], bit));
            }
        }
        before_a = a[w];
        before_b = b[w];
    }
}

/*
 * One side of a touch: a run-carrying row, and its rows that face the other
 * side (of a row on its own all three are the same).
 */
struct pw_facing {
    const uint64_t *row;   /* whose runs are united */
    const uint32_t *rank;  /* of row */
    const uint64_t *face0; /* the facing bits are face0 | face1, */
    const uint64_t *face1; /*    all of them set in row too */
};

/*
 * Unites the runs of a and b of which facing bits lie in the same or in
 * neighbouring columns.
 */
PW_INLINE void pw_unite_touching(uint32_t *parent, const struct pw_facing *a, const struct pw_facing *b, uint64_t words)
{
    uint64_t before_a = 0, before_b = 0, face_b_before = 0;
    uint64_t face_a = a->face0[0] | a->face1[0], face_b = b->face0[0] | b->face1[0];
    for (uint64_t w = 0; w < words; w++) {
        int more = w + 1 < words;
        uint64_t face_a_next = more ? a->face0[w + 1] | a->face1[w + 1] : 0;
        uint64_t face_b_next = more ? b->face0[w + 1] | b->face1[w + 1] : 0;
        uint64_t row_a = a->row[w], row_b = b->row[w];
        uint64_t left = face_b << 1 | face_b_before >> 63;
        uint64_t right = face_b >> 1 | face_b_next << 63;
        /*
         * A facing bit of b in the same column or to the left belongs to the run
         * of b that started last, and so does one to the right unless a run
         * starts just there.  That case is `ahead`, and only where a ends: else
         * a's next column meets it.
         */
        uint64_t meet = face_a & (face_b | left | (right & row_b));
        uint64_t ahead = face_a & ~(face_a >> 1 | face_a_next << 63) & right & ~row_b;
        if (meet | ahead) {
            uint64_t starts_a = pw_starts(row_a, before_a), starts_b = pw_starts(row_b, before_b);
            while (meet) {
                unsigned bit = (unsigned)__builtin_ctzll(meet);
                pw_unite(parent, pw_run_at(starts_a, a->rank[w], bit), pw_run_at(starts_b, b->rank[w], bit));
                /* The same two runs meet until one of the rows starts another. */
                uint64_t change = (starts_a | starts_b) & ~(~UINT64_C(0) >> (63 - bit));
                meet &= -(change & -change);
            }
            while (ahead) {
                unsigned bit = (unsigned)__builtin_ctzll(ahead);
                ahead &= ahead - 1;
                pw_unite(parent, pw_run_at(starts_a, a->rank[w], bit), pw_run_at(starts_b, b->rank[w], bit) + 1);
            }
        }
        before_a = row_a;
        before_b = row_b;
        face_b_before = face_b;
        face_a = face_a_next;
        face_b = face_b_next;
    }
}

#endif
