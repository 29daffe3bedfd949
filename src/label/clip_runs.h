/*
 * label/clip_runs - labels are taken from where a mask has none, and what that leaves in pieces is numbered again.
 *
 *     for each row: n += pw_clip_row(inside, n_inside, run, label, n_runs, out + n, out_label + n)
 *     pw_runs_split(&out, connectivity, scratch)       components: each piece is one
 * or
 *     pw_runs_number(&out, scratch)                    instances: pieces of one label stay one
 *
 * Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_CLIP_RUNS_H
#define PW_LABEL_CLIP_RUNS_H

#include "label/runs.h"

/*
 * What n runs of a row have in common with n_inside stretches of it, both from left to right without overlap.  Returns the
 * number of runs in out.
 */
uint64_t pw_clip_row(const struct pw_run *inside, uint64_t n_inside, const struct pw_run *run, const uint32_t *label,
                     uint64_t n, struct pw_run *out, uint32_t *out_label);

/*
 * Makes labels the connected components of voxels of equal labels, 1..n in raster order of their first voxels.  label
 * holds runs->n_runs numbers.
 */
void pw_runs_split(struct pw_runs *runs, int connectivity, uint32_t *label);

#endif
