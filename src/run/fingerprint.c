#include "run/fingerprint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "codec/codec.h"
#include "sys/file.h"

/* Changes when records or their meaning do. */
enum {
    RECORD_VERSION = 2
};

enum {
    PIECE = 65536,
    WORD_BYTES = 4096
};

typedef struct json_object json;

static void put(json *object, const char *key, json *value)
{
    (void)json_object_object_add(object, key, value);
}

static void put_text(json *object, const char *key, const char *text)
{
    put(object, key, json_object_new_string(text));
}

static void put_box(json *object, const char *key, const uint64_t value[3])
{
    json *list = json_object_new_array();
    for (int i = 0; i < 3; i++)
        (void)json_object_array_add(list, json_object_new_uint64(value[i]));
    put(object, key, list);
}

/* ---- contents of files --------------------------------------------------- */

/* Goes on from crc with what the file at path holds; returns 0 when there is no such file. */
static int checksum_file(const char *path, uint32_t *crc)
{
    unsigned char piece[PIECE];
    struct stat st;
    int fd;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || pw_file_open_read(path, &fd, NULL) != PW_OK)
        return 0;
    size_t got = PIECE;
    for (uint64_t at = 0; got == PIECE; at += got) {
        if (pw_file_read(fd, piece, PIECE, at, &got, path, NULL) != PW_OK)
            break;
        *crc = pw_crc32c(*crc, piece, got);
    }
    (void)close(fd);
    return 1;
}

/* Whether a file decides what the function does: a program, or a model; not one that it writes to. */
static int is_code(const char *path)
{
    static const char *const ending[] = {".so", ".c",  ".py",  ".r",    ".R",    ".sh",    ".pl",
                                         ".jl", ".pt", ".pth", ".onnx", ".ckpt", ".keras", ".h5"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof ending / sizeof ending[0]; i++)
        if (strcmp(dot, ending[i]) == 0)
            return 1;
    return access(path, X_OK) == 0;
}

/* The words of a specification that are code, or Python modules here: "./plugin.so", "worker.py", "module". */
static json *files_of(const char *specification)
{
    static const char between[] = " \t:,;=\"'";
    json *files = json_object_new_object();
    for (const char *at = specification; *at != '\0';) {
        char word[WORD_BYTES], module[WORD_BYTES + 3];
        size_t n = strcspn(at, between);
        uint32_t crc = 0;
        if (n > 0 && n < sizeof word) {
            memcpy(word, at, n);
            word[n] = '\0';
            (void)snprintf(module, sizeof module, "%s.py", word);
            if ((is_code(word) && checksum_file(word, &crc)) || checksum_file(module, &crc))
                put(files, word, json_object_new_uint64(crc));
        }
        at += n;
        at += strspn(at, between);
    }
    return files;
}

/* ---- the image ----------------------------------------------------------- */

static uint32_t metadata_checksum(const char *directory)
{
    static const char *const name[] = {"zarr.json", ".zarray", ".zattrs", ".zgroup", "attributes.json"};
    uint32_t crc = 0;
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        char path[WORD_BYTES + 32];
        (void)snprintf(path, sizeof path, "%.4096s/%s", directory, name[i]);
        (void)checksum_file(path, &crc);
    }
    return crc;
}

/* What is at path, and that it is still the same. */
static json *place_of(const char *given)
{
    char absolute[4096];
    struct stat st;
    json *place = json_object_new_object();
    put_text(place, "path", realpath(given, absolute) != NULL ? absolute : given);
    if (stat(given, &st) != 0)
        return place;
    if (S_ISDIR(st.st_mode)) {
        put(place, "metadata_crc32c", json_object_new_uint64(metadata_checksum(given)));
        return place;
    }
    put(place, "bytes", json_object_new_uint64((uint64_t)st.st_size));
    put(place, "modified_ns",
        json_object_new_uint64((uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec));
    return place;
}

static json *image_of(const struct pw_job *job)
{
    const struct pw_image_info *info = &job->source->info;
    json *image = place_of(job->options->input), *shape = json_object_new_array();
    for (int a = 0; a < info->rank; a++)
        (void)json_object_array_add(shape, json_object_new_uint64(info->shape[a]));
    put(image, "shape", shape);
    put_text(image, "dtype", pw_dtype_name(info->dtype));
    put(image, "level", json_object_new_int(info->level));
    put(image, "series", json_object_new_int(info->series));
    put(image, "offset", json_object_new_uint64(job->options->open.raw_offset_bytes));
    put(image, "big_endian", json_object_new_int(job->options->open.raw_big_endian));
    if (strcmp(info->path, job->options->input) != 0)
        put(image, "array", place_of(info->path));
    return image;
}

/* ---- all of it ------------------------------------------------------------ */

static json *channels_of(const struct pw_volume *volume)
{
    json *list = json_object_new_array();
    for (uint32_t i = 0; i < volume->n_channels; i++)
        (void)json_object_array_add(list, json_object_new_uint64(volume->channel[i]));
    return list;
}

static void put_skip(json *print, const struct pw_run_options *options)
{
    if (options->skip_empty == PW_SKIP_NONE)
        return;
    put(print, "skip_empty",
        options->skip_empty == PW_SKIP_AUTO ? json_object_new_string("auto")
                                            : json_object_new_double(options->skip_level));
}

static void put_mask(json *print, const struct pw_job *job)
{
    const struct pw_source *source = job->mask.source;
    if (source == NULL)
        return;
    json *mask = place_of(source->path);
    put(mask, "level", json_object_new_int(source->info.level));
    if (strcmp(source->info.path, source->path) != 0)
        put(mask, "array", place_of(source->info.path));
    put(print, "mask", mask);
}

json *pw_fingerprint_of(const struct pw_job *job)
{
    const struct pw_run_options *options = job->options;
    json *print = json_object_new_object();
    put(print, "patchworks_records", json_object_new_int(RECORD_VERSION));
    put_text(print, "program", pw_version());
    put(print, "image", image_of(job));
    put(print, "channels", channels_of(&job->volume));
    put(print, "first_time", json_object_new_uint64(job->volume.first_time));
    put(print, "times", json_object_new_uint64(job->volume.times));
    put_text(print, "function", options->segmenter != NULL ? options->segmenter : "a callback");
    put_text(print, "segmenter", job->segmenter.text);
    put(print, "files", files_of(options->segmenter != NULL ? options->segmenter : ""));
    if (options->roi_alone)
        put_box(print, "crop_start", job->crop_start);
    put_box(print, "roi_start", job->part.start);
    put_box(print, "roi_shape", job->part.shape);
    put_box(print, "tile", job->grid.tile);
    put_box(print, "halo", job->grid.halo);
    put(print, "keeps_rims", json_object_new_boolean(job->sizes.keeps_rims));
    if (job->sizes.keeps_rims)
        put_box(print, "context", job->sizes.rule.context);
    put_skip(print, options);
    put_mask(print, job);
    return print;
}

static const char *text_of(json *value)
{
    return value != NULL
               ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
               : "not given";
}

/* The first member of a that is another in b. */
static int find_difference(json *a, json *b, char *text, size_t capacity)
{
    json_object_object_foreach(a, key, value)
    {
        json *other = pw_json_get(b, key);
        if (value != NULL && other != NULL && json_object_equal(value, other))
            continue;
        (void)snprintf(text, capacity, "its %s is %.200s, not %.200s", key, text_of(value), text_of(other));
        return 1;
    }
    return 0;
}

int pw_fingerprint_is(const char *path, json *mine, char *text, size_t capacity)
{
    json *theirs;
    if (pw_json_load(path, &theirs, NULL) != PW_OK) {
        (void)snprintf(text, capacity, "its plan cannot be read");
        return 0;
    }
    char reversed[512];
    int differs = find_difference(theirs, mine, text, capacity);
    if (!differs && find_difference(mine, theirs, reversed, sizeof reversed)) {
        differs = 1;
        (void)snprintf(text, capacity, "something was added to it: %.400s", reversed);
    }
    json_object_put(theirs);
    return !differs;
}
