#include "label/downsample_runs.h"

#include "label/downsample.h"

/* An input row as the sweep goes along x. */
struct row {
    const struct pw_run *run, *end; /* the first that does not lie before the place at hand */
    const uint64_t *value;          /* of run */
};

/* The labels of a block and how many of its voxels have them. */
struct tally {
    uint64_t value, count;
};

/* One output row in the making. */
struct sweep {
    struct row *row;
    uint64_t n_rows;
    struct tally *tally;
    uint64_t factor, extent; /* along x; of the input */
    struct pw_run *run;
    uint64_t *value;
    uint64_t n;
};

static uint64_t rows_of(const uint64_t factor[3])
{
    return factor[0] * factor[1];
}

size_t pw_downsample_runs_scratch_bytes(const uint64_t factor[3])
{
    return (size_t)rows_of(factor) * (sizeof(struct row) + factor[2] * sizeof(struct tally));
}

/* Adds output voxels start..end-1, joined to a last run that they continue. */
static void put(struct sweep *s, uint64_t start, uint64_t end, uint64_t value)
{
    if (value == 0)
        return;
    if (s->n > 0 && s->run[s->n - 1].end == start && s->value[s->n - 1] == value) {
        s->run[s->n - 1].end = (uint32_t)end;
        return;
    }
    s->run[s->n] = (struct pw_run){(uint32_t)start, (uint32_t)end};
    s->value[s->n++] = value;
}

static uint64_t count_label(struct tally *tally, uint64_t kinds, uint64_t value, uint64_t count)
{
    for (uint64_t k = 0; k < kinds; k++)
        if (tally[k].value == value) {
            tally[k].count += count;
            return kinds;
        }
    tally[kinds] = (struct tally){value, count};
    return kinds + 1;
}

/* The label of a block of voxels voxels, of which those counted are labelled. */
static uint64_t winner(const struct tally *tally, uint64_t kinds, uint64_t voxels)
{
    uint64_t labelled = 0, best = 0;
    for (uint64_t k = 0; k < kinds; k++) {
        labelled += tally[k].count;
        if (tally[k].count > tally[best].count ||
            (tally[k].count == tally[best].count && tally[k].value < tally[best].value))
            best = k;
    }
    return labelled > 0 && labelled >= voxels - labelled ? tally[best].value : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * Moves the rows on to x.  Returns the place behind x where the first of them changes, UINT64_MAX for none; *any: some row
 * is labelled at x.
 */
static uint64_t move_to(struct sweep *s, uint64_t x, int *any)
{
    uint64_t next = UINT64_MAX;
    *any = 0;
    for (uint64_t r = 0; r < s->n_rows; r++) {
        struct row *row = &s->row[r];
        while (row->run < row->end && row->run->end <= x) {
            row->run++;
            row->value++;
        }
        if (row->run == row->end)
            continue;
        int inside = row->run->start <= x;
        *any |= inside;
        next = least(next, inside ? row->run->end : row->run->start);
    }
    return next;
}

/* The label of a stretch in which no row changes, and that begins at x. */
static uint64_t vote_stretch(struct sweep *s, uint64_t x)
{
    uint64_t kinds = 0;
    for (uint64_t r = 0; r < s->n_rows; r++) {
        const struct row *row = &s->row[r];
        if (row->run < row->end && row->run->start <= x)
            kinds = count_label(s->tally, kinds, *row->value, 1);
    }
    return winner(s->tally, kinds, s->n_rows);
}

/* The label of the block of span, which begins where the rows are. */
static uint64_t vote_block(struct sweep *s, struct pw_span span)
{
    uint64_t kinds = 0;
    for (uint64_t r = 0; r < s->n_rows; r++) {
        const struct row *row = &s->row[r];
        const uint64_t *value = row->value;
        for (const struct pw_run *run = row->run; run < row->end && run->start < span.end; run++, value++) {
            uint64_t start = run->start > span.start ? run->start : span.start;
            kinds = count_label(s->tally, kinds, *value, least(run->end, span.end) - start);
        }
    }
    return winner(s->tally, kinds, s->n_rows * (span.end - span.start));
}

/* Output voxels from i on that lie before next, all of them when nothing changes any more. */
static uint64_t last_before(const struct sweep *s, uint64_t next, uint64_t width)
{
    return next >= s->extent ? width : least(next / s->factor, width);
}

static void sweep_mode(struct sweep *s, uint64_t width)
{
    uint64_t i = 0;
    while (i < width) {
        struct pw_span span = pw_source_span(i, i + 1, s->factor, s->extent);
        int any;
        uint64_t next = move_to(s, span.start, &any);
        if (next < span.end) {
            put(s, i, i + 1, vote_block(s, span));
            i++;
            continue;
        }
        uint64_t end = last_before(s, next, width);
        if (any)
            put(s, i, end, vote_stretch(s, span.start));
        i = end;
    }
}

/* The first voxel of each block, in the only row there is. */
static void sweep_nearest(struct sweep *s, uint64_t width)
{
    uint64_t i = 0;
    while (i < width) {
        int any;
        uint64_t next = move_to(s, pw_source_span(i, i + 1, s->factor, s->extent).start, &any);
        uint64_t end = next >= s->extent ? width : least((next + s->factor - 1) / s->factor, width);
        if (any)
            put(s, i, end, *s->row->value);
        i = end;
    }
}

uint64_t pw_downsample_runs(enum pw_pyramid_rule rule, const struct pw_label_block *from, const uint64_t factor[3],
                            uint64_t z, uint64_t y, uint64_t width, struct pw_run *run, uint64_t *value, void *scratch)
{
    struct row *row = scratch;
    struct pw_span zs = pw_source_span(z, z + 1, factor[0], from->shape[0]),
                   ys = pw_source_span(y, y + 1, factor[1], from->shape[1]);
    struct sweep s = {row, 0, (struct tally *)(row + rows_of(factor)), factor[2], from->shape[2], run, value, 0};
    if (rule == PW_PYRAMID_NEAREST) {
        zs.end = zs.start + 1;
        ys.end = ys.start + 1;
    }
    for (uint64_t j = zs.start; j < zs.end; j++)
        for (uint64_t k = ys.start; k < ys.end; k++) {
            const uint64_t *bounds = from->row + j * from->shape[1] + k;
            row[s.n_rows++] = (struct row){from->run + bounds[0], from->run + bounds[1], from->value + bounds[0]};
        }
    if (rule == PW_PYRAMID_NEAREST)
        sweep_nearest(&s, width);
    else
        sweep_mode(&s, width);
    return s.n;
}
