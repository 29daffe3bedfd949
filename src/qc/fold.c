#include "qc/fold.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "qc/statistics.h"

enum {
    BOX_WORDS = 7 /* object, low and high along z y x */
};

static void join_boxes(uint64_t *into, const uint64_t *from, void *context)
{
    (void)context;
    for (int i = 1; i <= 3; i++)
        into[i] = pw_min_u64(into[i], from[i]);
    for (int i = 4; i <= 6; i++)
        into[i] = pw_max_u64(into[i], from[i]);
}

enum pw_status pw_fold_init(struct pw_fold *fold, const struct pw_grid *grid, uint64_t memory_bytes,
                            const char *scratch_dir, struct pw_error *error)
{
    static const struct pw_sorter_form form = {.words = BOX_WORDS, .key_words = 1, .combine = join_boxes};
    fold->grid = grid;
    return pw_sorter_init(&fold->boxes, &form, memory_bytes, scratch_dir, error);
}

void pw_fold_release(struct pw_fold *fold)
{
    pw_sorter_destroy(&fold->boxes);
}

enum pw_status pw_fold_add(struct pw_fold *fold, uint64_t object, const struct pw_box *box, struct pw_error *error)
{
    uint64_t record[BOX_WORDS] = {object};
    for (int i = 0; i < 3; i++) {
        record[1 + i] = box->start[i];
        record[4 + i] = box->start[i] + box->shape[i];
    }
    return pw_sorter_add(&fold->boxes, record, error);
}

/* The places along one axis where objects may begin, and those that do. */
struct folded {
    uint64_t tile, end; /* places that count: 1 to end - 1 */
    int bins;
    uint64_t count[PW_FOLD_BINS], places[PW_FOLD_BINS];
    uint64_t near_count, near_places, inner_count, inner_places;
};

static int is_near(const struct folded *f, uint64_t offset)
{
    uint64_t width = pw_max_u64(f->tile / 16, 1);
    return offset < width || offset >= f->tile - width;
}

static int is_inner(const struct folded *f, uint64_t offset)
{
    return offset >= f->tile / 4 && offset < f->tile - f->tile / 4;
}

static void begin(struct folded *f, uint64_t volume, uint64_t tile, uint64_t extent)
{
    memset(f, 0, sizeof *f);
    f->tile = tile;
    f->end = volume > extent ? volume - extent : 0;
    f->bins = (int)pw_min_u64(PW_FOLD_BINS, tile);
    for (uint64_t offset = 0; offset < tile && offset < f->end; offset++) {
        uint64_t n = (f->end - 1 - offset) / tile + (offset > 0); /* place 0 does not count */
        f->places[offset * (uint64_t)f->bins / tile] += n;
        f->near_places += is_near(f, offset) ? n : 0;
        f->inner_places += is_inner(f, offset) ? n : 0;
    }
}

static void count(struct folded *f, uint64_t low)
{
    uint64_t offset = low % f->tile;
    if (low == 0 || low >= f->end)
        return;
    f->count[offset * (uint64_t)f->bins / f->tile]++;
    f->near_count += (uint64_t)is_near(f, offset);
    f->inner_count += (uint64_t)is_inner(f, offset);
}

static double density(uint64_t n, uint64_t places)
{
    return places == 0 ? NAN : (double)n / (double)places;
}

static void end(const struct folded *f, struct pw_axis_quality *axis)
{
    axis->n_folded = 0;
    for (int i = 0; i < f->bins; i++)
        axis->n_folded += f->count[i];
    axis->chi_square = pw_chi_square(f->count, f->places, f->bins, &axis->degrees);
    axis->near_density = density(f->near_count, f->near_places);
    axis->inner_density = density(f->inner_count, f->inner_places);
}

enum pw_status pw_fold_finish(struct pw_fold *fold, struct pw_axis_quality axis[3], struct pw_error *error)
{
    struct folded folded[3];
    uint64_t record[BOX_WORDS];
    enum pw_status status = pw_sorter_finish(&fold->boxes, error);
    for (int a = 0; a < 3; a++)
        begin(&folded[a], fold->grid->end[a] - fold->grid->start[a], fold->grid->tile[a], axis[a].label_extent);
    while (status == PW_OK) {
        status = pw_sorter_next(&fold->boxes, record, error);
        for (int a = 0; a < 3 && status == PW_OK; a++)
            if (!pw_grid_is_high_border(fold->grid, a, record[4 + a]))
                count(&folded[a], (a == 0 ? pw_grid_z(fold->grid, record[1]) : record[1 + a]) - fold->grid->start[a]);
    }
    for (int a = 0; a < 3; a++)
        if (fold->grid->count[a] > 1)
            end(&folded[a], &axis[a]);
    return status == PW_EMPTY ? PW_OK : status;
}
