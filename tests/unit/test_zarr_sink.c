/* Label images in OME-Zarr: what is written reads back, and comes into view whole or not at all. */
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
#include "base/json.h"
#include "store/ngff_metadata.h"
#include "store/sink.h"
#include "store/source.h"
#include "store/zarr_layout.h"
#include "sys/tree.h"

static char folder[64];

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(strcpy(folder, "/tmp/pw-zarr-sink-XXXXXX")));
}

static void remove_folder(void)
{
    pw_tree_remove(folder);
}

static const char *within(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* ---- a volume to pull from ---- */

struct volume {
    uint64_t shape[3];
    uint64_t *voxels;
    int broken; /* pulls fail after this many, when positive */
};

struct puller {
    const struct volume *volume;
    struct pw_run *run;
    uint64_t *value, *row;
};

static uint64_t mix(uint64_t i)
{
    i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9U;
    i = (i ^ i >> 27) * 0x94d049bb133111ebU;
    return i ^ i >> 31;
}

/* Bricks with labels up to largest; a region without any, so that chunks and shards stay unwritten. */
static struct volume make_volume(uint64_t z, uint64_t y, uint64_t x, uint64_t largest)
{
    struct volume volume = {{z, y, x}, calloc(z * y * x, sizeof(uint64_t)), 0};
    for (uint64_t i = 0; i < z * y * x; i++) {
        uint64_t iz = i / (y * x), iy = i / x % y, ix = i % x;
        uint64_t brick = iz / 5 * 10007 + iy / 7 * 101 + ix / 11;
        if (mix(brick) % 3 == 0 && iy < y - y / 3)
            volume.voxels[i] = 1 + mix(brick + 77) % largest;
    }
    if (z * y * x > 0)
        volume.voxels[z * y * x - 1] = largest;
    return volume;
}

static struct puller make_puller(const struct volume *volume)
{
    size_t n = volume->shape[0] * volume->shape[1] * volume->shape[2] + 1;
    return (struct puller){volume, malloc(n * sizeof(struct pw_run)), malloc(n * 8), malloc((n + 1) * 8)};
}

static void free_puller(struct puller *puller)
{
    free(puller->run);
    free(puller->value);
    free(puller->row);
}

static enum pw_status pull(void *context, const struct pw_box *box, struct pw_label_block *block,
                           struct pw_error *error)
{
    struct puller *puller = context;
    const uint64_t *shape = puller->volume->shape;
    uint64_t n = 0, r = 0;
    (void)error;
    if (puller->volume->broken)
        return PW_E_IO;
    for (uint64_t z = 0; z < box->shape[0]; z++)
        for (uint64_t y = 0; y < box->shape[1]; y++) {
            const uint64_t *v = puller->volume->voxels +
                                ((box->start[0] + z) * shape[1] + box->start[1] + y) * shape[2] + box->start[2];
            puller->row[r++] = n;
            for (uint64_t x = 0, end; x < box->shape[2]; x = end) {
                for (end = x + 1; end < box->shape[2] && v[end] == v[x];)
                    end++;
                if (v[x] == 0)
                    continue;
                puller->run[n] = (struct pw_run){(uint32_t)x, (uint32_t)end};
                puller->value[n++] = v[x];
            }
        }
    puller->row[r] = n;
    memcpy(block->shape, box->shape, sizeof block->shape);
    block->run = puller->run;
    block->value = puller->value;
    block->row = puller->row;
    block->n_runs = n;
    return PW_OK;
}

/* ---- writing ---- */

struct job {
    struct pw_sink *sink;
    const struct volume *volume;
    uint64_t n[3];
    _Atomic uint64_t next;
    _Atomic int failed;
};

static void *work(void *context)
{
    struct job *job = context;
    struct pw_sink *sink = job->sink;
    struct puller puller = make_puller(job->volume);
    struct pw_writer *writer;
    struct pw_error error = {0};
    cr_assert_eq(sink->ops->writer_new(sink, &writer, &error), PW_OK, "%s", error.message);
    for (uint64_t u; (u = atomic_fetch_add(&job->next, 1)) < job->n[0] * job->n[1] * job->n[2];) {
        uint64_t position[3] = {u / (job->n[1] * job->n[2]), u / job->n[2] % job->n[1], u % job->n[2]};
        struct pw_box box;
        for (int i = 0; i < 3; i++) {
            box.start[i] = position[i] * sink->unit[i];
            box.shape[i] = pw_min_u64(sink->unit[i], sink->volume[i] - box.start[i]);
        }
        if (sink->ops->write_unit(sink, writer, u, &box, pull, &puller, &error) != PW_OK)
            job->failed = 1;
    }
    sink->ops->writer_free(writer);
    free_puller(&puller);
    return NULL;
}

/* Start and all units; returns whether they were written. */
static int write_volume(struct pw_sink *sink, const struct volume *volume, enum pw_dtype dtype, int threads)
{
    struct pw_error error = {0};
    struct job job = {.sink = sink, .volume = volume};
    pthread_t thread[8];
    for (int i = 0; i < 3; i++)
        job.n[i] = pw_ceil_div(sink->volume[i], sink->unit[i]);
    cr_assert_eq(sink->ops->start(sink, dtype, 12345, &error), PW_OK, "%s", error.message);
    for (int t = 0; t < threads; t++)
        cr_assert_eq(pthread_create(&thread[t], NULL, work, &job), 0);
    for (int t = 0; t < threads; t++)
        cr_assert_eq(pthread_join(thread[t], NULL), 0);
    return !job.failed;
}

static struct pw_sink_request request_for(const char *path, const struct volume *volume, int rank)
{
    struct pw_sink_request request = {.path = path,
                                      .rank = rank,
                                      .dtype_hint = PW_U32,
                                      .ngff = "0.5",
                                      .label_name = "cells",
                                      .segmenter = "threshold:300"};
    static const char *const names[3] = {"z", "y", "x"};
    for (int i = 0; i < 3; i++) {
        request.shape[i] = volume->shape[i];
        strcpy(request.axis[i].name, names[i]);
        strcpy(request.axis[i].unit, i == 2 ? "um" : "micrometer");
        request.axis[i].scale = i == 0 ? 0.235 : 0.15;
    }
    return request;
}

static void write_store(const struct pw_sink_request *request, const struct volume *volume, enum pw_dtype dtype,
                        int threads)
{
    struct pw_error error = {0};
    struct pw_sink *sink;
    cr_assert_eq(pw_zarr_sink_open(request, &sink, &error), PW_OK, "%s", error.message);
    cr_assert(write_volume(sink, volume, dtype, threads));
    cr_assert_eq(sink->ops->commit(sink, &error), PW_OK, "%s", error.message);
    pw_sink_close(sink);
}

/* Reads level 0 of the label image at path and compares. */
static void check_store(const char *path, const struct volume *volume, int rank, enum pw_dtype dtype)
{
    struct pw_error error = {0};
    struct pw_source *source;
    struct pw_region region = {.rank = rank};
    cr_assert_eq(pw_source_open(path, NULL, NULL, &source, &error), PW_OK, "%s", error.message);
    const struct pw_image_info *info = &source->info;
    cr_assert_eq(info->rank, rank);
    cr_assert_eq(info->dtype, dtype);
    cr_expect_eq(info->is_label, 1);
    cr_expect_eq(info->n_objects, 12345);
    cr_expect_str_eq(info->axis[rank - 1].name, "x");
    cr_expect_str_eq(info->axis[rank - 1].unit, "", "um is no unit of NGFF");
    cr_expect_str_eq(info->axis[rank - 2].unit, "micrometer");
    cr_expect_float_eq(info->axis[rank - 1].scale, 0.15, 0);
    for (int i = 0; i < rank; i++) {
        region.shape[i] = volume->shape[3 - rank + i];
        cr_assert_eq(info->shape[i], region.shape[i]);
    }
    size_t size = pw_dtype_bytes(dtype), n = pw_region_elements(&region);
    unsigned char *voxels = malloc(n * size);
    cr_assert_eq(pw_source_read(source, &region, voxels, &error), PW_OK, "%s", error.message);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(memcmp(voxels + i * size, &volume->voxels[i], size), 0, "voxel %zu of %s", i, path);
    free(voxels);
    pw_source_close(source);
}

/* All files below path, by name and content. */
static uint64_t tree_hash(const char *path)
{
    char command[700];
    uint64_t hash = 0;
    (void)snprintf(command, sizeof command,
                   "cd '%s' && find . -type f | LC_ALL=C sort | xargs cat -- /dev/null | cksum", path);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    cr_assert_eq(fscanf(pipe, "%lu", &hash), 1);
    (void)pclose(pipe);
    return hash;
}

static int folder_entries(const char *path)
{
    char command[700];
    int n = -1;
    (void)snprintf(command, sizeof command, "ls -A '%s' | wc -l", path);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    cr_assert_eq(fscanf(pipe, "%d", &n), 1);
    (void)pclose(pipe);
    return n;
}

TestSuite(zarr_sink, .init = make_folder, .fini = remove_folder);

Test(zarr_sink, reads_back)
{
    static const struct {
        uint64_t shape[3], chunk[3], shard[3], largest;
        int rank;
        enum pw_dtype dtype;
    } cases[] = {
        {{40, 70, 90}, {0}, {0}, 70000, 3, PW_U32},
        {{40, 70, 90}, {16, 32, 32}, {32, 64, 64}, 200, 3, PW_U8},
        {{13, 50, 61}, {5, 11, 7}, {10, 33, 21}, 60000, 3, PW_U16},
        {{1, 300, 200}, {1, 64, 64}, {1, 128, 192}, 5000000000U, 2, PW_U64},
        {{1, 1, 1}, {0}, {0}, 3, 2, PW_U32},
        {{3, 1, 500}, {0}, {0}, 9, 3, PW_U16},
        {{1, 257, 129}, {1, 1000, 1000}, {0}, 9, 3, PW_U32}, /* a chunk larger than the volume */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int v2 = 0; v2 < 2; v2++)
            for (int threads = 1; threads <= 5; threads += 4) {
                struct volume volume =
                    make_volume(cases[i].shape[0], cases[i].shape[1], cases[i].shape[2], cases[i].largest);
                char name[64];
                (void)snprintf(name, sizeof name, "%zu-%d-%d.zarr/", i, v2, threads);
                struct pw_sink_request request = request_for(within(name), &volume, cases[i].rank);
                memcpy(request.chunk, cases[i].chunk, sizeof request.chunk);
                if (!v2)
                    memcpy(request.shard, cases[i].shard, sizeof request.shard);
                request.ngff = v2 ? "0.4" : "0.5";
                request.dtype_hint = cases[i].dtype;
                write_store(&request, &volume, cases[i].dtype, threads);
                (void)snprintf(name, sizeof name, "%zu-%d-%d.zarr/labels/cells", i, v2, threads);
                check_store(within(name), &volume, cases[i].rank, cases[i].dtype);
                free(volume.voxels);
            }
    /* The same bytes from any number of threads. */
    cr_assert_eq(tree_hash(within("2-0-1.zarr")), tree_hash(within("2-0-5.zarr")));
    cr_assert_eq(tree_hash(within("2-1-1.zarr")), tree_hash(within("2-1-5.zarr")));
}

Test(zarr_sink, empty_shards_and_chunks_are_not_written)
{
    struct volume volume = make_volume(1, 256, 256, 9);
    memset(volume.voxels, 0, 256 * 256 * sizeof *volume.voxels);
    volume.voxels[200 * 256 + 200] = 1;
    struct pw_sink_request request = request_for(within("a.zarr"), &volume, 2);
    request.chunk[1] = request.chunk[2] = 32;
    request.shard[1] = request.shard[2] = 128;
    write_store(&request, &volume, PW_U32, 1);
    cr_expect(exists(within("a.zarr/labels/cells/0/c/1/1")));
    cr_expect_not(exists(within("a.zarr/labels/cells/0/c/0")));
    cr_expect_not(exists(within("a.zarr/labels/cells/0/c/1/0")));
    struct stat st;
    cr_assert_eq(stat(within("a.zarr/labels/cells/0/c/1/1"), &st), 0);
    cr_expect_lt(st.st_size, 16 * 16 + 4 + 100);
    check_store(within("a.zarr/labels/cells"), &volume, 2, PW_U32);
    free(volume.voxels);
}

Test(zarr_sink, overwriting_is_asked_for_and_whole)
{
    struct volume first = make_volume(4, 30, 30, 9), second = make_volume(4, 20, 20, 99);
    struct pw_sink_request request = request_for(within("a.zarr"), &first, 3);
    struct pw_error error = {0};
    struct pw_sink *sink;
    write_store(&request, &first, PW_U32, 1);
    uint64_t before = tree_hash(within("a.zarr"));
    struct pw_sink_request again = request_for(within("a.zarr"), &second, 3);
    cr_assert_eq(pw_zarr_sink_open(&again, &sink, &error), PW_E_EXISTS);
    cr_assert_null(sink);
    /* Given up after all units: the old one stays. */
    again.overwrite = 1;
    cr_assert_eq(pw_zarr_sink_open(&again, &sink, &error), PW_OK, "%s", error.message);
    cr_assert(write_volume(sink, &second, PW_U32, 1));
    cr_assert_eq(tree_hash(within("a.zarr")), before);
    sink->ops->abort(sink);
    pw_sink_close(sink);
    cr_assert_eq(tree_hash(within("a.zarr")), before);
    cr_assert_eq(folder_entries(folder), 1);
    write_store(&again, &second, PW_U32, 1);
    check_store(within("a.zarr/labels/cells"), &second, 3, PW_U32);
    cr_assert_eq(folder_entries(folder), 1);
    free(first.voxels);
    free(second.voxels);
}

Test(zarr_sink, foreign_directories_are_never_replaced)
{
    struct volume volume = make_volume(1, 20, 20, 9);
    struct pw_error error = {0};
    struct pw_sink *sink;
    struct pw_sink_request request = request_for(within("data"), &volume, 2);
    request.overwrite = 1;
    cr_assert_eq(mkdir(within("data"), 0777), 0);
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_EXISTS, "an empty directory");
    /* A zarr group with something of its own beside labels. */
    cr_assert_eq(pw_zarr_write_group(3, json_object_new_object(), within("data"), &error), PW_OK);
    cr_assert_eq(mkdir(within("data/labels"), 0777), 0);
    cr_assert_eq(mkdir(within("data/0"), 0777), 0);
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_EXISTS, "an image");
    cr_assert_eq(pw_tree_put_file(within("file"), "x", 1, 0, &error), PW_OK);
    request.path = within("file");
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_EXISTS, "a file");
    request.path = within("nowhere/a.zarr");
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_NOT_FOUND);
    free(volume.voxels);
}

Test(zarr_sink, bad_requests_are_refused)
{
    struct volume volume = make_volume(4, 20, 20, 9);
    struct pw_error error = {0};
    struct pw_sink *sink;
    static const char *const names[] = {"", ".", "..", "a/b", ".hidden", "__x", "zarr.json"};
    struct pw_sink_request request = request_for(within("a.zarr"), &volume, 3);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        request.label_name = names[i];
        cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_ARGUMENT, "%s", names[i]);
    }
    request = request_for(within("a.zarr"), &volume, 3);
    request.chunk[2] = 8;
    request.shard[2] = 20;
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_ARGUMENT);
    request = request_for(within("a.zarr"), &volume, 3);
    request.ngff = "0.4";
    request.shard[2] = 20;
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_ARGUMENT);
    request = request_for(within("a.zarr"), &volume, 3);
    request.ngff = "0.9";
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_ARGUMENT);
    request = request_for(within("a.zarr"), &volume, 3);
    request.chunk[0] = request.chunk[1] = request.chunk[2] = 1 << 20;
    cr_expect_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_ARGUMENT);
    cr_expect_eq(folder_entries(folder), 0);
    free(volume.voxels);
}

Test(zarr_sink, a_failed_pull_leaves_nothing)
{
    struct volume volume = make_volume(4, 20, 20, 9);
    struct pw_error error = {0};
    struct pw_sink *sink;
    struct pw_sink_request request = request_for(within("a.zarr"), &volume, 3);
    cr_assert_eq(pw_zarr_sink_open(&request, &sink, &error), PW_OK, "%s", error.message);
    volume.broken = 1;
    cr_assert_not(write_volume(sink, &volume, PW_U32, 2));
    pw_sink_close(sink);
    cr_assert_eq(folder_entries(folder), 0);
    free(volume.voxels);
}

/* A process that was killed leaves its hidden directory; the next run removes it, but not one that is in use. */
Test(zarr_sink, what_killed_runs_left_is_removed)
{
    struct volume volume = make_volume(4, 20, 20, 9);
    struct pw_error error = {0};
    struct pw_sink *first;
    struct pw_sink_request request = request_for(within("a.zarr"), &volume, 3);
    cr_assert_eq(mkdir(within(".a.zarr.pw-0123af"), 0777), 0);
    cr_assert_eq(mkdir(within(".a.zarr.pw-0123af/labels"), 0777), 0);
    cr_assert_eq(mkdir(within(".a.zarr.pw-mine"), 0777), 0);
    cr_assert_eq(pw_zarr_sink_open(&request, &first, &error), PW_OK, "%s", error.message);
    cr_assert(write_volume(first, &volume, PW_U32, 1));
    cr_expect_not(exists(within(".a.zarr.pw-0123af")));
    cr_expect(exists(within(".a.zarr.pw-mine")), "not one of ours");
    /* Two at once: the second neither disturbs nor replaces the first. */
    struct pw_sink *second;
    request.path = within("a.zarr");
    cr_assert_eq(pw_zarr_sink_open(&request, &second, &error), PW_OK, "%s", error.message);
    cr_assert(write_volume(second, &volume, PW_U32, 1));
    cr_assert_eq(first->ops->commit(first, &error), PW_OK, "%s", error.message);
    cr_expect_eq(second->ops->commit(second, &error), PW_E_EXISTS);
    pw_sink_close(first);
    pw_sink_close(second);
    check_store(within("a.zarr/labels/cells"), &volume, 3, PW_U32);
    cr_expect_eq(folder_entries(folder), 2);
    free(volume.voxels);
}

/* ---- into an image ---- */

/* An image without pixels (all missing chunks), with levels; what the labels need of it. */
static void make_image(const char *name, int v3, int n_levels, const uint64_t (*shape)[3])
{
    struct pw_error error = {0};
    struct pw_output_array level[4];
    static const double scale[4][3] = {{0.235, 0.15, 0.15}, {0.235, 0.3, 0.3}, {0.47, 0.6, 0.6}, {1, 1, 1}};
    static const double translation[4][3] = {{0, 0, 0}, {0, 0.075, 0.075}, {0.1175, 0.225, 0.225}, {0, 0, 0}};
    struct pw_ngff_label image = {
        .version = v3 ? 3 : 2,
        .name = "image",
        .axes = {.rank = 3,
                 .space = {{.name = "z", .unit = "micrometer"}, {.name = "y", .unit = "micrometer"}, {.name = "x"}},
                 .times = 1,
                 .channels = 1},
        .n_levels = n_levels,
        .level = level,
        .scale = scale,
        .translation = translation};
    cr_assert_eq(mkdir(within(name), 0777), 0);
    for (int l = 0; l < n_levels; l++) {
        const struct pw_zarr_layout layout = {image.version, {8, 8, 8}, {16, 16, 16}};
        char path[600];
        pw_output_array_init(&level[l], 3, shape[l], &layout);
        level[l].dtype = PW_U16;
        (void)snprintf(path, sizeof path, "%s/%d", within(name), l);
        cr_assert_eq(mkdir(path, 0777), 0);
        cr_assert_eq(pw_ngff_write_array(&image, l, path, &error), PW_OK, "%s", error.message);
    }
    cr_assert_eq(pw_ngff_write_label(&image, within(name), &error), PW_OK, "%s", error.message);
}

static void write_into(const char *name, const char *label, const struct volume *volume, int overwrite,
                       enum pw_status expected)
{
    struct pw_error error = {0};
    struct pw_source *source;
    struct pw_sink *sink;
    cr_assert_eq(pw_source_open(within(name), NULL, NULL, &source, &error), PW_OK, "%s", error.message);
    struct pw_sink_request request = request_for(within(name), volume, 3);
    request.into_image = 1;
    request.overwrite = overwrite;
    request.image = &source->info;
    request.label_name = label;
    request.ngff = NULL;
    enum pw_status status = pw_zarr_sink_open(&request, &sink, &error);
    cr_assert_eq(status, expected, "%s", error.message);
    if (status == PW_OK) {
        cr_assert(write_volume(sink, volume, PW_U32, 3));
        cr_assert_eq(sink->ops->commit(sink, &error), PW_OK, "%s", error.message);
        pw_sink_close(sink);
    }
    pw_source_close(source);
}

static void check_list(const char *image, int v3, const char *expected)
{
    char path[64];
    struct json_object *metadata;
    struct pw_error error = {0};
    (void)snprintf(path, sizeof path, "%s/labels/%s", image, v3 ? "zarr.json" : ".zattrs");
    cr_assert_eq(pw_json_load(within(path), &metadata, &error), PW_OK, "%s", error.message);
    struct json_object *ome = v3 ? pw_json_get(pw_json_get(metadata, "attributes"), "ome") : metadata;
    cr_expect_str_eq(json_object_to_json_string_ext(pw_json_get(ome, "labels"), JSON_C_TO_STRING_PLAIN), expected);
    json_object_put(metadata);
}

Test(zarr_sink, into_an_image_with_levels)
{
    static const uint64_t shape[3][3] = {{21, 60, 50}, {21, 30, 25}, {10, 15, 12}};
    for (int v3 = 0; v3 < 2; v3++) {
        const char *name = v3 ? "image3" : "image2";
        struct volume volume = make_volume(21, 60, 50, 999);
        char path[64];
        make_image(name, v3, 3, shape);
        write_into(name, "one", &volume, 0, PW_OK);
        write_into(name, "two", &volume, 0, PW_OK);
        write_into(name, "one", &volume, 0, PW_E_EXISTS);
        write_into(name, "one", &volume, 1, PW_OK);
        (void)snprintf(path, sizeof path, "%s/labels/one", name);
        check_store(within(path), &volume, 3, PW_U32);
        check_list(name, v3, "[\"one\",\"two\"]");
        struct pw_error error = {0};
        struct pw_source *source;
        cr_assert_eq(pw_source_open(within(path), NULL, NULL, &source, &error), PW_OK, "%s", error.message);
        cr_assert_eq(source->info.n_levels, 3);
        for (int l = 0; l < 3; l++)
            for (int i = 0; i < 3; i++)
                cr_expect_eq(source->info.level_shape[l][i], shape[l][i]);
        cr_expect_float_eq(source->info.level_scale[2][0], 0.47, 0);
        cr_expect_float_eq(source->info.level_translation[1][2], 0.075, 0);
        pw_source_close(source);
        (void)snprintf(path, sizeof path, "%s/labels", name);
        cr_expect_eq(folder_entries(within(path)), v3 ? 3 : 4, "something hidden is left");
        free(volume.voxels);
    }
}

Test(zarr_sink, the_list_of_labels_keeps_what_it_has)
{
    static const uint64_t shape[1][3] = {{4, 20, 20}};
    static const char old[] = "{\"labels\": [\"other\"], \"mine\": {\"x\": 0.1}}";
    struct volume volume = make_volume(4, 20, 20, 9);
    struct pw_error error = {0};
    struct json_object *list;
    make_image("image", 0, 1, shape);
    cr_assert_eq(mkdir(within("image/labels"), 0777), 0);
    cr_assert_eq(pw_tree_put_file(within("image/labels/.zattrs"), old, sizeof old - 1, 0, &error), PW_OK);
    write_into("image", "new", &volume, 0, PW_OK);
    cr_assert_eq(pw_json_load(within("image/labels/.zattrs"), &list, &error), PW_OK);
    cr_assert_str_eq(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN),
                     "{\"labels\":[\"other\",\"new\"],\"mine\":{\"x\":0.1}}");
    json_object_put(list);
    cr_assert(exists(within("image/labels/.zgroup")));
    /* A list that cannot be read is found before anything is written. */
    cr_assert_eq(pw_tree_put_file(within("image/labels/.zattrs"), "[]", 2, 0, &error), PW_OK);
    struct pw_sink *sink;
    struct pw_sink_request request = request_for(within("image"), &volume, 3);
    request.into_image = 1;
    request.ngff = NULL;
    cr_assert_eq(pw_zarr_sink_open(&request, &sink, &error), PW_E_FORMAT);
    free(volume.voxels);
}

Test(zarr_sink, giving_up_leaves_the_image_as_it_was)
{
    static const uint64_t shape[2][3] = {{4, 20, 20}, {4, 10, 10}};
    struct volume volume = make_volume(4, 20, 20, 9);
    struct pw_error error = {0};
    struct pw_source *source;
    struct pw_sink *sink;
    make_image("image", 1, 2, shape);
    uint64_t before = tree_hash(within("image"));
    cr_assert_eq(pw_source_open(within("image"), NULL, NULL, &source, &error), PW_OK, "%s", error.message);
    struct pw_sink_request request = request_for(within("image"), &volume, 3);
    request.into_image = 1;
    request.image = &source->info;
    cr_assert_eq(pw_zarr_sink_open(&request, &sink, &error), PW_OK, "%s", error.message);
    cr_assert(write_volume(sink, &volume, PW_U32, 1));
    pw_sink_close(sink);
    pw_source_close(source);
    cr_expect_eq(tree_hash(within("image")), before);
    cr_expect_not(exists(within("image/labels")));
    free(volume.voxels);
}

/* ---- layout ---- */

Test(zarr_sink, chosen_layouts)
{
    static const struct {
        uint64_t shape[3], tile[3];
        int version;
        uint64_t chunk[3], unit[3];
    } cases[] = {
        {{1, 16384, 16384}, {1, 2048, 2048}, 3, {1, 1024, 1024}, {1, 4096, 4096}},
        {{256, 2048, 2048}, {64, 512, 512}, 3, {64, 128, 128}, {256, 512, 512}},
        {{1, 65536, 65536}, {1, 2048, 2048}, 3, {1, 1024, 1024}, {1, 8192, 8192}},
        {{1, 500, 600}, {1, 500, 600}, 3, {1, 500, 600}, {1, 500, 600}},
        {{1, 16384, 16384}, {1, 2048, 2048}, 2, {1, 1024, 1024}, {1, 2048, 2048}},
        {{1, 10000, 10000}, {1, 96, 96}, 3, {1, 288, 288}, {1, 2016, 4032}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pw_sink_request request = {.path = "x", .rank = cases[i].shape[0] == 1 ? 2 : 3};
        struct pw_zarr_layout layout;
        struct pw_error error = {0};
        memcpy(request.shape, cases[i].shape, sizeof request.shape);
        memcpy(request.tile, cases[i].tile, sizeof request.tile);
        cr_assert_eq(pw_zarr_layout_choose(&request, cases[i].version, &layout, &error), PW_OK, "%s", error.message);
        for (int k = 0; k < 3; k++) {
            cr_expect_eq(layout.chunk[k], cases[i].chunk[k], "case %zu chunk %d is %lu", i, k,
                         (unsigned long)layout.chunk[k]);
            cr_expect_eq(layout.unit[k], cases[i].unit[k], "case %zu unit %d is %lu", i, k,
                         (unsigned long)layout.unit[k]);
        }
    }
}
