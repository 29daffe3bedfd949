/*
 * Resolving against a plain union-find: tiles of labels with voxels here and there, joined by any graph, in memory
 * for a thousand labels, for some more, and for all of them.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "merge/fact_reader.h"
#include "merge/resolve.h"
#include "merge/resolve_layout.h"
#include "merge/seams.h"

enum {
    WIDTH = 64, /* of a tile, one row: the volume is one plane of n_tiles rows */
    LABELS_MAX = 60000
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* A stage and its edges, and what is known of the labels and sets. */
struct scene {
    struct pw_grid grid;
    struct pw_stage stage;
    struct pw_edge_file edges;
    uint64_t n_labels, n_edges;
    uint32_t tile[LABELS_MAX], local[LABELS_MAX]; /* of each global label */
    uint64_t first[LABELS_MAX], voxels[LABELS_MAX];
    int touches_border[LABELS_MAX];
    uint32_t parent[LABELS_MAX];
};

static const struct pw_rule touch = {.merge = PW_MERGE_TOUCH, .connectivity = 1};

static uint32_t find_root(struct scene *s, uint32_t i)
{
    while (s->parent[i] != i)
        i = s->parent[i] = s->parent[s->parent[i]];
    return i;
}

static void join(struct scene *s, uint64_t a, uint64_t b)
{
    struct pw_error error = {0};
    struct pw_edge edge = {s->tile[a], s->local[a], s->tile[b], s->local[b], 0, 0, 0, 0};
    cr_assert(pw_edge_file_add(&s->edges, &edge, &error) == PW_OK);
    uint32_t x = find_root(s, (uint32_t)a), y = find_root(s, (uint32_t)b);
    s->parent[x > y ? x : y] = x > y ? y : x;
}

/* A tile of up to most labels, some of which have no voxel. */
static void add_tile(struct scene *s, uint64_t tile, uint64_t most, uint64_t *state)
{
    uint32_t dense[WIDTH], label[WIDTH], n = (uint32_t)(next_random(state) % (most + 1));
    struct pw_run run[WIDTH];
    uint64_t row[3];
    struct pw_label_count counts[WIDTH];
    struct pw_runs runs = {.run = run, .label = label, .row = row, .capacity = WIDTH};
    struct pw_error error = {0};
    const uint64_t rim[3] = {0, 0, 0};
    int faces[PW_FACES];
    unsigned char record[16384];
    for (uint32_t i = 0; i < n; i++) {
        s->tile[s->n_labels + i] = (uint32_t)tile;
        s->local[s->n_labels + i] = i + 1;
        s->first[s->n_labels + i] = UINT64_MAX;
    }
    for (uint64_t x = 0; x < WIDTH; x++) {
        dense[x] = n == 0 || next_random(state) % 4 == 0 ? 0 : (uint32_t)(1 + next_random(state) % n);
        if (dense[x] == 0)
            continue;
        uint64_t l = s->n_labels + dense[x] - 1;
        s->first[l] = s->voxels[l]++ == 0 ? tile * WIDTH + x : s->first[l];
        s->touches_border[l] |= x == 0 || x + 1 == WIDTH;
        s->touches_border[l] |= s->grid.n_tiles > 1 && (tile == 0 || tile + 1 == s->grid.n_tiles);
    }
    pw_runs_from_dense(dense, (uint64_t[]){1, 1, WIDTH}, &runs);
    runs.n_labels = n;
    pw_seams_faces(&s->grid, tile, faces);
    (void)pw_record_encode(tile, &runs, &runs, rim, faces, counts, record);
    cr_assert(pw_stage_append(&s->stage, record, &error) == PW_OK);
    s->n_labels += n;
}

static struct scene *scene_new(uint64_t n_tiles, uint64_t most, uint64_t seed)
{
    struct scene *s = calloc(1, sizeof *s);
    struct pw_error error = {0};
    const uint64_t volume[3] = {1, n_tiles, WIDTH}, tile[3] = {1, 1, WIDTH}, halo[3] = {0, 0, 0};
    cr_assert(pw_grid_init(&s->grid, volume, tile, halo, &error) == PW_OK);
    cr_assert(pw_stage_open(&s->stage, "/tmp", n_tiles, &error) == PW_OK);
    cr_assert(pw_edge_file_open(&s->edges, "/tmp", PW_FAMILY_TOUCH, &error) == PW_OK);
    for (uint64_t t = 0; t < n_tiles; t++)
        add_tile(s, t, most, &seed);
    for (uint32_t i = 0; i < s->n_labels; i++)
        s->parent[i] = i;
    return s;
}

static void scene_free(struct scene *s)
{
    pw_edge_file_close(&s->edges);
    pw_stage_close(&s->stage);
    free(s);
}

static uint64_t (*expected_sets(struct scene *s))[3]
{
    uint64_t(*set)[3] = calloc(s->n_labels + 1, sizeof *set); /* first, voxels, touches the border */
    for (uint64_t i = 0; i < s->n_labels; i++)
        set[i][0] = UINT64_MAX;
    for (uint32_t i = 0; i < s->n_labels; i++) {
        uint64_t *of = set[find_root(s, i)];
        of[0] = s->first[i] < of[0] ? s->first[i] : of[0];
        of[1] += s->voxels[i];
        of[2] |= (uint64_t)s->touches_border[i];
    }
    return set;
}

/* Ids by brute force: roots by first voxel. */
static uint64_t *expected_ids(struct scene *s, const struct pw_object_filter *filter, uint64_t *n, uint64_t *n_dropped)
{
    uint64_t *id = calloc(s->n_labels + 1, sizeof *id);
    uint64_t(*set)[3] = expected_sets(s);
    uint64_t volume = s->grid.volume[1] * WIDTH;
    uint32_t *root_at = calloc(volume, sizeof *root_at); /* 1 + root of the set that begins at the voxel */
    *n = *n_dropped = 0;
    for (uint32_t i = 0; i < s->n_labels; i++)
        if (s->parent[i] == i && set[i][1] > 0)
            root_at[set[i][0]] = i + 1;
    for (uint64_t v = 0; v < volume; v++) {
        const uint64_t *of = root_at[v] == 0 ? NULL : set[root_at[v] - 1];
        if (of == NULL)
            continue;
        if (of[1] < filter->least_voxels || (filter->most_voxels && of[1] > filter->most_voxels) ||
            (filter->drop_border && of[2]))
            ++*n_dropped;
        else
            id[root_at[v] - 1] = ++*n;
    }
    for (uint32_t i = 0; i < s->n_labels; i++) /* roots first: they are not above their labels */
        id[i] = id[find_root(s, i)];
    free(root_at);
    free(set);
    return id;
}

static void check_in(struct scene *s, const struct pw_object_filter *filter, uint64_t memory_bytes)
{
    struct pw_error error = {0};
    struct pw_id_map map;
    uint64_t n, n_dropped, *id = malloc((s->n_labels + 1) * sizeof *id);
    uint64_t *expected = expected_ids(s, filter, &n, &n_dropped);
    cr_assert(pw_resolve(&s->grid, &s->stage, &s->edges, &touch, filter, NULL, memory_bytes, "/tmp", &map, &error) ==
                  PW_OK,
              "%s", error.message);
    for (uint64_t t = 0; t < s->grid.n_tiles; t++)
        cr_assert(pw_id_map_read(&map, t, id + map.offset[t], s->stage.entry[t].n_labels, &error) == PW_OK);
    cr_assert(map.n_objects == n && map.n_dropped == n_dropped && map.n_edges == s->edges.n_written);
    cr_assert(memcmp(id, expected, s->n_labels * sizeof *id) == 0);
    uint64_t predicted = pw_resolve_scratch_bytes(s->n_labels, s->edges.n_written, memory_bytes);
    cr_assert(map.scratch_bytes <= predicted, "%llu bytes of scratch, %llu were predicted",
              (unsigned long long)map.scratch_bytes, (unsigned long long)predicted);
    pw_id_map_release(&map);
    free(expected);
    free(id);
}

static void check(struct scene *s)
{
    static const struct pw_object_filter filter[] = {
        {0}, {.least_voxels = 3}, {.most_voxels = 4}, {.least_voxels = 2, .most_voxels = 100, .drop_border = 1}};
    struct pw_error error = {0};
    cr_assert(pw_edge_file_flush(&s->edges, &error) == PW_OK);
    for (size_t f = 0; f < sizeof filter / sizeof filter[0]; f++) {
        check_in(s, &filter[f], 0); /* the least there is */
        check_in(s, &filter[f], 300 << 10);
        check_in(s, &filter[f], 64 << 20);
    }
    scene_free(s);
}

Test(resolve, the_least_memory_is_for_a_thousand_labels)
{
    struct pw_resolve_layout layout;
    struct pw_error error = {0};
    cr_assert(pw_resolve_layout_init(&layout, LABELS_MAX, PW_RESOLVE_MEMORY_MIN, &error) == PW_OK);
    cr_assert(layout.range_labels <= 1024 && layout.n_ranges >= LABELS_MAX / 1024 && layout.buckets.n_levels > 1);
    /* any number of labels can be laid out, in any memory, and never in more than there is */
    for (uint64_t n = 1; n < UINT64_C(1) << 40; n = n * 5 + 1)
        for (uint64_t memory = PW_RESOLVE_MEMORY_MIN; memory < UINT64_C(1) << 36; memory = memory * 7 / 2 + 999) {
            cr_assert(pw_resolve_layout_init(&layout, n, memory, &error) == PW_OK, "%s", error.message);
            uint64_t labels = layout.range_labels * (layout.n_ranges > 1 ? 28 : 20);
            uint64_t buckets = layout.n_ranges > 1 ? PW_RESOLVE_QUEUES * pw_buckets_memory_bytes(&layout.buckets) : 0;
            cr_assert(labels + buckets + layout.io_bytes + layout.sorter_bytes <= memory);
            cr_assert(layout.n_ranges * layout.range_labels >= n);
        }
}

Test(resolve, nothing)
{
    check(scene_new(1, 0, 1));
    check(scene_new(7, 0, 1));
}

Test(resolve, one_label)
{
    for (uint64_t seed = 0; seed < 8; seed++)
        check(scene_new(1, 1, seed));
}

Test(resolve, no_edges)
{
    check(scene_new(1500, 60, 2));
}

Test(resolve, random_graphs)
{
    for (uint64_t per_mille = 100; per_mille <= 1600; per_mille += 500) {
        struct scene *s = scene_new(1500, 60, per_mille);
        uint64_t state = per_mille;
        for (uint64_t i = 0; i < s->n_labels * per_mille / 1000; i++)
            join(s, next_random(&state) % s->n_labels, next_random(&state) % s->n_labels);
        check(s);
    }
}

/* Neighbours in order, and in steps that go from range to range. */
Test(resolve, chains)
{
    static const uint64_t step[] = {1, 2, 1000, 1024, 7777};
    for (size_t k = 0; k < sizeof step / sizeof step[0]; k++) {
        struct scene *s = scene_new(1000, 60, k);
        for (uint64_t i = step[k]; i < s->n_labels; i++)
            join(s, i - step[k], i);
        check(s);
    }
}

Test(resolve, stars)
{
    for (uint64_t centre = 0; centre < 3; centre++) {
        struct scene *s = scene_new(1000, 60, centre);
        for (uint64_t i = 0; i < s->n_labels; i++)
            join(s, centre * (s->n_labels - 1) / 2, i);
        check(s);
    }
}

/* Teeth of labels of all ranges, which only the last, or the first, edge of all joins. */
Test(resolve, combs)
{
    for (int up = 0; up < 2; up++) {
        struct scene *s = scene_new(1000, 60, 3);
        for (uint64_t i = 0; i < s->n_labels; i++)
            if (i + 50 < s->n_labels)
                join(s, i, i + 50);
        for (uint64_t i = 1; i < 50; i++)
            join(s, up ? s->n_labels - i : i, up ? s->n_labels - i - 1 : i - 1);
        check(s);
    }
}

/* A square grid of labels with half of its bonds, where sets have all sizes. */
Test(resolve, percolation)
{
    for (uint64_t percent = 40; percent <= 60; percent += 5) {
        struct scene *s = scene_new(1200, 60, percent);
        uint64_t state = percent, side = 180;
        for (uint64_t i = 0; i + side < s->n_labels; i++) {
            if (next_random(&state) % 100 < percent)
                join(s, i, i + 1);
            if (next_random(&state) % 100 < percent)
                join(s, i, i + side);
        }
        check(s);
    }
}

Test(resolve, an_edge_to_a_label_that_does_not_exist_is_refused)
{
    static const struct pw_edge wrong[] = {
        {0, 1, 9, 1, 0, 0, 0, 0}, {0, 1, 1, 0, 0, 0, 0, 0}, {0, 1, 1, 99, 0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct pw_error error = {0};
        struct pw_id_map map;
        struct scene *s = scene_new(3, 60, 5);
        cr_assert(pw_edge_file_add(&s->edges, &wrong[i], &error) == PW_OK);
        cr_assert(pw_edge_file_flush(&s->edges, &error) == PW_OK);
        cr_assert(pw_resolve(&s->grid, &s->stage, &s->edges, &touch, NULL, NULL, 1 << 20, "/tmp", &map, &error) ==
                  PW_E_FORMAT);
        pw_id_map_release(&map);
        scene_free(s);
    }
}

/* One tile of many labels, read in as little memory as there may be. */
Test(resolve, facts_come_in_pieces)
{
    enum {
        N = 5000
    };
    static struct pw_run run[N];
    static uint32_t label[N];
    static struct pw_label_count counts[N];
    static unsigned char record[64 * N], memory[PW_FACT_READER_BYTES_MIN];
    const uint64_t volume[3] = {1, 3, 3 * N}, tile[3] = {1, 3, 2 * N}, zero[3] = {0, 0, 0};
    const int faces[PW_FACES] = {0};
    uint64_t row[4] = {0, 0, N, N};
    struct pw_runs runs = {.shape = {1, 3, 2 * N}, .run = run, .label = label, .row = row, .n_runs = N, .n_labels = N};
    struct pw_error error = {0};
    struct pw_grid grid;
    struct pw_stage stage;
    struct pw_fact_reader reader;
    for (uint32_t i = 0; i < N; i++) {
        run[i] = (struct pw_run){2 * i, 2 * i + 1};
        label[i] = N - i;
    }
    cr_assert(pw_grid_init(&grid, volume, tile, zero, &error) == PW_OK);
    cr_assert(pw_stage_open(&stage, "/tmp", grid.n_tiles, &error) == PW_OK);
    (void)pw_record_encode(0, &runs, &runs, zero, faces, counts, record);
    cr_assert(pw_stage_append(&stage, record, &error) == PW_OK);
    pw_fact_reader_init(&reader, &grid, &stage, memory, sizeof memory);
    cr_assert(pw_fact_reader_open(&reader, 0, &error) == PW_OK);
    for (uint64_t known = 0; known < N;) {
        const struct pw_label_fact *fact;
        uint64_t n;
        cr_assert(pw_fact_reader_next(&reader, &fact, &n, &error) == PW_OK, "%s", error.message);
        for (uint64_t i = 0; i < n; i++, known++)
            cr_assert(fact[i].first == 3 * N + 2 * (N - 1 - known) && fact[i].voxels == 1);
    }
    const struct pw_label_fact *fact;
    uint64_t n;
    cr_assert(pw_fact_reader_next(&reader, &fact, &n, &error) == PW_E_FORMAT);
    pw_stage_close(&stage);
}

struct listener {
    uint64_t calls, last_done, stop_at;
};

static int listen(const struct pw_progress *progress, void *user)
{
    struct listener *listener = user;
    cr_assert(progress->pass == PW_PASS_RESOLVE && progress->done >= listener->last_done);
    cr_assert(progress->done <= progress->total && progress->seconds >= 0);
    listener->last_done = progress->done;
    return ++listener->calls == listener->stop_at;
}

/* In the least memory there are sixty ranges each way. */
Test(resolve, can_be_watched_and_stopped)
{
    for (uint64_t stop_at = 0; stop_at < 2; stop_at++) {
        struct pw_error error = {0};
        struct pw_id_map map;
        struct listener listener = {.stop_at = stop_at};
        const struct pw_resolve_watch watch = {listen, &listener};
        struct scene *s = scene_new(1500, 60, 9);
        for (uint64_t i = 1000; i < s->n_labels; i++)
            join(s, i - 1000, i);
        cr_assert(pw_edge_file_flush(&s->edges, &error) == PW_OK);
        enum pw_status status =
            pw_resolve(&s->grid, &s->stage, &s->edges, &touch, NULL, &watch, 0, "/tmp", &map, &error);
        cr_assert(listener.calls > 0);
        cr_assert(status == (stop_at == 0 ? PW_OK : PW_E_CANCELLED));
        pw_id_map_release(&map);
        scene_free(s);
    }
}
