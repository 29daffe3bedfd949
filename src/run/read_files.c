#include "run/read_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "codec/codec.h"
#include "store/file_series.h"
#include "store/kv.h"
#include "sys/file.h"

enum {
    PIECE = 65536,
    PATH_BYTES = 4096,
    LISTED = 16,  /* files of an image; of more their number and a checksum over all */
    ENDS_MAX = 64 /* places where a file name with spaces in it may end */
};

typedef struct json_object json;

static void put(json *object, const char *key, json *value)
{
    (void)json_object_object_add(object, key, value);
}

static void put_number(json *object, const char *key, uint64_t value)
{
    put(object, key, json_object_new_uint64(value));
}

/* ---- one file -------------------------------------------------------------- */

/* Goes on from crc with bytes [at, end) of the file; returns 0 when it has not so many. */
static int checksum_part(const char *path, uint64_t at, uint64_t end, uint32_t *crc)
{
    unsigned char piece[PIECE];
    size_t got = 1;
    int fd;
    if (pw_file_open_read(path, &fd, NULL) != PW_OK)
        return 0;
    for (; at < end && got > 0; at += got) {
        if (pw_file_read(fd, piece, (size_t)pw_min_u64(PIECE, end - at), at, &got, path, NULL) != PW_OK)
            got = 0;
        *crc = pw_crc32c(*crc, piece, got);
    }
    (void)close(fd);
    return at >= end;
}

/* Of the first and last bytes of the length that a file had. */
static uint32_t checksum_ends(const char *path, uint64_t bytes)
{
    uint32_t crc = 0;
    if (!checksum_part(path, 0, pw_min_u64(bytes, PIECE), &crc) ||
        !checksum_part(path, bytes - pw_min_u64(bytes, PIECE), bytes, &crc))
        return 0;
    return crc;
}

static uint64_t modified_ns(const struct stat *st)
{
    return (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;
}

static json *state_of(const struct stat *st)
{
    json *state = json_object_new_object();
    put_number(state, "bytes", (uint64_t)st->st_size);
    put_number(state, "modified_ns", modified_ns(st));
    return state;
}

/* Whether a file decides what the function does by its contents: a program, or a model. */
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

/* Of all metadata that a store of any format has right in the directory; 0 when there are none. */
static uint32_t metadata_checksum(const char *directory)
{
    static const char *const name[] = {"zarr.json", ".zarray", ".zattrs", ".zgroup", "attributes.json"};
    uint32_t crc = 0;
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        char path[PATH_BYTES + 32];
        struct stat st;
        (void)snprintf(path, sizeof path, "%.4096s/%s", directory, name[i]);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            (void)checksum_part(path, 0, (uint64_t)st.st_size, &crc);
    }
    return crc;
}

/* ---- an image -------------------------------------------------------------- */

/* The files so far; when there are many, only what they come to. */
struct listing {
    json *files;
    uint64_t n, bytes;
    uint32_t crc;
};

static void list_file(struct listing *listing, const char *path)
{
    struct stat st;
    uint64_t state[2] = {0};
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || pw_json_get(listing->files, path) != NULL)
        return;
    if (listing->n++ < LISTED)
        put(listing->files, path, state_of(&st));
    state[0] = (uint64_t)st.st_size;
    state[1] = modified_ns(&st);
    listing->bytes += state[0];
    listing->crc = pw_crc32c(pw_crc32c(listing->crc, path, strlen(path)), state, sizeof state);
}

/* The file at path, or that which path leads into: an archive, or one with data sets. */
static void list_path(struct listing *listing, const char *path)
{
    char file[PW_KV_PATH_BYTES];
    if (pw_kv_file_above(path, file))
        list_file(listing, file);
}

static json *finish(struct listing *listing)
{
    char text[64];
    if (listing->n <= LISTED)
        return listing->files;
    json *all = json_object_new_object(), *state = json_object_new_object();
    (void)snprintf(text, sizeof text, "one of the %llu files", (unsigned long long)listing->n);
    put_number(state, "bytes", listing->bytes);
    put_number(state, "crc32c", listing->crc);
    put(all, text, state);
    json_object_put(listing->files);
    return all;
}

json *pw_files_of_image(const struct pw_source *source, const char *path)
{
    struct listing listing = {.files = json_object_new_object()};
    char absolute[PATH_BYTES];
    const char *file, *array = source->info.path;
    json *image = json_object_new_object();
    put(image, "path", json_object_new_string(realpath(path, absolute) != NULL ? absolute : path));
    if (array[0] != '\0' && strcmp(array, path) != 0)
        put(image, "array", json_object_new_string(realpath(array, absolute) != NULL ? absolute : array));
    put_number(image, "metadata_crc32c", metadata_checksum(path));
    put_number(image, "array_metadata_crc32c", metadata_checksum(array));
    list_path(&listing, path);
    list_path(&listing, source->path);
    for (uint64_t i = 0; (file = pw_source_file(source, i)) != NULL; i++)
        list_file(&listing, file);
    put(image, "files", finish(&listing));
    return image;
}

/* ---- words ----------------------------------------------------------------- */

static const char between[] = " \t:,;=\"'";

/* Puts what is there under name; returns 0 when there is nothing. */
static int add_word(json *files, const char *name, const char *path)
{
    struct stat st;
    uint32_t crc = 0;
    if (stat(path, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return 0;
    if (S_ISDIR(st.st_mode)) {
        crc = metadata_checksum(path);
        if (crc == 0)
            return 0;
    } else if (is_code(path)) {
        (void)checksum_part(path, 0, (uint64_t)st.st_size, &crc);
    } else {
        json *state = state_of(&st);
        put_number(state, "ends_crc32c", checksum_ends(path, (uint64_t)st.st_size));
        put(files, name, state);
        return 1;
    }
    json *state = json_object_new_object();
    put_number(state, "crc32c", crc);
    put(files, name, state);
    return 1;
}

/* "plane_*.tif", one of several files as an option of a function. */
static void add_pattern(json *files, const char *word)
{
    struct pw_file_series series;
    if (!pw_file_series_is_pattern(word) || pw_file_series_find(word, &series, NULL) != PW_OK)
        return;
    for (uint64_t i = 0; i < series.n; i++)
        (void)add_word(files, series.path[i], series.path[i]);
    pw_file_series_release(&series);
}

/* The file of a module, by name: "package.module". */
static void add_module(json *files, const char *word)
{
    char path[PATH_BYTES + 4];
    size_t n = strlen(word);
    (void)snprintf(path, sizeof path, "%s.py", word);
    for (size_t i = 0; i < n; i++)
        path[i] = path[i] == '.' ? '/' : path[i];
    (void)add_word(files, word, path);
}

/* Bytes of the longest file name that text begins with, spaces and all; 0: none. */
static size_t longest_name(const char *text, char word[PATH_BYTES])
{
    size_t longest = 0, n = 0;
    struct stat st;
    for (int i = 0; i < ENDS_MAX; i++) {
        n += strcspn(text + n, between);
        if (n == 0 || n >= PATH_BYTES)
            break;
        memcpy(word, text, n);
        word[n] = '\0';
        if (stat(word, &st) == 0)
            longest = n;
        if (text[n] == '\0')
            break;
        n++;
    }
    return longest;
}

json *pw_files_of_words(const char *specification)
{
    json *files = json_object_new_object();
    int after_python = 0; /* the word before says that this is a module */
    for (const char *at = specification; *at != '\0';) {
        char word[PATH_BYTES];
        size_t n = longest_name(at, word);
        if (n == 0)
            n = strcspn(at, between);
        if (n > 0 && n < sizeof word) {
            memcpy(word, at, n);
            word[n] = '\0';
            if (!add_word(files, word, word) && after_python)
                add_module(files, word);
            add_pattern(files, word);
            after_python = strcmp(word, "-m") == 0 || strcmp(word, "py") == 0;
        }
        at += n;
        at += strspn(at, between);
    }
    return files;
}

/* ---- comparing --------------------------------------------------------------- */

/* What was there is still there, and something behind it. */
static int has_only_grown(const char *path, json *then, json *now)
{
    json *ends = pw_json_get(then, "ends_crc32c");
    uint64_t bytes = json_object_get_uint64(pw_json_get(then, "bytes"));
    return ends != NULL && json_object_get_uint64(pw_json_get(now, "bytes")) > bytes &&
           checksum_ends(path, bytes) == json_object_get_uint64(ends);
}

int pw_files_differ(json *theirs, json *mine, char *text, size_t capacity)
{
    json_object_object_foreach(theirs, path, then)
    {
        json *now = pw_json_get(mine, path);
        if (now == NULL || json_object_equal(then, now) || has_only_grown(path, then, now))
            continue;
        (void)snprintf(text, capacity, "%.400s, which its function reads, has changed since", path);
        return 1;
    }
    return 0;
}
