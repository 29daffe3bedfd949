/* Labels cut by a mask and split into components, against the same done voxel by voxel. */
#include <criterion/criterion.h>

#include "label/clip_runs.h"
#include "label_oracle.h"

static const uint64_t shapes[][3] = {{1, 1, 1}, {1, 1, 200}, {1, 9, 70}, {3, 3, 3}, {4, 7, 65}, {7, 1, 40}, {2, 30, 9}};

/* Stretches of row r of inside that are not 0. */
static uint64_t stretches(const unsigned char *inside, uint64_t width, struct pw_run *run)
{
    uint64_t n = 0;
    for (uint64_t x = 0; x < width; x++)
        if (inside[x] && x > 0 && inside[x - 1])
            run[n - 1].end++;
        else if (inside[x])
            run[n++] = (struct pw_run){(uint32_t)x, (uint32_t)x + 1};
    return n;
}

static void check(const uint64_t shape[3], int kinds, int percent, uint64_t *state)
{
    uint64_t rows = shape[0] * shape[1], width = shape[2], voxels = rows * width;
    uint32_t *label = calloc(voxels, sizeof *label);
    unsigned char *inside = calloc(voxels, 1);
    int64_t *left = calloc(voxels, sizeof *left);
    struct pw_run *stretch = calloc(width, sizeof *stretch);
    for (uint64_t i = 0; i < voxels; i++) {
        label[i] =
            i > 0 && oracle_random(state) % 3 ? label[i - 1] : (uint32_t)(oracle_random(state) % (uint64_t)kinds);
        inside[i] = (int)(oracle_random(state) % 100) < percent;
        left[i] = inside[i] ? label[i] : 0;
    }
    struct pw_runs runs = oracle_runs(shape, 1), out = oracle_runs(shape, 1);
    pw_runs_from_dense(label, shape, &runs);
    memcpy(out.shape, shape, sizeof out.shape);
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t first = runs.row[r], n = stretches(inside + r * width, width, stretch);
        out.row[r] = out.n_runs;
        out.n_runs += pw_clip_row(stretch, n, runs.run + first, runs.label + first, runs.row[r + 1] - first,
                                  out.run + out.n_runs, out.label + out.n_runs);
    }
    out.row[rows] = out.n_runs;
    uint32_t *before = oracle_dense(&out);
    for (uint64_t i = 0; i < voxels; i++)
        cr_assert_eq(before[i], (uint32_t)left[i]);
    for (int connectivity = 1; connectivity <= 3; connectivity++) {
        struct pw_runs split = oracle_runs(shape, 1);
        uint32_t n, *want = oracle_label(shape, left, connectivity, &n),
                    *kept = malloc((out.n_runs + 1) * sizeof *kept);
        pw_runs_from_dense(before, shape, &split);
        pw_runs_split(&split, connectivity, kept);
        uint32_t *got = oracle_dense(&split);
        cr_assert_eq(split.n_labels, n);
        cr_assert_eq(memcmp(got, want, voxels * sizeof *got), 0);
        free(got);
        free(want);
        free(kept);
        oracle_free(&split);
    }
    free(before);
    oracle_free(&runs);
    oracle_free(&out);
    free(label);
    free(inside);
    free(left);
    free(stretch);
}

Test(clip_runs, as_voxel_by_voxel)
{
    uint64_t state = 11;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int round = 0; round < 12; round++)
            check(shapes[i], 2 + round % 3, 20 + 25 * (round % 4), &state);
}
