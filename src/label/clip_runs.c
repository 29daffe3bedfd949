#include "label/clip_runs.h"

#include <string.h>

#include "label/components_full.h"
#include "label/unite_rows.h"

uint64_t pw_clip_row(const struct pw_run *inside, uint64_t n_inside, const struct pw_run *run, const uint32_t *label,
                     uint64_t n, struct pw_run *out, uint32_t *out_label)
{
    uint64_t i = 0, j = 0, kept = 0;
    while (i < n_inside && j < n) {
        uint32_t start = inside[i].start > run[j].start ? inside[i].start : run[j].start;
        uint32_t end = inside[i].end < run[j].end ? inside[i].end : run[j].end;
        if (start < end) {
            out[kept] = (struct pw_run){start, end};
            out_label[kept++] = label[j];
        }
        if (inside[i].end < run[j].end)
            i++;
        else
            j++;
    }
    return kept;
}

static int same_label(const void *context, const uint64_t z[2], const uint64_t y[2], uint64_t i, uint64_t j)
{
    const uint32_t *label = context;
    (void)z;
    (void)y;
    return label[i] == label[j];
}

void pw_runs_split(struct pw_runs *runs, int connectivity, uint32_t *label)
{
    memcpy(label, runs->label, (size_t)runs->n_runs * sizeof *label);
    for (uint64_t i = 0; i < runs->n_runs; i++)
        runs->label[i] = (uint32_t)i;
    for (uint64_t z = 0; z < runs->shape[0]; z++)
        for (uint64_t y = 0; y < runs->shape[1]; y++)
            pw_unite_back(runs, connectivity, z, y, same_label, label);
    pw_components_number_roots(runs);
}
