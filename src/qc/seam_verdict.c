#include "qc/seam_verdict.h"

#include <math.h>

#include "base/checked.h"
#include "qc/statistics.h"

/* A seam is worse when the rate is above the control's by so many standard errors, and by so much. */
#define Z_OF_NOTE 3.0
#define EXCESS_OF_NOTE 0.01

/* The least length that 99 of 100 labels do not exceed. */
static uint64_t extent_of_most(const uint64_t *count, uint64_t longest)
{
    uint64_t n = 0, below = 0, extent = 0;
    for (uint64_t i = 0; i <= longest; i++)
        n += count[i];
    uint64_t most = n - n / 100;
    while (extent < longest && below + count[extent] < most)
        below += count[extent++];
    return extent;
}

static int is_of_note(double z, uint64_t hits, uint64_t n, uint64_t control_hits, uint64_t control_n)
{
    return z > Z_OF_NOTE && (double)hits / (double)n - (double)control_hits / (double)control_n > EXCESS_OF_NOTE;
}

void pw_seam_verdict(const struct pw_seam_pass *pass, const uint64_t *extents, uint64_t longest, int a,
                     struct pw_axis_quality *axis)
{
    const struct pw_plane_figures *s = &axis->seams, *c = &axis->control;
    axis->cut_z = pw_two_proportion_z(s->n_cut, s->n_objects, c->n_cut, c->n_objects);
    axis->is_worse = is_of_note(axis->cut_z, s->n_cut, s->n_objects, c->n_cut, c->n_objects);
    axis->fused_z = NAN;
    if (pass->of_instances) {
        axis->fused_z = pw_two_proportion_z(s->n_fused, s->n_labels, c->n_fused, c->n_labels);
        axis->is_worse |= is_of_note(axis->fused_z, s->n_fused, s->n_labels, c->n_fused, c->n_labels);
    }
    axis->label_extent = extent_of_most(extents, longest);
    if (pass->grid->count[a] > 1)
        axis->suggested_halo = pw_min_u64(axis->label_extent, pass->grid->tile[a] / 2);
}
