/* Runs: from dense labels and back, cut to boxes, numbered. */
#include <criterion/criterion.h>

#include "label_oracle.h"

static uint32_t *random_dense(const uint64_t shape[3], uint32_t labels, uint64_t *state)
{
    uint64_t n = shape[0] * shape[1] * shape[2];
    uint32_t *dense = malloc((n + 1) * sizeof *dense);
    for (uint64_t i = 0; i < n; i++)
        dense[i] = i > 0 && oracle_random(state) % 4 ? dense[i - 1] : (uint32_t)(oracle_random(state) << 7) % labels;
    return dense;
}

Test(runs, capacity_holds_the_worst_rows)
{
    const uint64_t odd[3] = {3, 5, 7}, even[3] = {3, 5, 8};
    cr_assert_geq(pw_runs_capacity(odd, 0), 15 * 4);
    cr_assert_geq(pw_runs_capacity(even, 0), 15 * 4);
    cr_assert_geq(pw_runs_capacity(odd, 1), 15 * 7);
}

Test(runs, from_dense_keeps_every_voxel)
{
    static const uint64_t shapes[][3] = {{1, 1, 1}, {1, 3, 16}, {2, 3, 17}, {1, 9, 64}, {3, 2, 131}, {1, 2, 1000}};
    uint64_t state = 4;
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++)
        for (int s = 0; s < 6; s++) {
            pw_simd_lower((enum pw_simd_level)level);
            uint64_t n = shapes[s][0] * shapes[s][1] * shapes[s][2];
            uint32_t *dense = random_dense(shapes[s], s % 2 ? 3 : UINT32_MAX, &state);
            struct pw_runs runs = oracle_runs(shapes[s], 1);
            pw_runs_from_dense(dense, shapes[s], &runs);
            oracle_check_runs(&runs);
            uint32_t *back = oracle_dense(&runs);
            cr_assert_eq(memcmp(back, dense, n * sizeof *back), 0);
            cr_assert_eq(runs.n_labels, 0);
            free(back);
            oracle_free(&runs);
            free(dense);
        }
}

/* What numbering means, by linear search. */
static void check_numbers(uint32_t factor, uint32_t add, uint64_t n)
{
    const uint64_t shape[3] = {1, 1, 2 * n + 1};
    struct pw_runs runs = oracle_runs(shape, 0);
    uint32_t *old = malloc((n + 1) * sizeof *old), *first = malloc((n + 1) * sizeof *first), count = 0;
    uint64_t state = n;
    runs.n_runs = n;
    for (uint64_t i = 0; i < n; i++)
        runs.label[i] = old[i] = (uint32_t)(oracle_random(&state) % (n / 2 + 1)) * factor + add;
    void *scratch = malloc(pw_runs_number_scratch_bytes(n));
    pw_runs_number(&runs, scratch);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t k = 0;
        while (k < count && first[k] != old[i])
            k++;
        if (k == count)
            first[count++] = old[i];
        cr_assert_eq(runs.label[i], k + 1, "factor %u, run %d of %d", (unsigned)factor, (int)i, (int)n);
    }
    cr_assert_eq(runs.n_labels, count);
    free(scratch);
    free(old);
    free(first);
    oracle_free(&runs);
}

Test(runs, numbers_follow_the_first_run)
{
    static const uint64_t counts[] = {0, 1, 2, 9, 100, 1500};
    for (int i = 0; i < 6; i++) {
        check_numbers(1, 1, counts[i]);          /* small labels */
        check_numbers(1, 0xfffff000, counts[i]); /* the largest */
        check_numbers(0x10001, 5, counts[i]);    /* spread */
        check_numbers(0x10000, 1, counts[i]);    /* alike in the low bits */
    }
}

Test(runs, crop_equals_cutting_the_dense_block)
{
    const uint64_t shape[3] = {4, 5, 150};
    uint64_t state = 6;
    uint32_t *dense = random_dense(shape, 4, &state);
    struct pw_runs whole = oracle_runs(shape, 1), cut = oracle_runs(shape, 1), want = oracle_runs(shape, 1);
    pw_runs_from_dense(dense, shape, &whole);
    whole.n_labels = 4;
    for (int k = 0; k < 200; k++) {
        uint64_t start[3], part[3], at = 0;
        for (int axis = 0; axis < 3; axis++) {
            start[axis] = oracle_random(&state) % shape[axis];
            part[axis] = 1 + oracle_random(&state) % (shape[axis] - start[axis]);
        }
        uint32_t *box = malloc(part[0] * part[1] * part[2] * sizeof *box);
        for (uint64_t z = 0; z < part[0]; z++)
            for (uint64_t y = 0; y < part[1]; y++, at += part[2])
                memcpy(box + at, dense + ((start[0] + z) * shape[1] + start[1] + y) * shape[2] + start[2],
                       part[2] * sizeof *box);
        pw_runs_from_dense(box, part, &want);
        pw_runs_crop(&whole, start, part, &cut);
        cr_assert_eq(cut.n_runs, want.n_runs);
        cr_assert_eq(cut.n_labels, 4);
        cr_assert_eq(memcmp(cut.shape, part, sizeof part), 0);
        cr_assert_eq(memcmp(cut.run, want.run, want.n_runs * sizeof *want.run), 0);
        cr_assert_eq(memcmp(cut.label, want.label, want.n_runs * sizeof *want.label), 0);
        cr_assert_eq(memcmp(cut.row, want.row, (part[0] * part[1] + 1) * sizeof *want.row), 0);
        free(box);
    }
    oracle_free(&whole);
    oracle_free(&cut);
    oracle_free(&want);
    free(dense);
}
