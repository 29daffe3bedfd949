/*
 * Helpers of the label tests: random numbers, blocks of runs, all SIMD levels,
 * and the slow and obvious way to label a block.
 */
#ifndef PW_TESTS_LABEL_ORACLE_H
#define PW_TESTS_LABEL_ORACLE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "label/components.h"
#include "label/simd.h"
#include "label/threshold.h"

static inline uint64_t oracle_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Runs of a block; free with oracle_free(). */
static inline struct pw_runs oracle_runs(const uint64_t shape[3], int may_touch)
{
    struct pw_runs runs = {.capacity = pw_runs_capacity(shape, may_touch)};
    memcpy(runs.shape, shape, sizeof runs.shape);
    runs.run = malloc(runs.capacity * sizeof *runs.run);
    runs.label = malloc(runs.capacity * sizeof *runs.label);
    runs.row = malloc((shape[0] * shape[1] + 1) * sizeof *runs.row);
    return runs;
}

static inline void oracle_free(struct pw_runs *runs)
{
    free(runs->run);
    free(runs->label);
    free(runs->row);
}

/* Runs must be ordered, apart or of different labels, and inside the block. */
static inline void oracle_check_runs(const struct pw_runs *runs)
{
    uint64_t rows = runs->shape[0] * runs->shape[1];
    cr_assert_eq(runs->row[0], 0);
    cr_assert_eq(runs->row[rows], runs->n_runs);
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t i = runs->row[r]; i < runs->row[r + 1]; i++) {
            cr_assert_lt(runs->run[i].start, runs->run[i].end);
            cr_assert_leq(runs->run[i].end, runs->shape[2]);
            cr_assert_neq(runs->label[i], 0);
            if (i > runs->row[r])
                cr_assert(runs->run[i - 1].end < runs->run[i].start ||
                          (runs->run[i - 1].end == runs->run[i].start && runs->label[i - 1] != runs->label[i]));
        }
}

/* What the runs say about each voxel. */
static inline uint32_t *oracle_dense(const struct pw_runs *runs)
{
    uint64_t rows = runs->shape[0] * runs->shape[1], width = runs->shape[2];
    uint32_t *dense = calloc(rows * width + 1, sizeof *dense);
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t i = runs->row[r]; i < runs->row[r + 1]; i++)
            for (uint64_t x = runs->run[i].start; x < runs->run[i].end; x++)
                dense[r * width + x] = runs->label[i];
    return dense;
}

/* Marks the component of voxel seed; stack has room for every voxel. */
static inline void oracle_flood(const uint64_t shape[3], const int64_t *value, int connectivity, uint64_t seed,
                                uint32_t label, uint32_t *labels, uint64_t *stack)
{
    uint64_t depth = 0;
    stack[depth++] = seed;
    labels[seed] = label;
    while (depth > 0) {
        uint64_t at = stack[--depth];
        int64_t z = (int64_t)(at / (shape[1] * shape[2])), y = (int64_t)(at / shape[2] % shape[1]);
        int64_t x = (int64_t)(at % shape[2]);
        for (int k = 0; k < 27; k++) {
            int64_t dz = k / 9 - 1, dy = k / 3 % 3 - 1, dx = k % 3 - 1;
            int64_t nz = z + dz, ny = y + dy, nx = x + dx;
            if (llabs(dz) + llabs(dy) + llabs(dx) > connectivity || nz < 0 || ny < 0 || nx < 0 ||
                nz >= (int64_t)shape[0] || ny >= (int64_t)shape[1] || nx >= (int64_t)shape[2])
                continue;
            uint64_t next = ((uint64_t)nz * shape[1] + (uint64_t)ny) * shape[2] + (uint64_t)nx;
            if (labels[next] == 0 && value[next] == value[at]) {
                labels[next] = label;
                stack[depth++] = next;
            }
        }
    }
}

/* Components of equal values other than 0, numbered by first voxel. */
static inline uint32_t *oracle_label(const uint64_t shape[3], const int64_t *value, int connectivity, uint32_t *n)
{
    uint64_t voxels = shape[0] * shape[1] * shape[2];
    uint32_t *labels = calloc(voxels + 1, sizeof *labels);
    uint64_t *stack = malloc((voxels + 1) * sizeof *stack);
    *n = 0;
    for (uint64_t i = 0; i < voxels; i++)
        if (value[i] != 0 && labels[i] == 0)
            oracle_flood(shape, value, connectivity, i, ++*n, labels, stack);
    free(stack);
    return labels;
}

#endif
