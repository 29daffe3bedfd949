#include "run/kept_maxima.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "codec/codec.h"
#include "run/fingerprint.h"
#include "sys/cache_dir.h"
#include "sys/file.h"
#include "sys/tree.h"

enum {
    HEADER_BYTES = 16384 /* more than any image's description has */
};

/* A brick in the file; one that is not known has seen 0. */
struct entry {
    uint64_t seen, has_nan, bits;
};

/* ---- which image ------------------------------------------------------------------ */

/* What is stored at one place that can be named: "" when it may be spread over files elsewhere. */
static const char *place_of(const struct pw_source *source)
{
    static const char *const plain[] = {"raw", "npy", "mrc"};
    static const char *const tree[] = {"zarr2", "zarr3", "n5"};
    const char *format = source->info.format;
    struct stat st;
    if (stat(source->path, &st) != 0)
        return "";
    for (size_t i = 0; S_ISDIR(st.st_mode) && i < sizeof tree / sizeof tree[0]; i++)
        if (strcmp(format, tree[i]) == 0)
            return source->info.path;
    for (size_t i = 0; S_ISREG(st.st_mode) && i < sizeof plain / sizeof plain[0]; i++)
        if (strcmp(format, plain[i]) == 0)
            return source->path;
    if (S_ISREG(st.st_mode) && strcmp(format, "tiff") == 0 && !(source->capabilities & PW_SOURCE_WHOLE))
        return source->path;
    return "";
}

int pw_maxima_are_wanted(const struct pw_job *job)
{
    const char *where = job->options->maxima;
    if (where != NULL && strcmp(where, "none") == 0)
        return 0;
    if (job->options->skip_empty == PW_SKIP_NONE && where == NULL)
        return 0;
    return !(job->source->capabilities & PW_SOURCE_STREAM) && place_of(job->source)[0] != '\0';
}

uint64_t pw_maxima_memory_bytes(const struct pw_job *job)
{
    if (!pw_maxima_are_wanted(job))
        return 0;
    uint64_t bricks = pw_bricks_memory_bytes(&job->volume);
    return bricks + bricks / sizeof(struct pw_brick) * sizeof(struct entry) + 2 * HEADER_BYTES;
}

static enum pw_status find_directory(const struct pw_job *job, char *directory, size_t bytes, struct pw_error *error)
{
    const char *where = job->options->maxima;
    struct stat st;
    directory[0] = '\0';
    if (where == NULL || where[0] == '\0' || strcmp(where, "auto") == 0)
        return pw_cache_dir(directory, bytes) ? PW_OK : PW_EMPTY;
    if (stat(where, &st) != 0 || !S_ISDIR(st.st_mode))
        return pw_fail(error, PW_E_ARGUMENT, "--maxima %s: not a directory", where);
    (void)snprintf(directory, bytes, "%s", where);
    return PW_OK;
}

static void put(struct json_object *object, const char *key, uint64_t value)
{
    (void)json_object_object_add(object, key, json_object_new_uint64(value));
}

/* One line: the image as --resume tells it from others, how it is cut into bricks, and the stamp.  Returns its length. */
static size_t describe(const struct pw_job *job, const struct pw_stamp *stamp, char text[HEADER_BYTES])
{
    const struct pw_bricks *b = &job->maxima.bricks;
    struct json_object *object = pw_fingerprint_image(job);
    put(object, "patchworks_maxima", 1);
    put(object, "brick_bytes", sizeof(struct entry));
    put(object, "byte_order", *(const unsigned char *)&(const uint16_t){1});
    for (int i = 0; i < 3; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "extent_%d", i);
        put(object, key, b->extent[i]);
        (void)snprintf(key, sizeof key, "crop_%d", i);
        put(object, key, job->crop_start[i]);
    }
    put(object, "n", b->n);
    put(object, "stamp_files", stamp->files);
    put(object, "stamp_bytes", stamp->bytes);
    put(object, "stamp_sum", stamp->sum);
    put(object, "stamp_newest_ns", stamp->newest_ns);
    int n = snprintf(text, HEADER_BYTES, "%s\n",
                     json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(object);
    return n > 0 && n < HEADER_BYTES ? (size_t)n : 0;
}

/* The name says which image; whether it is the same still is in the file. */
static void name_file(struct pw_job *job, const char *directory)
{
    const struct pw_volume *v = &job->volume;
    char real[PW_TREE_PATH_BYTES];
    const char *path = job->source->info.path;
    uint64_t numbers[] = {(uint64_t)job->source->info.level,
                          (uint64_t)job->source->info.series,
                          v->first_time,
                          v->times,
                          v->n_channels,
                          job->crop_start[0],
                          job->crop_start[1],
                          job->crop_start[2],
                          v->shape[0],
                          v->shape[1],
                          v->shape[2]};
    path = realpath(path, real) != NULL ? real : path;
    uint32_t crc = pw_crc32c(0, path, strlen(path));
    crc = pw_crc32c(crc, numbers, sizeof numbers);
    crc = pw_crc32c(crc, v->channel, v->n_channels * sizeof v->channel[0]);
    (void)snprintf(job->maxima.path, sizeof job->maxima.path, "%.4096s/maxima-%08" PRIx32, directory, crc);
}

/* ---- the file ------------------------------------------------------------------------ */

static uint64_t file_bytes(const struct pw_job *job, size_t header)
{
    return header + job->maxima.bricks.n * sizeof(struct entry) + sizeof(uint32_t);
}

static void take_entries(struct pw_bricks *b, const unsigned char *from)
{
    for (uint64_t i = 0; i < b->n; i++) {
        struct entry entry;
        memcpy(&entry, from + i * sizeof entry, sizeof entry);
        if (entry.seen == pw_brick_voxels(b, i))
            b->brick[i] = (struct pw_brick){entry.seen, entry.has_nan, {.u = entry.bits}};
    }
}

/* What an earlier run has kept of the same image; nothing where there is any doubt. */
static void load(struct pw_job *job)
{
    char text[HEADER_BYTES];
    size_t header = describe(job, &job->maxima.stamp, text), got = 0;
    uint64_t bytes = file_bytes(job, header);
    struct pw_buffer file = {0};
    uint32_t crc;
    int fd;
    if (header == 0 || !pw_cache_is_own_file(job->maxima.path) ||
        pw_file_open_read(job->maxima.path, &fd, NULL) != PW_OK)
        return;
    if (pw_buffer_init(&file, bytes + 1, "kept maxima", NULL) == PW_OK &&
        pw_file_read(fd, file.data, (size_t)bytes + 1, 0, &got, job->maxima.path, NULL) == PW_OK && got == bytes) {
        const unsigned char *data = file.data;
        memcpy(&crc, data + bytes - sizeof crc, sizeof crc);
        if (memcmp(data, text, header) == 0 && pw_crc32c(0, data, (size_t)bytes - sizeof crc) == crc)
            take_entries(&job->maxima.bricks, data + header);
    }
    pw_buffer_release(&file);
    (void)close(fd);
}

static void save(struct pw_job *job)
{
    const struct pw_bricks *b = &job->maxima.bricks;
    char text[HEADER_BYTES];
    size_t header = describe(job, &job->maxima.stamp, text);
    uint64_t bytes = file_bytes(job, header);
    struct pw_buffer file = {0};
    if (header == 0 || pw_buffer_init(&file, bytes, "kept maxima", NULL) != PW_OK)
        return;
    unsigned char *data = file.data;
    memcpy(data, text, header);
    for (uint64_t i = 0; i < b->n; i++) {
        int known = b->brick[i].seen == pw_brick_voxels(b, i);
        struct entry entry = {known ? b->brick[i].seen : 0, b->brick[i].has_nan, b->brick[i].greatest.bits};
        memcpy(data + header + i * sizeof entry, &entry, sizeof entry);
    }
    uint32_t crc = pw_crc32c(0, data, (size_t)bytes - sizeof crc);
    memcpy(data + bytes - sizeof crc, &crc, sizeof crc);
    (void)pw_tree_put_file(job->maxima.path, data, (size_t)bytes, 0, NULL);
    pw_buffer_release(&file);
}

/* ---- a run --------------------------------------------------------------------------- */

enum pw_status pw_maxima_begin(struct pw_job *job, struct pw_error *error)
{
    struct pw_kept_maxima *m = &job->maxima;
    char directory[PW_TREE_PATH_BYTES];
    if (!pw_maxima_are_wanted(job))
        return PW_OK;
    enum pw_status status = find_directory(job, directory, sizeof directory, error);
    if (status == PW_EMPTY || (status == PW_OK && pw_stamp_take(place_of(job->source), &m->stamp, NULL) != PW_OK))
        return PW_OK;
    if (status == PW_OK)
        status = pw_bricks_init(&m->bricks, &job->volume, error);
    if (status != PW_OK)
        return status;
    m->is_open = 1;
    m->channel = UINT32_MAX;
    m->can_keep = pw_stamp_is_settled(&m->stamp);
    name_file(job, directory);
    load(job);
    m->n_loaded = pw_bricks_known(&m->bricks);
    m->collects = m->can_keep && m->n_loaded < m->bricks.n;
    return PW_OK;
}

void pw_maxima_end(struct pw_job *job)
{
    struct pw_kept_maxima *m = &job->maxima;
    struct pw_stamp now;
    if (!m->is_open || !m->collects || pw_bricks_known(&m->bricks) <= m->n_loaded)
        return;
    if (pw_stamp_take(place_of(job->source), &now, NULL) == PW_OK && pw_stamp_equal(&now, &m->stamp))
        save(job);
}

void pw_maxima_close(struct pw_job *job)
{
    pw_bricks_release(&job->maxima.bricks);
    memset(&job->maxima, 0, sizeof job->maxima);
}

void pw_maxima_pass_begins(struct pw_job *job, uint32_t channel)
{
    struct pw_kept_maxima *m = &job->maxima;
    m->channel = m->collects && !m->has_channel[channel] ? channel : UINT32_MAX;
    if (m->channel != UINT32_MAX)
        m->has_channel[channel] = 1;
}

void pw_maxima_pass_ends(struct pw_job *job)
{
    job->maxima.channel = UINT32_MAX;
}

static void add_channel(struct pw_job *job, const struct pw_slot *slot, const struct pw_box *box, uint32_t channel)
{
    size_t one_row[3] = {0, 0, job->volume.voxel_bytes};
    const char *voxels = (const char *)slot->voxels + channel * slot->channel_stride_bytes;
    if (slot->constant) {
        pw_source_fill(job->source, slot->dense, box->shape[2]);
        pw_bricks_add(&job->maxima.bricks, channel, box, slot->dense, one_row);
        return;
    }
    for (int i = 0; i < 3; i++)
        voxels += (box->start[i] - slot->window.start[i]) * slot->stride_bytes[i];
    pw_bricks_add(&job->maxima.bricks, channel, box, voxels, slot->stride_bytes);
}

void pw_maxima_add_channel(struct pw_job *job, const struct pw_slot *slot)
{
    if (job->maxima.is_open && job->maxima.channel != UINT32_MAX)
        add_channel(job, slot, &slot->window, job->maxima.channel);
}

void pw_maxima_add_core(struct pw_job *job, const struct pw_slot *slot, const struct pw_box *core)
{
    const struct pw_kept_maxima *m = &job->maxima;
    for (uint32_t c = 0; m->collects && c < job->volume.n_channels; c++)
        if (!m->has_channel[c])
            add_channel(job, slot, core, c);
}

int pw_maxima_are_below(const struct pw_job *job, uint64_t tile)
{
    struct pw_box window = pw_grid_window(&job->grid, tile);
    return job->maxima.is_open && job->skip.is_set &&
           pw_bricks_are_below(&job->maxima.bricks, &window, job->skip.level);
}
