/*
 * Boxes of any shape and place, across tiles of any shape, against a dense volume that was painted tile by tile.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "merge/seams.h"
#include "output/puller.h"

enum {
    DEPTH = 5,
    HEIGHT = 19,
    WIDTH = 41,
    VOXELS = DEPTH * HEIGHT * WIDTH
};

static const uint64_t volume_shape[3] = {DEPTH, HEIGHT, WIDTH};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* What the tests share: a stage of random instances, numbered, and what it should look like. */
struct scene {
    struct pw_grid grid;
    struct pw_stage stage;
    struct pw_edge_file edges;
    struct pw_id_map map;
    struct pw_record_limits limits;
    uint64_t expected[VOXELS];
};

/* Random labels in stretches, some of them running across rows; 0 is background. */
static void draw_tile(uint32_t *dense, uint64_t voxels, unsigned percent, uint64_t *state)
{
    for (uint64_t i = 0; i < voxels;) {
        uint64_t length = 1 + next_random(state) % 6;
        uint32_t label = next_random(state) % 100 < percent ? (uint32_t)(1 + next_random(state) % 9) : 0;
        for (; length > 0 && i < voxels; length--)
            dense[i++] = label;
    }
}

static void add_tile(struct scene *scene, struct pw_seams *seams, uint64_t tile, uint32_t *local, unsigned percent,
                     uint64_t *state)
{
    static uint32_t dense[VOXELS], label[VOXELS + 16];
    static struct pw_run run[VOXELS + 16];
    static uint64_t row[VOXELS + 2];
    struct pw_error error = {0};
    struct pw_runs runs = {.run = run, .label = label, .row = row, .capacity = VOXELS};
    struct pw_box core = pw_grid_core(&scene->grid, tile);
    int faces[PW_FACES];
    draw_tile(dense, pw_box_voxels(&core), percent, state);
    pw_runs_from_dense(dense, core.shape, &runs);
    void *scratch = malloc(pw_runs_number_scratch_bytes(runs.n_runs));
    pw_runs_number(&runs, scratch);
    free(scratch);
    pw_paint_labels(&runs, dense);
    for (uint64_t i = 0; i < pw_box_voxels(&core); i++) {
        uint64_t x = i % core.shape[2], y = i / core.shape[2] % core.shape[1], z = i / core.shape[2] / core.shape[1];
        local[((core.start[0] + z) * HEIGHT + core.start[1] + y) * WIDTH + core.start[2] + x] = dense[i];
    }
    pw_seams_faces(&scene->grid, tile, faces);
    unsigned char *record = malloc(pw_record_bytes_max(&scene->limits));
    scratch = malloc(pw_record_scratch_bytes(runs.n_labels) + 1);
    cr_assert(pw_record_encode(tile, &runs, &runs, (uint64_t[]){0, 0, 0}, faces, scratch, record) <=
              pw_record_bytes_max(&scene->limits));
    free(scratch);
    cr_assert(pw_stage_append(&scene->stage, record, &error) == PW_OK);
    cr_assert(pw_seams_match(seams, record, &error) == PW_OK, "%s", error.message);
    free(record);
}

static void scene_init(struct scene *scene, const uint64_t tile[3], unsigned percent, uint64_t seed)
{
    static uint32_t local[VOXELS];
    static uint64_t id[VOXELS];
    struct pw_error error = {0};
    struct pw_seams seams;
    struct pw_rule rule = {.merge = PW_MERGE_TOUCH, .connectivity = 1};
    uint64_t state = seed;
    memset(scene, 0, sizeof *scene);
    cr_assert(pw_grid_init(&scene->grid, volume_shape, tile, (uint64_t[]){0, 0, 0}, &error) == PW_OK);
    memcpy(scene->limits.shape, scene->grid.tile, sizeof scene->limits.shape);
    scene->limits.has_faces[0] = scene->limits.has_faces[1] = scene->limits.has_faces[2] = 1;
    scene->limits.labels_may_touch = 1;
    cr_assert(pw_stage_open(&scene->stage, "/tmp", scene->grid.n_tiles, &error) == PW_OK, "%s", error.message);
    cr_assert(pw_edge_file_open(&scene->edges, "/tmp", PW_FAMILY_TOUCH, &error) == PW_OK);
    cr_assert(pw_seams_init(&seams, &scene->grid, &scene->limits, &scene->stage, &rule, &scene->edges, &error) ==
              PW_OK);
    for (uint64_t t = 0; t < scene->grid.n_tiles; t++)
        add_tile(scene, &seams, t, local, percent, &state);
    pw_seams_release(&seams);
    cr_assert(pw_edge_file_flush(&scene->edges, &error) == PW_OK);
    cr_assert(pw_resolve(&scene->grid, &scene->stage, &scene->edges, &rule, NULL, NULL, 1 << 20, "/tmp", &scene->map,
                         &error) == PW_OK);
    for (uint64_t i = 0; i < VOXELS; i++) {
        const uint64_t at[3] = {i / WIDTH / HEIGHT, i / WIDTH % HEIGHT, i % WIDTH};
        uint64_t t = 0;
        for (int a = 0; a < 3; a++)
            t = t * scene->grid.count[a] + at[a] / scene->grid.tile[a];
        cr_assert(pw_id_map_read(&scene->map, t, id, scene->stage.entry[t].n_labels, &error) == PW_OK);
        scene->expected[i] = local[i] == 0 ? 0 : id[local[i] - 1];
    }
}

static void scene_release(struct scene *scene)
{
    pw_id_map_release(&scene->map);
    pw_edge_file_close(&scene->edges);
    pw_stage_close(&scene->stage);
}

static void check_box(const struct scene *scene, struct pw_puller *puller, const struct pw_box *box)
{
    struct pw_label_block block;
    struct pw_error error = {0};
    cr_assert(pw_puller_pull(puller, box, &block, &error) == PW_OK, "%s", error.message);
    cr_assert(memcmp(block.shape, box->shape, sizeof block.shape) == 0);
    uint64_t rows = box->shape[0] * box->shape[1];
    cr_assert(block.row[0] == 0 && block.row[rows] == block.n_runs);
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t got[WIDTH] = {0};
        uint64_t y = box->start[1] + r % box->shape[1], z = box->start[0] + r / box->shape[1];
        const uint64_t *expected = scene->expected + (z * HEIGHT + y) * WIDTH + box->start[2];
        for (uint64_t i = block.row[r]; i < block.row[r + 1]; i++) {
            cr_assert(block.run[i].start < block.run[i].end && block.run[i].end <= box->shape[2]);
            if (i > block.row[r]) {
                cr_assert(block.run[i - 1].end <= block.run[i].start, "runs of a row are in order");
                cr_assert(block.run[i - 1].end < block.run[i].start || block.value[i - 1] != block.value[i],
                          "runs that touch are of different objects");
            }
            for (uint64_t x = block.run[i].start; x < block.run[i].end; x++)
                got[x] = block.value[i];
        }
        cr_assert(memcmp(got, expected, box->shape[2] * sizeof *got) == 0, "row %llu", (unsigned long long)r);
    }
}

static void check(const uint64_t tile[3], unsigned percent, uint64_t seed)
{
    static struct scene scene;
    struct pw_puller puller;
    struct pw_error error = {0};
    uint64_t state = seed + 77;
    scene_init(&scene, tile, percent, seed);
    cr_assert(pw_puller_init(&puller, &scene.grid, &scene.stage, &scene.map, &scene.limits, volume_shape, &error) ==
              PW_OK);
    cr_assert(puller.memory.bytes <= pw_puller_memory_bytes(&scene.limits, volume_shape) + 4096);
    check_box(&scene, &puller, &(struct pw_box){{0, 0, 0}, {DEPTH, HEIGHT, WIDTH}});
    for (int n = 0; n < 60; n++) {
        struct pw_box box;
        for (int i = 0; i < 3; i++) {
            box.start[i] = next_random(&state) % volume_shape[i];
            box.shape[i] = 1 + next_random(&state) % (volume_shape[i] - box.start[i]);
        }
        check_box(&scene, &puller, &box);
    }
    pw_puller_release(&puller);
    scene_release(&scene);
}

Test(puller, any_box_of_any_tiles_is_the_dense_one)
{
    static const uint64_t tile[][3] = {{2, 7, 8}, {1, 19, 41}, {5, 1, 3}, {5, 19, 41}, {3, 5, 1}, {1, 1, 41}};
    for (size_t i = 0; i < sizeof tile / sizeof tile[0]; i++)
        for (unsigned percent = 0; percent <= 100; percent += 50)
            check(tile[i], percent, 10 * i + percent + 1);
}

Test(puller, a_box_needs_no_more_than_its_largest_pull)
{
    static struct scene scene;
    const uint64_t pull[3] = {1, 2, WIDTH};
    struct pw_puller puller;
    struct pw_error error = {0};
    scene_init(&scene, (uint64_t[]){2, 7, 8}, 90, 5);
    cr_assert(pw_puller_init(&puller, &scene.grid, &scene.stage, &scene.map, &scene.limits, pull, &error) == PW_OK);
    for (uint64_t z = 0; z < DEPTH; z++)
        for (uint64_t y = 0; y + 1 < HEIGHT; y++)
            check_box(&scene, &puller, &(struct pw_box){{z, y, 0}, {1, 2, WIDTH}});
    pw_puller_release(&puller);
    pw_puller_release(&puller);
    scene_release(&scene);
}
