/* Label tables: facts against voxels counted one by one; tables read whole, and in pieces cut anywhere. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "merge/label_table.h"

enum {
    DEPTH = 4,
    HEIGHT = 5,
    WIDTH = 9,
    VOXELS = DEPTH * HEIGHT * WIDTH,
    LABELS = 30
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void count_voxels(const uint32_t *dense, const struct pw_box *core, const int at_border[6],
                         struct pw_label_fact *fact)
{
    for (int i = 0; i < LABELS; i++)
        fact[i] = (struct pw_label_fact){UINT64_MAX, 0, 0};
    for (uint64_t i = 0; i < core->shape[0] * core->shape[1] * core->shape[2]; i++) {
        const uint64_t at[3] = {i / core->shape[2] / core->shape[1], i / core->shape[2] % core->shape[1],
                                i % core->shape[2]};
        uint32_t label =
            dense[((core->start[0] + at[0]) * HEIGHT + core->start[1] + at[1]) * WIDTH + core->start[2] + at[2]];
        if (label == 0)
            continue;
        struct pw_label_fact *f = &fact[label - 1];
        f->first = f->voxels++ == 0 ? i : f->first;
        for (int a = 0; a < 3; a++)
            f->touches_border |=
                (at_border[2 * a] && at[a] == 0) || (at_border[2 * a + 1] && at[a] + 1 == core->shape[a]);
    }
}

static void expect_equal(const struct pw_label_fact *a, const struct pw_label_fact *b)
{
    cr_assert(a->first == b->first && a->voxels == b->voxels && a->touches_border == b->touches_border,
              "first %llu voxels %llu border %d, not %llu %llu %d", (unsigned long long)a->first,
              (unsigned long long)a->voxels, a->touches_border, (unsigned long long)b->first,
              (unsigned long long)b->voxels, b->touches_border);
}

/* Every cut of the table into two pieces, facts_at_once at a time. */
static void read_in_pieces(const unsigned char *table, size_t bytes, uint64_t facts_at_once,
                           const struct pw_label_fact *expected)
{
    struct pw_error error = {0};
    for (size_t cut = 0; cut <= bytes; cut++) {
        struct pw_table_cursor cursor = {0};
        struct pw_label_fact fact[LABELS];
        const unsigned char *p = table;
        uint64_t known = 0, n;
        do {
            cr_assert(pw_table_read(&cursor, &p, table + cut, facts_at_once, fact, &n, &error) == PW_OK);
            for (uint64_t i = 0; i < n; i++)
                expect_equal(&fact[i], &expected[known++]);
        } while (n > 0);
        cr_assert(table + cut - p < PW_TABLE_ENTRY_BYTES_MAX);
        cr_assert(pw_table_read(&cursor, &p, table + bytes, LABELS, fact, &n, &error) == PW_OK);
        for (uint64_t i = 0; i < n; i++)
            expect_equal(&fact[i], &expected[known++]);
        cr_assert(known == LABELS && p == table + bytes);
    }
}

static void check(const struct pw_box *core, unsigned percent, uint64_t seed)
{
    static uint32_t dense[VOXELS], label[VOXELS];
    static struct pw_run run[VOXELS];
    static uint64_t row[VOXELS + 2];
    uint64_t state = seed;
    int at_border[6];
    struct pw_error error = {0};
    struct pw_runs runs = {.run = run, .label = label, .row = row, .capacity = VOXELS};
    struct pw_label_count count[LABELS];
    struct pw_label_fact expected[LABELS], fact[LABELS];
    for (int i = 0; i < VOXELS; i++)
        dense[i] = next_random(&state) % 100 < percent ? (uint32_t)(1 + next_random(&state) % LABELS) : 0;
    for (int f = 0; f < 6; f++)
        at_border[f] = next_random(&state) % 3 == 0;
    pw_runs_from_dense(dense, (uint64_t[]){DEPTH, HEIGHT, WIDTH}, &runs);
    runs.n_labels = LABELS;
    pw_label_facts_count(&runs, core, at_border, count);
    unsigned char table[LABELS * PW_TABLE_ENTRY_BYTES_MAX];
    size_t bytes = (size_t)(pw_table_encode(table, count, LABELS) - table);
    cr_assert(bytes <= pw_table_bytes_max(LABELS, pw_box_voxels(core), 1));
    cr_assert(pw_table_decode(table, bytes, LABELS, fact, &error) == PW_OK);
    count_voxels(dense, core, at_border, expected);
    for (int i = 0; i < LABELS; i++)
        expect_equal(&fact[i], &expected[i]);
    read_in_pieces(table, bytes, 1, expected);
    read_in_pieces(table, bytes, 7, expected);
}

Test(label_table, facts_of_any_core)
{
    static const struct pw_box core[] = {
        {{0, 0, 0}, {DEPTH, HEIGHT, WIDTH}}, {{1, 1, 2}, {2, 3, 5}}, {{3, 4, 8}, {1, 1, 1}}, {{0, 2, 0}, {4, 1, 9}}};
    for (size_t c = 0; c < sizeof core / sizeof core[0]; c++)
        for (unsigned percent = 0; percent <= 100; percent += 20)
            check(&core[c], percent, 7 * c + percent);
}

/* The largest tables there are: single voxels far apart in a tile as large as can be. */
Test(label_table, never_exceeds_its_maximum)
{
    const uint64_t voxels = UINT32_MAX;
    struct pw_label_count count[64];
    unsigned char table[64 * PW_TABLE_ENTRY_BYTES_MAX];
    for (uint32_t i = 0; i < 64; i++)
        count[i] = (struct pw_label_count){i % 2 ? UINT32_MAX - 1 - i : i, 1, 1};
    cr_assert((uint64_t)(pw_table_encode(table, count, 64) - table) <= pw_table_bytes_max(64, voxels, 1));
    /* in order, with counts and differences at the lengths where they take another byte */
    static const uint32_t size[] = {63, 64, 8191, 8192, 1 << 20, (1 << 20) - 1};
    for (size_t s = 0; s < sizeof size / sizeof size[0]; s++) {
        for (uint32_t i = 0; i < 64; i++)
            count[i] = (struct pw_label_count){i * size[s], size[s], 1};
        cr_assert((uint64_t)(pw_table_encode(table, count, 64) - table) <=
                  pw_table_bytes_max(64, 64 * (uint64_t)size[s], 0));
    }
}

Test(label_table, a_broken_one_is_refused)
{
    struct pw_error error = {0};
    struct pw_label_fact fact[2];
    unsigned char endless[24];
    memset(endless, 0xff, sizeof endless);
    cr_assert(pw_table_decode(endless, sizeof endless, 1, fact, &error) == PW_E_FORMAT);
    const unsigned char cut[] = {3, 0, 3};
    cr_assert(pw_table_decode(cut, sizeof cut, 2, fact, &error) == PW_E_FORMAT);
    cr_assert(pw_table_decode(cut, 2, 1, fact, &error) == PW_OK);
    cr_assert(fact[0].first == 0 && fact[0].voxels == 1 && fact[0].touches_border == 1);
}
