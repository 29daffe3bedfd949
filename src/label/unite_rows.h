/*
 * label/unite_rows - joins the runs of a row with those of the rows before it that it touches.
 *
 * While it goes on out->label holds the parent of each run (label/unionfind.h), and pw_components_number_roots() makes
 * labels of them.  Whether two runs that touch belong together the caller says.
 */
#ifndef PW_LABEL_UNITE_ROWS_H
#define PW_LABEL_UNITE_ROWS_H

#include "label/runs.h"
#include "label/unionfind.h"

/* Whether run i, of row (z, y) [0], and run j, of row (z, y) [1], are to be one when they touch. */
typedef int (*pw_same_run_fn)(const void *context, const uint64_t z[2], const uint64_t y[2], uint64_t i, uint64_t j);

/* Two rows; reach is 1 when diagonal neighbours in x count, else 0. */
struct pw_row_pair {
    struct pw_runs *out;
    uint64_t z[2], y[2];
    uint64_t reach;
};

PW_INLINE void pw_unite_run_pair(const struct pw_row_pair *pair, uint64_t i, uint64_t j, pw_same_run_fn same,
                                 const void *context)
{
    const struct pw_run *p = &pair->out->run[i], *q = &pair->out->run[j];
    if (p->start < q->end + pair->reach && q->start < p->end + pair->reach && same(context, pair->z, pair->y, i, j))
        pw_unite(pair->out->label, (uint32_t)i, (uint32_t)j);
}

PW_INLINE void pw_unite_row_pair(const struct pw_row_pair *pair, pw_same_run_fn same, const void *context)
{
    struct pw_runs *out = pair->out;
    uint64_t a = pair->z[0] * out->shape[1] + pair->y[0], b = pair->z[1] * out->shape[1] + pair->y[1];
    uint64_t i = out->row[a], j = out->row[b], end_i = out->row[a + 1], end_j = out->row[b + 1];
    while (i < end_i && j < end_j) {
        pw_unite_run_pair(pair, i, j, same, context);
        if (out->run[i].end < out->run[j].end) {
            i++;
            continue;
        }
        /* Both end together: the next run of a may begin here and touch j by a corner. */
        if (pair->reach && out->run[i].end == out->run[j].end && i + 1 < end_i)
            pw_unite_run_pair(pair, i + 1, j, same, context);
        j++;
    }
}

/* Row (z, y) with all rows before it that connectivity reaches. */
PW_INLINE void pw_unite_back(struct pw_runs *out, int connectivity, uint64_t z, uint64_t y, pw_same_run_fn same,
                             const void *context)
{
    for (int dz = -1; dz <= 0; dz++)
        for (int dy = -1; dy <= (dz == 0 ? -1 : 1); dy++) {
            uint64_t other_z = z + (uint64_t)(int64_t)dz, other_y = y + (uint64_t)(int64_t)dy;
            int steps = (dz != 0) + (dy != 0);
            if (other_z >= out->shape[0] || other_y >= out->shape[1] || steps > connectivity)
                continue;
            struct pw_row_pair pair = {out, {z, other_z}, {y, other_y}, steps < connectivity};
            pw_unite_row_pair(&pair, same, context);
        }
}

#endif
