/* Painting: every type, width and processor variant; nothing outside of the row is touched. */
#include <criterion/criterion.h>

#include "label_oracle.h"

enum {
    MOST = 400,
    GUARD = 128
};

struct row {
    struct pw_run run[MOST];
    uint64_t value[MOST];
    uint64_t n;
};

/* Runs apart or touching, up to longest voxels, over width voxels. */
static void make_row(struct row *row, uint64_t width, uint64_t longest, uint64_t most_value, uint64_t *state)
{
    uint64_t x = oracle_random(state) % 3;
    row->n = 0;
    while (x < width) {
        uint64_t end = x + 1 + oracle_random(state) % longest;
        end = end < width ? end : width;
        row->run[row->n] = (struct pw_run){(uint32_t)x, (uint32_t)end};
        row->value[row->n++] = 1 + (oracle_random(state) << 33 ^ oracle_random(state)) % most_value;
        x = end + oracle_random(state) % longest;
    }
}

static uint64_t read_element(const unsigned char *p, size_t bytes)
{
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;
    switch (bytes) {
    case 1: return *p;
    case 2: memcpy(&v16, p, 2); return v16;
    case 4: memcpy(&v32, p, 4); return v32;
    default: memcpy(&v64, p, 8); return v64;
    }
}

static void check_row(enum pw_dtype dtype, uint64_t width, const struct row *row)
{
    static unsigned char memory[GUARD + MOST * 8 + GUARD];
    size_t bytes = pw_dtype_bytes(dtype);
    memset(memory, 0x5a, sizeof memory);
    pw_paint_row(dtype, memory + GUARD, width, row->run, row->value, row->n);
    for (size_t i = 0; i < sizeof memory; i++)
        if (i < GUARD || i >= GUARD + width * bytes)
            cr_assert_eq(memory[i], 0x5a, "%s width %d touched byte %d", pw_dtype_name(dtype), (int)width,
                         (int)i - GUARD);
    uint64_t i = 0;
    for (uint64_t x = 0; x < width; x++) {
        while (i < row->n && row->run[i].end <= x)
            i++;
        uint64_t want = i < row->n && row->run[i].start <= x ? row->value[i] : 0;
        cr_assert_eq(read_element(memory + GUARD + x * bytes, bytes), want, "%s width %d x %d", pw_dtype_name(dtype),
                     (int)width, (int)x);
    }
}

Test(paint, rows_of_every_type)
{
    static const enum pw_dtype dtypes[] = {PW_U8, PW_U16, PW_U32, PW_U64};
    static const uint64_t longest[] = {1, 3, 20, 200};
    uint64_t state = 11;
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        for (int d = 0; d < 4; d++)
            for (uint64_t width = 1; width < MOST; width += 1 + width / 9)
                for (int k = 0; k < 4; k++) {
                    struct row row;
                    uint64_t most = d == 3 ? UINT64_MAX - 1 : (UINT64_C(1) << 8 * pw_dtype_bytes(dtypes[d])) - 1;
                    make_row(&row, width, longest[k], most, &state);
                    check_row(dtypes[d], width, &row);
                    row.n = 0;
                    check_row(dtypes[d], width, &row);
                }
    }
}

Test(paint, blocks)
{
    const uint64_t shape[3] = {3, 4, 90};
    uint32_t dense[3 * 4 * 90], back[3 * 4 * 90 + 1];
    uint64_t value[3 * 4 * 90], wide[3 * 4 * 90], state = 12;
    for (int i = 0; i < 3 * 4 * 90; i++)
        dense[i] = (uint32_t)oracle_random(&state) % 5;
    struct pw_runs runs = oracle_runs(shape, 1);
    pw_runs_from_dense(dense, shape, &runs);
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        back[3 * 4 * 90] = 77;
        pw_paint_labels(&runs, back);
        cr_assert_eq(memcmp(back, dense, sizeof dense), 0);
        cr_assert_eq(back[3 * 4 * 90], 77);
    }
    for (uint64_t i = 0; i < runs.n_runs; i++)
        value[i] = runs.label[i] + (UINT64_C(1) << 40);
    struct pw_label_block block = {
        .shape = {3, 4, 90}, .run = runs.run, .value = value, .row = runs.row, .n_runs = runs.n_runs};
    pw_paint_rows(PW_U64, wide, &block, 5, 6);
    for (int i = 0; i < 6 * 90; i++) {
        uint32_t label = dense[5 * 90 + i];
        cr_assert_eq(wide[i], label ? label + (UINT64_C(1) << 40) : 0);
    }
    oracle_free(&runs);
}
