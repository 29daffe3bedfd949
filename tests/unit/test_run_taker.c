/* Runs of plugins: what is kept and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "segment/run_taker.h"

struct bench {
    struct pw_run run[100];
    uint32_t label[100];
    uint64_t row[12];
    struct pw_runs runs;
    char message[100];
    struct pw_tile tile;
    struct pw_run_taker taker;
};

static int give(struct bench *b, uint64_t z, uint64_t y, uint64_t start, uint64_t end, uint32_t label)
{
    return b->taker.writer.add(&b->taker.writer, z, y, start, end, label);
}

static void begin(struct bench *b)
{
    memset(b, 0, sizeof *b);
    b->runs = (struct pw_runs){.run = b->run, .label = b->label, .row = b->row, .capacity = 100};
    b->tile = (struct pw_tile){.shape = {2, 5, 10}, .message = b->message, .message_bytes = sizeof b->message};
    pw_run_taker_begin(&b->taker, &b->runs, &b->tile);
}

Test(run_taker, rows_without_runs_and_neighbours_of_one_label)
{
    struct bench b;
    begin(&b);
    cr_assert_eq(give(&b, 0, 1, 0, 3, 7), 0);
    cr_assert_eq(give(&b, 0, 1, 3, 5, 7), 0); /* the same label: one run */
    cr_assert_eq(give(&b, 0, 1, 5, 6, 8), 0);
    cr_assert_eq(give(&b, 1, 0, 9, 10, 7), 0);
    cr_assert_eq(pw_run_taker_end(&b.taker), 0);
    static const uint64_t row[11] = {0, 0, 2, 2, 2, 2, 3, 3, 3, 3, 3};
    cr_assert_eq(memcmp(b.row, row, sizeof row), 0);
    cr_assert(b.runs.n_runs == 3 && b.run[0].start == 0 && b.run[0].end == 5 && b.label[1] == 8);
}

Test(run_taker, nothing_at_all)
{
    struct bench b;
    begin(&b);
    cr_assert_eq(pw_run_taker_end(&b.taker), 0);
    cr_assert_eq(b.runs.n_runs, 0);
    cr_assert_eq(b.row[10], 0);
}

Test(run_taker, wrong_runs_are_refused_and_stay_refused)
{
    static const struct {
        uint64_t z, y, start, end;
        uint32_t label;
        const char *says;
    } wrong[] = {
        {2, 0, 0, 1, 1, "leaves"},    {0, 5, 0, 1, 1, "leaves"},         {1, 1, 0, 11, 1, "leaves"},
        {1, 1, 4, 4, 1, "no voxel"},  {1, 1, 4, 3, 1, "no voxel"},       {1, 1, 0, 1, 0, "background"},
        {0, 4, 0, 1, 1, "later row"}, {1, 0, 4, 6, 1, "before the end"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bench b;
        begin(&b);
        cr_assert_eq(give(&b, 1, 0, 2, 5, 1), 0);
        cr_assert_eq(give(&b, wrong[i].z, wrong[i].y, wrong[i].start, wrong[i].end, wrong[i].label), 1);
        cr_assert(strstr(b.message, wrong[i].says) != NULL, "%s", b.message);
        cr_assert_eq(give(&b, 1, 4, 0, 1, 1), 1);
        cr_assert_eq(pw_run_taker_end(&b.taker), 1);
        cr_assert_eq(b.runs.n_runs, 1);
    }
}
