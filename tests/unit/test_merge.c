/*
 * Records, seams and resolve, against brute force: a volume of random bits is cut into tiles whose components are
 * found one by one, the merge joins them, and the result must be the components of the whole volume.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "label/components.h"
#include "label/threshold.h"
#include "merge/resolve.h"
#include "merge/seams.h"
#include "merge/tile_record.h"

enum {
    MAX_VOXELS = 12 * 13 * 14
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Arrays for the runs of any block of the tests. */
struct arena {
    struct pw_run run[MAX_VOXELS];
    uint32_t label[MAX_VOXELS];
    uint64_t row[MAX_VOXELS + 2];
    uint64_t bits[MAX_VOXELS];
    void *scratch;
};

static struct pw_runs runs_in(struct arena *a)
{
    return (struct pw_runs){.run = a->run, .label = a->label, .row = a->row, .capacity = MAX_VOXELS};
}

/* Components of box of the volume. */
static struct pw_runs label_box(struct arena *a, const unsigned char *volume, const uint64_t shape[3],
                                const struct pw_box *box, int connectivity)
{
    struct pw_runs runs = runs_in(a);
    struct pw_threshold above;
    pw_threshold_init(&above, PW_U8, 0);
    for (uint64_t z = 0; z < box->shape[0]; z++)
        pw_threshold_rows(&above, volume + ((box->start[0] + z) * shape[1] + box->start[1]) * shape[2] + box->start[2],
                          (size_t)shape[2], box->shape[1], box->shape[2],
                          a->bits + z * box->shape[1] * pw_bit_words(box->shape[2]));
    a->scratch = realloc(a->scratch, pw_components_scratch_bytes(box->shape));
    pw_components_of_bits(a->bits, box->shape, connectivity, a->scratch, &runs);
    return runs;
}

static void paint(const struct pw_runs *runs, const struct pw_box *box, const uint64_t shape[3], const uint64_t *id,
                  uint64_t *out)
{
    for (uint64_t r = 0; r < box->shape[0] * box->shape[1]; r++)
        for (uint64_t i = runs->row[r]; i < runs->row[r + 1]; i++)
            for (uint64_t x = runs->run[i].start; x < runs->run[i].end; x++)
                out[((box->start[0] + r / box->shape[1]) * shape[1] + box->start[1] + r % box->shape[1]) * shape[2] +
                    box->start[2] + x] = id == NULL ? runs->label[i] : id[runs->label[i] - 1];
}

/* Tiles are appended in a shuffled order: the result must not depend on it. */
static void shuffle(uint64_t *order, uint64_t n, uint64_t *state)
{
    for (uint64_t i = 0; i < n; i++)
        order[i] = i;
    for (uint64_t i = n; i > 1; i--) {
        uint64_t j = next_random(state) % i, swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

static void check(const uint64_t shape[3], const uint64_t tile[3], int connectivity, unsigned percent,
                  uint64_t memory_bytes, uint64_t seed)
{
    static struct arena whole_arena, tile_arena;
    static unsigned char volume[MAX_VOXELS];
    static struct pw_label_count counting[MAX_VOXELS];
    static uint64_t expected[MAX_VOXELS], got[MAX_VOXELS], order[MAX_VOXELS], id[MAX_VOXELS];
    struct pw_error error = {0};
    struct pw_grid grid;
    struct pw_stage stage;
    struct pw_edge_file edges;
    struct pw_seams seams;
    struct pw_id_map map;
    uint64_t n = shape[0] * shape[1] * shape[2], state = seed;
    struct pw_box all = {{0, 0, 0}, {shape[0], shape[1], shape[2]}};
    for (uint64_t i = 0; i < n; i++)
        volume[i] = next_random(&state) % 100 < percent;
    memset(expected, 0, sizeof expected);
    memset(got, 0, sizeof got);
    struct pw_runs whole = label_box(&whole_arena, volume, shape, &all, connectivity);
    paint(&whole, &all, shape, NULL, expected);

    cr_assert(pw_grid_init(&grid, shape, tile, (uint64_t[]){0, 0, 0}, &error) == PW_OK);
    cr_assert(pw_stage_open(&stage, "/tmp", grid.n_tiles, &error) == PW_OK, "%s", error.message);
    struct pw_rule rule = {.merge = PW_MERGE_TOUCH, .connectivity = connectivity};
    struct pw_record_limits limits = {.shape = {grid.tile[0], grid.tile[1], grid.tile[2]}, .has_faces = {1, 1, 1}};
    cr_assert(pw_edge_file_open(&edges, "/tmp", pw_rule_family(&rule), &error) == PW_OK);
    cr_assert(pw_seams_init(&seams, &grid, &limits, &stage, &rule, &edges, &error) == PW_OK);
    unsigned char *record = malloc(pw_record_bytes_max(&limits));
    shuffle(order, grid.n_tiles, &state);
    for (uint64_t t = 0; t < grid.n_tiles; t++) {
        int faces[PW_FACES];
        struct pw_record_header header;
        struct pw_box core = pw_grid_core(&grid, order[t]);
        struct pw_runs runs = label_box(&tile_arena, volume, shape, &core, connectivity);
        pw_seams_faces(&grid, order[t], faces);
        size_t bytes = pw_record_encode(order[t], &runs, &runs, (uint64_t[]){0, 0, 0}, faces, counting, record);
        cr_assert(bytes <= pw_record_bytes_max(&limits));
        cr_assert(pw_record_header_read(record, &header, &error) == PW_OK && pw_record_is_intact(record, &header));
        cr_assert(pw_stage_append(&stage, record, &error) == PW_OK);
        cr_assert(pw_seams_match(&seams, record, &error) == PW_OK, "%s", error.message);
    }
    cr_assert(pw_edge_file_flush(&edges, &error) == PW_OK);
    cr_assert(pw_resolve(&grid, &stage, &edges, &rule, NULL, NULL, memory_bytes, "/tmp", &map, &error) == PW_OK, "%s",
              error.message);
    cr_assert(map.n_objects == whole.n_labels, "%llu objects, not %u", (unsigned long long)map.n_objects,
              whole.n_labels);
    for (uint64_t t = 0; t < grid.n_tiles; t++) {
        struct pw_box core = pw_grid_core(&grid, t);
        struct pw_runs runs = label_box(&tile_arena, volume, shape, &core, connectivity);
        cr_assert(pw_id_map_read(&map, t, id, runs.n_labels, &error) == PW_OK);
        paint(&runs, &core, shape, id, got);
    }
    cr_assert(memcmp(expected, got, n * sizeof *got) == 0);
    free(record);
    pw_id_map_release(&map);
    pw_seams_release(&seams);
    pw_edge_file_close(&edges);
    pw_stage_close(&stage);
}

Test(merge, equals_labelling_at_once)
{
    static const uint64_t tile[][3] = {{4, 4, 4}, {1, 5, 7},    {12, 1, 3}, {5, 13, 1},
                                       {1, 1, 1}, {12, 13, 14}, {7, 2, 5}};
    const uint64_t shape[3] = {12, 13, 14};
    for (int connectivity = 1; connectivity <= 3; connectivity++)
        for (size_t i = 0; i < sizeof tile / sizeof tile[0]; i++)
            for (unsigned percent = 5; percent <= 80; percent += 15)
                check(shape, tile[i], connectivity, percent, 1 << 20, 100 * i + percent + (unsigned)connectivity);
}

Test(merge, two_dimensions)
{
    const uint64_t shape[3] = {1, 40, 50};
    for (int connectivity = 1; connectivity <= 2; connectivity++)
        for (uint64_t edge = 1; edge <= 64; edge = edge * 2 + 1)
            for (unsigned percent = 20; percent <= 70; percent += 10)
                check(shape, (uint64_t[]){1, edge, edge + 2}, connectivity, percent, 1 << 20, edge + percent);
}

Test(merge, in_little_memory_the_sorters_spill)
{
    const uint64_t shape[3] = {12, 13, 14};
    check(shape, (uint64_t[]){2, 2, 2}, 1, 40, 48 << 10, 1);
    check(shape, (uint64_t[]){3, 2, 5}, 3, 10, 48 << 10, 2);
}

Test(merge, a_broken_record_is_refused)
{
    unsigned char bytes[PW_RECORD_HEADER_BYTES] = {0};
    struct pw_record_header header;
    struct pw_error error = {0};
    cr_assert(pw_record_header_read(bytes, &header, &error) == PW_E_FORMAT);
    struct pw_run run[8];
    uint32_t label[8];
    uint64_t row[8], value[8];
    struct pw_runs runs = {.run = run, .label = label, .row = row, .value = value, .capacity = 8};
    /* one row that says it has 3 runs, and ends; a run beyond the width; a label of 0 */
    static const unsigned char cut[] = {3, 0, 1}, wide[] = {1, 5, 9, 2}, zero[] = {1, 0, 0, 0};
    const uint64_t shape[3] = {1, 1, 8};
    cr_assert(pw_strip_decode(cut, sizeof cut, 0, shape, &runs, &error) == PW_E_FORMAT);
    cr_assert(pw_strip_decode(wide, sizeof wide, 0, shape, &runs, &error) == PW_E_FORMAT);
    cr_assert(pw_strip_decode(zero, sizeof zero, 0, shape, &runs, &error) == PW_E_FORMAT);
}
