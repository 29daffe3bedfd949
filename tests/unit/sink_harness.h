/* A label volume in memory, and what a sink needs to pull it: for the tests of the sinks. */
#ifndef SINK_HARNESS_H
#define SINK_HARNESS_H

#include <criterion/criterion.h>

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "store/sink.h"
#include "store/source.h"

struct volume {
    uint64_t shape[3];
    uint64_t *label;
};

static inline uint64_t volume_voxels(const struct volume *v)
{
    return v->shape[0] * v->shape[1] * v->shape[2];
}

/* Boxes of labels 1..max on background, and a stretch of planes without any. */
static inline struct volume volume_make(uint64_t z, uint64_t y, uint64_t x, uint64_t max)
{
    struct volume v = {{z, y, x}, NULL};
    uint64_t state = 88172645463325252u;
    v.label = calloc(volume_voxels(&v), sizeof *v.label);
    for (uint64_t i = 0; i < volume_voxels(&v); i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        uint64_t row = i / x;
        if (row % 7 == 3 || i % x > x / 2 + 40)
            continue;
        v.label[i] = state % 5 == 0 ? state % max + 1 : i > 0 ? v.label[i - 1] : 0;
    }
    return v;
}

/* One thread's pull: the runs of the last box. */
struct puller {
    const struct volume *volume;
    struct pw_run *run;
    uint64_t *value, *row;
    uint64_t fail_at_z; /* UINT64_MAX: never */
};

static inline enum pw_status volume_pull(void *context, const struct pw_box *box, struct pw_label_block *block,
                                         struct pw_error *error)
{
    struct puller *p = context;
    uint64_t n = 0, rows = box->shape[0] * box->shape[1];
    if (box->start[0] <= p->fail_at_z && p->fail_at_z < box->start[0] + box->shape[0])
        return pw_fail(error, PW_E_CHECKSUM, "pull failed");
    p->run = realloc(p->run, rows * box->shape[2] * sizeof *p->run);
    p->value = realloc(p->value, rows * box->shape[2] * sizeof *p->value);
    p->row = realloc(p->row, (rows + 1) * sizeof *p->row);
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t z = box->start[0] + r / box->shape[1], y = box->start[1] + r % box->shape[1];
        const uint64_t *line = p->volume->label + (z * p->volume->shape[1] + y) * p->volume->shape[2] + box->start[2];
        p->row[r] = n;
        for (uint64_t x = 0; x < box->shape[2]; x++) {
            if (line[x] == 0)
                continue;
            if (n > p->row[r] && p->run[n - 1].end == x && p->value[n - 1] == line[x]) {
                p->run[n - 1].end++;
                continue;
            }
            p->run[n] = (struct pw_run){(uint32_t)x, (uint32_t)x + 1};
            p->value[n++] = line[x];
        }
    }
    p->row[rows] = n;
    *block = (struct pw_label_block){.run = p->run, .value = p->value, .row = p->row, .n_runs = n};
    memcpy(block->shape, box->shape, sizeof block->shape);
    return PW_OK;
}

static inline void puller_free(struct puller *p)
{
    free(p->run);
    free(p->value);
    free(p->row);
}

/* Units are handed out in order; several threads take them. */
struct job {
    struct pw_sink *sink;
    const struct volume *volume;
    uint64_t fail_at_z;
    int levels; /* the smaller ones are made as well */
    _Atomic uint64_t next;
    _Atomic int status; /* the first failure */
};

static inline void *write_units(void *argument)
{
    struct job *job = argument;
    struct pw_sink *sink = job->sink;
    struct puller puller = {.volume = job->volume, .fail_at_z = job->fail_at_z};
    struct pw_writer *writer = NULL;
    struct pw_error error = {0};
    uint64_t grid[3], n = 1;
    cr_assert_eq(sink->ops->writer_new(sink, &writer, &error), PW_OK, "%s", error.message);
    for (int i = 0; i < 3; i++)
        n *= grid[i] = pw_ceil_div(sink->volume[i], sink->unit[i]);
    for (uint64_t unit; job->status == PW_OK && (unit = job->next++) < n;) {
        uint64_t index[3] = {unit / (grid[1] * grid[2]), unit / grid[2] % grid[1], unit % grid[2]};
        struct pw_box box;
        for (int i = 0; i < 3; i++) {
            box.start[i] = index[i] * sink->unit[i];
            box.shape[i] = pw_min_u64(sink->unit[i], sink->volume[i] - box.start[i]);
        }
        int none = PW_OK;
        enum pw_status status = sink->ops->write_unit(sink, writer, unit, &box, volume_pull, &puller, &error);
        if (status != PW_OK) {
            cr_assert_neq(error.message[0], '\0');
            atomic_compare_exchange_strong(&job->status, &none, (int)status);
        }
    }
    for (int l = 1; l <= sink->n_levels && job->levels && job->status == PW_OK; l++) {
        n = sink->ops->begin_level(sink, l);
        for (uint64_t unit = 0; unit < n; unit++)
            cr_assert_eq(sink->ops->write_level_unit(sink, writer, l, unit, &error), PW_OK, "%s", error.message);
    }
    sink->ops->writer_free(writer);
    puller_free(&puller);
    return NULL;
}

/* Writes all units with threads; returns the first failure. */
static inline enum pw_status volume_write(struct pw_sink *sink, const struct volume *volume, int threads,
                                          uint64_t fail_at_z)
{
    struct job job = {.sink = sink, .volume = volume, .fail_at_z = fail_at_z};
    pthread_t thread[8];
    for (int i = 0; i < threads; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, write_units, &job), 0);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    job.levels = 1;
    write_units(&job);
    return (enum pw_status)job.status;
}

static inline struct pw_sink_request volume_request(const struct volume *volume, const char *path, int rank)
{
    struct pw_sink_request request = {.path = path, .rank = rank, .dtype_hint = PW_U32};
    memcpy(request.shape, volume->shape, sizeof request.shape);
    for (int i = 0; i < 3; i++)
        request.axis[i] = (struct pw_axis){.name = {"zyx"[i]}, .kind = 's', .scale = 1.0};
    return request;
}

/* Whether the image at path is the volume. */
static inline void volume_check(const struct pw_format *format, const char *path, const struct volume *volume,
                                enum pw_dtype dtype, int rank)
{
    struct pw_source *source;
    struct pw_error error = {0};
    cr_assert_eq(format->open(path, NULL, &source, &error), PW_OK, "%s", error.message);
    cr_assert_eq(source->info.dtype, dtype);
    cr_assert_eq(source->info.rank, rank);
    cr_assert_eq(memcmp(source->info.shape, volume->shape + 3 - rank, (size_t)rank * sizeof(uint64_t)), 0);
    struct pw_region all = {.rank = rank};
    memcpy(all.shape, source->info.shape, sizeof all.shape);
    size_t element = pw_dtype_bytes(dtype);
    unsigned char *read = malloc(volume_voxels(volume) * element);
    cr_assert_eq(pw_source_read(source, &all, read, &error), PW_OK, "%s", error.message);
    for (uint64_t i = 0; i < volume_voxels(volume); i++) {
        uint64_t value = 0;
        memcpy(&value, read + i * element, element); /* little-endian machines */
        cr_assert_eq(value, volume->label[i], "voxel %llu", (unsigned long long)i);
    }
    free(read);
    source->ops->close(source);
}

/* A directory of the test's own, and how many entries it has. */
static inline const char *fresh_directory(void)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/pw-unit-XXXXXX");
    cr_assert_not_null(mkdtemp(path));
    return path;
}

static inline int entries_of(const char *directory)
{
    int n = 0;
    DIR *d = opendir(directory);
    cr_assert_not_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static inline void remove_directory(const char *directory)
{
    char path[400];
    DIR *d = opendir(directory);
    cr_assert_not_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        (void)unlink(path);
    }
    closedir(d);
    (void)rmdir(directory);
}

#endif
