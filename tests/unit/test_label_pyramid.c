/* The smaller levels of a label image: the rule, odd sizes, and levels made out of stored units. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "label/downsample.h"
#include "label/downsample_runs.h"
#include "store/zarr_pyramid.h"
#include "sys/tree.h"
#include "sink_harness.h"

static uint64_t random_state = 88172645463325252U;

static uint64_t below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

/* The rule once more, in the plainest way. */
static uint32_t vote(const uint32_t *voxels, const uint64_t shape[3], const uint64_t factor[3], const uint64_t at[3])
{
    uint64_t total = 0, labelled = 0, best_count = 0;
    uint32_t best = 0;
    uint64_t start[3], end[3];
    for (int i = 0; i < 3; i++) {
        start[i] = pw_min_u64(at[i] * factor[i], shape[i] - 1);
        end[i] = pw_max_u64(pw_min_u64((at[i] + 1) * factor[i], shape[i]), start[i] + 1);
    }
    uint32_t seen[1024];
    for (uint64_t z = start[0]; z < end[0]; z++)
        for (uint64_t y = start[1]; y < end[1]; y++)
            for (uint64_t x = start[2]; x < end[2]; x++) {
                uint32_t v = voxels[(z * shape[1] + y) * shape[2] + x];
                labelled += v != 0;
                seen[total++] = v;
            }
    for (uint64_t i = 0; i < total; i++) {
        uint64_t count = 0;
        for (uint64_t k = 0; k < total; k++)
            count += seen[k] == seen[i];
        if (seen[i] != 0 && (count > best_count || (count == best_count && seen[i] < best))) {
            best = seen[i];
            best_count = count;
        }
    }
    return 2 * labelled >= total ? best : 0;
}

static uint32_t *expected_level(const uint32_t *voxels, const uint64_t shape[3], const uint64_t smaller[3])
{
    uint64_t factor[3], at[3];
    uint32_t *out = calloc(smaller[0] * smaller[1] * smaller[2], sizeof *out);
    for (int i = 0; i < 3; i++)
        factor[i] = pw_max_u64((shape[i] + smaller[i] / 2) / smaller[i], 1);
    for (at[0] = 0; at[0] < smaller[0]; at[0]++)
        for (at[1] = 0; at[1] < smaller[1]; at[1]++)
            for (at[2] = 0; at[2] < smaller[2]; at[2]++)
                out[(at[0] * smaller[1] + at[1]) * smaller[2] + at[2]] = vote(voxels, shape, factor, at);
    return out;
}

static uint32_t *random_labels(const uint64_t shape[3])
{
    uint64_t n = shape[0] * shape[1] * shape[2];
    uint32_t *voxels = calloc(n, sizeof *voxels);
    for (uint64_t i = 0; i < n;) {
        uint32_t value = below(2) ? (uint32_t)(1 + below(5)) * 100000 : 0;
        for (uint64_t k = 1 + below(9); k > 0 && i < n; k--)
            voxels[i++] = below(4) ? value : (uint32_t)below(4);
    }
    return voxels;
}

Test(label_pyramid, rule)
{
    static const struct {
        uint32_t block[4], result;
    } cases[] = {
        {{7, 7, 7, 7}, 7}, {{0, 0, 0, 5}, 0}, {{0, 0, 5, 5}, 5}, {{0, 0, 9, 5}, 5},
        {{0, 3, 9, 9}, 9}, {{2, 3, 2, 3}, 2}, {{4, 3, 2, 1}, 1}, {{0, 0, 0, 0}, 0},
    };
    const uint64_t factor[3] = {1, 2, 2};
    void *scratch = malloc(pw_downsample_scratch_bytes(factor));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t block[4], out = 77;
        memcpy(block, cases[i].block, sizeof block);
        struct pw_label_box from = {block, {1, 2, 2}, {4, 2}}, to = {&out, {1, 1, 1}, {1, 1}};
        int any = pw_downsample_labels(PW_U32, PW_PYRAMID_MODE, &from, factor, &to, scratch);
        cr_expect_eq(out, cases[i].result, "case %zu gives %u", i, out);
        cr_expect_eq(any, out != 0);
    }
    free(scratch);
}

/* Labels that are constant over many blocks, beside some that are not. */
static uint32_t *long_labels(const uint64_t shape[3])
{
    uint64_t n = shape[0] * shape[1] * shape[2];
    uint32_t *voxels = calloc(n, sizeof *voxels);
    for (uint64_t i = 0; i < n; i++)
        voxels[i] = (uint32_t)(i % shape[2] / 70 + (below(200) == 0));
    return voxels;
}

static void check_every_type(const uint32_t *voxels, const uint64_t shape[3])
{
    const uint64_t factor[3] = {2, 2, 2};
    const uint64_t smaller[3] = {(shape[0] + 1) / 2, (shape[1] + 1) / 2, (shape[2] + 1) / 2};
    static const enum pw_dtype dtypes[4] = {PW_U8, PW_U16, PW_U32, PW_U64};
    uint64_t n = shape[0] * shape[1] * shape[2], n_smaller = smaller[0] * smaller[1] * smaller[2];
    uint32_t *expected = expected_level(voxels, shape, smaller);
    void *scratch = malloc(pw_downsample_scratch_bytes(factor));
    for (int d = 0; d < 4; d++) {
        size_t size = pw_dtype_bytes(dtypes[d]);
        unsigned char *in = calloc(n, size), *out = calloc(n_smaller, size);
        for (size_t i = 0; i < n; i++)
            memcpy(in + i * size, &voxels[i], size < 4 ? size : 4);
        struct pw_label_box from = {in, {shape[0], shape[1], shape[2]}, {shape[1] * shape[2], shape[2]}};
        struct pw_label_box to = {out, {smaller[0], smaller[1], smaller[2]}, {smaller[1] * smaller[2], smaller[2]}};
        (void)pw_downsample_labels(dtypes[d], PW_PYRAMID_MODE, &from, factor, &to, scratch);
        for (size_t i = 0; i < n_smaller; i++)
            cr_assert_eq(memcmp(out + i * size, &expected[i], size < 4 ? size : 4), 0, "%s voxel %zu",
                         pw_dtype_name(dtypes[d]), i);
        (void)pw_downsample_labels(dtypes[d], PW_PYRAMID_NEAREST, &from, factor, &to, scratch);
        for (size_t i = 0; i < n_smaller; i++) {
            uint64_t z = i / (smaller[1] * smaller[2]), y = i / smaller[2] % smaller[1], x = i % smaller[2];
            cr_assert_eq(memcmp(out + i * size, in + ((2 * z * shape[1] + 2 * y) * shape[2] + 2 * x) * size, size), 0,
                         "nearest, %s voxel %zu", pw_dtype_name(dtypes[d]), i);
        }
        free(in);
        free(out);
    }
    free(scratch);
    free(expected);
}

Test(label_pyramid, every_type_and_odd_borders)
{
    const uint64_t narrow[3] = {3, 7, 11}, wide[3] = {3, 5, 333};
    uint32_t *voxels = random_labels(narrow);
    for (size_t i = 0; i < 3 * 7 * 11; i++)
        voxels[i] %= 251;
    check_every_type(voxels, narrow);
    free(voxels);
    voxels = long_labels(wide);
    check_every_type(voxels, wide);
    free(voxels);
}

/* ---- the same from runs ---- */

static struct volume volume_of(const uint32_t *voxels, const uint64_t shape[3])
{
    struct volume volume = {.shape = {shape[0], shape[1], shape[2]}};
    volume.label = calloc(volume_voxels(&volume), sizeof *volume.label);
    for (uint64_t i = 0; i < volume_voxels(&volume); i++)
        volume.label[i] = voxels[i];
    return volume;
}

static void check_runs(const uint32_t *voxels, const uint64_t shape[3], const uint64_t factor[3],
                       enum pw_pyramid_rule rule)
{
    struct volume volume = volume_of(voxels, shape);
    struct puller puller = {.volume = &volume, .fail_at_z = UINT64_MAX};
    struct pw_box whole = {.shape = {shape[0], shape[1], shape[2]}};
    struct pw_label_block block;
    uint64_t n[3];
    /* One more than there is: what lies behind the end repeats the last. */
    for (int i = 0; i < 3; i++)
        n[i] = pw_ceil_div(shape[i], factor[i]) + (i == 2);
    uint64_t *dense = calloc(n[0] * n[1] * n[2], sizeof *dense), *painted = calloc(n[2], sizeof *painted);
    struct pw_run *run = calloc(n[2], sizeof *run);
    uint64_t *value = calloc(n[2], sizeof *value);
    void *scratch = malloc(pw_downsample_scratch_bytes(factor) + pw_downsample_runs_scratch_bytes(factor));
    struct pw_label_box from = {volume.label, {shape[0], shape[1], shape[2]}, {shape[1] * shape[2], shape[2]}};
    struct pw_label_box to = {dense, {n[0], n[1], n[2]}, {n[1] * n[2], n[2]}};
    (void)pw_downsample_labels(PW_U64, rule, &from, factor, &to, scratch);
    cr_assert_eq(volume_pull(&puller, &whole, &block, NULL), PW_OK);
    for (uint64_t row = 0; row < n[0] * n[1]; row++) {
        uint64_t runs = pw_downsample_runs(rule, &block, factor, row / n[1], row % n[1], n[2], run, value, scratch);
        for (uint64_t i = 1; i < runs; i++)
            cr_assert(run[i].start > run[i - 1].end || (run[i].start == run[i - 1].end && value[i] != value[i - 1]));
        pw_paint_row(PW_U64, painted, n[2], run, value, runs);
        cr_assert_eq(memcmp(painted, dense + row * n[2], n[2] * sizeof *dense), 0, "rule %d, factor %d %d %d, row %d",
                     (int)rule, (int)factor[0], (int)factor[1], (int)factor[2], (int)row);
    }
    puller_free(&puller);
    free(volume.label);
    free(dense);
    free(painted);
    free(run);
    free(value);
    free(scratch);
}

Test(label_pyramid, runs_vote_as_voxels_do)
{
    for (int i = 0; i < 300; i++) {
        uint64_t shape[3] = {1 + below(5), 1 + below(6), 1 + below(200)};
        uint64_t factor[3] = {1 + below(3), 1 + below(3), 1 + below(5)};
        uint32_t *voxels = i % 2 ? random_labels(shape) : long_labels(shape);
        check_runs(voxels, shape, factor, i % 3 == 0 ? PW_PYRAMID_NEAREST : PW_PYRAMID_MODE);
        free(voxels);
    }
}

/* ---- levels of a stored array ---- */

enum {
    LEVELS_MAX = 4
};

struct store {
    char path[256];
    int version, n_levels, of_runs;
    uint64_t shape[LEVELS_MAX][3];
    struct pw_output_array level[LEVELS_MAX];
    struct pw_pyramid pyramid;
    const uint32_t *voxels;
    _Atomic uint64_t written, next;
};

static void make_store(struct store *store, const uint64_t chunk[3], const uint64_t unit[3])
{
    struct pw_error error = {0};
    struct pw_zarr_layout layout = {.version = store->version};
    memcpy(layout.chunk, chunk, sizeof layout.chunk);
    memcpy(layout.unit, unit, sizeof layout.unit);
    cr_assert_not_null(mkdtemp(strcpy(store->path, "/tmp/pw-pyramid-XXXXXX")));
    for (int l = 0; l < store->n_levels; l++) {
        struct pw_zarr_layout smaller;
        char path[300];
        pw_zarr_layout_of_level(&layout, store->shape[l], &smaller);
        pw_output_array_init(&store->level[l], 3, store->shape[l], l == 0 ? &layout : &smaller);
        (void)snprintf(path, sizeof path, "%s/%d", store->path, l);
        cr_assert_eq(mkdir(path, 0777), 0);
        store->level[l].dtype = PW_U32;
        store->level[l].fd = open(path, O_RDONLY | O_DIRECTORY);
        strcpy(store->level[l].path, path);
    }
    cr_assert_eq(pw_pyramid_init(&store->pyramid, store->level, store->n_levels, PW_PYRAMID_MODE, &error), PW_OK, "%s",
                 error.message);
    cr_assert_eq(pw_pyramid_start(&store->pyramid, &error), PW_OK, "%s", error.message);
}

static void free_store(struct store *store)
{
    for (int l = 0; l < store->n_levels; l++)
        (void)close(store->level[l].fd);
    pw_pyramid_release(&store->pyramid);
    pw_tree_remove(store->path);
}

static uint64_t unit_chunks(const struct pw_zarr_layout *layout)
{
    return layout->unit[0] / layout->chunk[0] * (layout->unit[1] / layout->chunk[1]) *
           (layout->unit[2] / layout->chunk[2]);
}

/* Stores the chunk of level 0 at position, unless it is empty. */
static void put_chunk(struct store *store, struct pw_unit_file *file, const uint64_t within[3],
                      const uint64_t position[3])
{
    const struct pw_output_array *array = &store->level[0];
    const uint64_t *chunk = array->layout.chunk;
    uint32_t *voxels = calloc(chunk[0] * chunk[1] * chunk[2], sizeof *voxels);
    uint32_t any = 0;
    for (uint64_t z = 0; z < chunk[0]; z++)
        for (uint64_t y = 0; y < chunk[1]; y++)
            for (uint64_t x = 0; x < chunk[2]; x++) {
                uint64_t at[3] = {position[0] * chunk[0] + z, position[1] * chunk[1] + y, position[2] * chunk[2] + x};
                if (at[0] < array->shape[0] && at[1] < array->shape[1] && at[2] < array->shape[2])
                    any |= voxels[(z * chunk[1] + y) * chunk[2] + x] =
                        store->voxels[(at[0] * array->shape[1] + at[1]) * array->shape[2] + at[2]];
            }
    if (any != 0) {
        struct pw_error error = {0};
        struct pw_codec_state state = {0};
        const struct pw_codec_options options = {.level = 1};
        size_t n;
        void *room = pw_unit_room(file, &n);
        cr_assert_eq(pw_codec_find("zstd")->encode(&state, &options, voxels, pw_output_array_chunk_bytes(array), room,
                                                   &n, &error),
                     PW_OK);
        cr_assert_eq(pw_unit_add(file, within, n, &error), PW_OK, "%s", error.message);
        pw_codec_state_release(&state);
    }
    free(voxels);
}

static void *write_levels(void *context)
{
    struct store *store = context;
    const struct pw_output_array *array = &store->level[0];
    uint64_t bound = pw_zstd_runs_bound(pw_output_array_chunk_bytes(array));
    uint64_t n_units = array->n_units[0] * array->n_units[1] * array->n_units[2];
    struct pw_unit_file file;
    struct pw_pyramid_worker worker;
    struct pw_zstd_runs *encoder;
    struct pw_error error = {0};
    struct volume volume = volume_of(store->voxels, array->shape);
    struct puller puller = {.volume = &volume, .fail_at_z = UINT64_MAX};
    cr_assert_eq(pw_unit_file_init(&file, unit_chunks(&array->layout), bound, &store->written, &error), PW_OK);
    cr_assert_eq(pw_zstd_runs_new(&encoder, &error), PW_OK);
    cr_assert_eq(pw_pyramid_worker_init(&worker, &store->pyramid, bound, store->of_runs ? encoder : NULL, &error),
                 PW_OK);
    for (uint64_t u; (u = atomic_fetch_add(&store->next, 1)) < n_units;) {
        uint64_t unit[3] = {u / (array->n_units[1] * array->n_units[2]), u / array->n_units[2] % array->n_units[1],
                            u % array->n_units[2]};
        uint64_t w[3], count[3], position[3];
        for (int i = 0; i < 3; i++)
            count[i] = array->layout.unit[i] / array->layout.chunk[i];
        pw_unit_begin(&file, array, unit);
        for (w[0] = 0; w[0] < count[0]; w[0]++)
            for (w[1] = 0; w[1] < count[1]; w[1]++)
                for (w[2] = 0; w[2] < count[2]; w[2]++) {
                    for (int i = 0; i < 3; i++)
                        position[i] = unit[i] * count[i] + w[i];
                    put_chunk(store, &file, w, position);
                }
        cr_assert_eq(pw_unit_end(&file, &error), PW_OK, "%s", error.message);
        cr_assert_eq(pw_pyramid_unit_done(&store->pyramid, &worker, &file, unit, volume_pull, &puller, &error), PW_OK,
                     "%s", error.message);
    }
    puller_free(&puller);
    free(volume.label);
    pw_pyramid_worker_release(&worker);
    pw_zstd_runs_free(encoder);
    pw_unit_file_release(&file);
    return NULL;
}

/* A whole level, read back chunk by chunk. */
static uint32_t *read_level(struct store *store, int l)
{
    const struct pw_output_array *array = &store->level[l];
    const uint64_t *chunk = array->layout.chunk;
    struct pw_chunk_reader reader;
    struct pw_error error = {0};
    uint32_t *out = calloc(array->shape[0] * array->shape[1] * array->shape[2], sizeof *out);
    uint32_t *voxels = malloc(pw_output_array_chunk_bytes(array));
    struct pw_region whole = {.rank = 3};
    uint64_t c[3];
    memcpy(whole.shape, array->shape, sizeof array->shape);
    cr_assert_eq(pw_chunk_reader_init(&reader, unit_chunks(&array->layout), 1 << 22, &error), PW_OK);
    for (c[0] = 0; c[0] * chunk[0] < array->shape[0]; c[0]++)
        for (c[1] = 0; c[1] * chunk[1] < array->shape[1]; c[1]++)
            for (c[2] = 0; c[2] * chunk[2] < array->shape[2]; c[2]++) {
                struct pw_region stored = {.rank = 3}, part;
                enum pw_status status = pw_chunk_read(&reader, array, c, voxels, &error);
                cr_assert_geq((int)status, 0, "%s", error.message);
                for (int i = 0; i < 3; i++) {
                    stored.start[i] = c[i] * chunk[i];
                    stored.shape[i] = chunk[i];
                }
                if (status == PW_OK && pw_region_intersect(&stored, &whole, &part))
                    pw_region_copy(&part, &stored, voxels, &whole, out, sizeof *out);
            }
    pw_chunk_reader_release(&reader);
    free(voxels);
    return out;
}

static void check_levels(struct store *store, const uint64_t chunk[3], const uint64_t unit[3], int threads)
{
    /* Of few runs, which levels are encoded from, or of too many for that. */
    uint32_t *voxels = store->of_runs == 2 ? long_labels(store->shape[0]) : random_labels(store->shape[0]);
    pthread_t thread[8];
    store->voxels = voxels;
    make_store(store, chunk, unit);
    for (int t = 0; t < threads; t++)
        cr_assert_eq(pthread_create(&thread[t], NULL, write_levels, store), 0);
    for (int t = 0; t < threads; t++)
        cr_assert_eq(pthread_join(thread[t], NULL), 0);
    uint32_t *previous = voxels;
    for (int l = 0; l < store->n_levels; l++) {
        uint32_t *got = read_level(store, l);
        uint32_t *expected = l == 0 ? voxels : expected_level(previous, store->shape[l - 1], store->shape[l]);
        uint64_t n = store->shape[l][0] * store->shape[l][1] * store->shape[l][2];
        cr_assert_eq(memcmp(got, expected, n * sizeof *got), 0, "level %d differs", l);
        free(got);
        if (l > 0)
            free(previous);
        previous = expected;
    }
    free(previous);
    free_store(store);
}

Test(label_pyramid, levels_of_every_kind)
{
    static const struct {
        int n_levels;
        uint64_t shape[LEVELS_MAX][3], chunk[3], unit[3];
    } cases[] = {
        {3, {{32, 64, 64}, {16, 32, 32}, {8, 16, 16}}, {8, 16, 16}, {16, 32, 32}},
        {3, {{33, 65, 63}, {33, 33, 32}, {17, 17, 16}}, {8, 16, 16}, {16, 32, 32}}, /* rounded up */
        {3, {{33, 65, 63}, {16, 32, 31}, {8, 16, 15}}, {7, 13, 11}, {14, 26, 33}},  /* rounded down, chunks across */
        {2, {{10, 90, 90}, {10, 30, 23}}, {5, 32, 32}, {5, 64, 64}},                /* by 3 and by 4 */
        {4, {{1, 200, 300}, {1, 100, 150}, {1, 50, 75}, {1, 25, 38}}, {1, 64, 64}, {1, 128, 128}},
        {2, {{5, 5, 5}, {1, 1, 1}}, {2, 2, 2}, {4, 4, 4}},  /* a block of several chunks */
        {2, {{9, 9, 9}, {9, 9, 9}}, {4, 4, 4}, {4, 4, 4}},  /* the same once more */
        {2, {{8, 8, 8}, {16, 3, 5}}, {4, 4, 4}, {8, 8, 8}}, /* a level that is no smaller */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int version = 2; version <= 3; version++)
            for (int of_runs = 0; of_runs <= 2; of_runs++) {
                struct store store = {.version = version, .n_levels = cases[i].n_levels, .of_runs = of_runs};
                memcpy(store.shape, cases[i].shape, sizeof store.shape);
                check_levels(&store, cases[i].chunk, cases[i].unit, 1 + 3 * (((int)i + of_runs) % 2));
            }
}

Test(label_pyramid, refuses_levels_too_far_apart)
{
    struct pw_error error = {0};
    struct pw_pyramid pyramid;
    struct pw_output_array level[2];
    const struct pw_zarr_layout layout = {3, {64, 64, 64}, {64, 64, 64}};
    pw_output_array_init(&level[0], 3, (const uint64_t[3]){4096, 4096, 4096}, &layout);
    pw_output_array_init(&level[1], 3, (const uint64_t[3]){1, 1, 1}, &layout);
    cr_assert_eq(pw_pyramid_init(&pyramid, level, 2, PW_PYRAMID_MODE, &error), PW_E_UNSUPPORTED);
    pw_pyramid_release(&pyramid);
}
