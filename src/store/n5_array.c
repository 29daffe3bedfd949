#include "store/n5_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/json.h"
#include "store/kv.h"
#include "store/zarr_node.h"

enum {
    PATH_BYTES = 4096,
    TEXT_BYTES = 300,
    LISTED_MAX = 64
};

static const uint64_t extent_max = (uint64_t)1 << 62;

int pw_n5_exists(const char *directory)
{
    static const char *const names[] = {"attributes.json", "s0/attributes.json"};
    char path[PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (pw_zarr_join(directory, names[i], path, NULL) == PW_OK && access(path, F_OK) == 0)
            return 1;
    return 0;
}

enum pw_status pw_n5_attributes(const char *directory, struct json_object **out, struct pw_error *error)
{
    char path[PATH_BYTES];
    *out = NULL;
    enum pw_status status = pw_zarr_join(directory, "attributes.json", path, error);
    if (status == PW_OK)
        status = pw_json_load(path, out, error);
    return status == PW_E_NOT_FOUND ? PW_OK : status;
}

/* ---- a data set ---- */

static enum pw_status read_shape(const struct pw_json *place, const char *key, int *rank, uint64_t *shape,
                                 struct pw_error *error)
{
    uint64_t fastest_first[PW_MAX_RANK];
    enum pw_status status = pw_json_u64_list(place, key, PW_MAX_RANK, fastest_first, rank, error);
    for (int i = 0; status == PW_OK && i < *rank; i++) {
        shape[i] = fastest_first[*rank - 1 - i];
        if (shape[i] > extent_max)
            return pw_fail(error, PW_E_FORMAT, "%s: \"%s\" has an extent of %llu", place->path, key,
                           (unsigned long long)shape[i]);
    }
    return status;
}

static enum pw_status check_shape(const struct pw_json *place, const struct pw_image_info *info, int block_rank,
                                  struct pw_error *error)
{
    uint64_t bytes = pw_dtype_bytes(info->dtype), block_bytes = bytes;
    if (info->rank == 0 || info->rank != block_rank)
        return pw_fail(error, PW_E_FORMAT, "%s: \"dimensions\" has %d entries and \"blockSize\" %d", place->path,
                       info->rank, block_rank);
    for (int i = 0; i < info->rank; i++) {
        if (info->chunk[i] == 0)
            return pw_fail(error, PW_E_FORMAT, "%s: block extent of axis %d is 0", place->path, i);
        if (!pw_mul_u64(bytes, pw_max_u64(info->shape[i], 1), &bytes) || bytes > (uint64_t)INT64_MAX ||
            !pw_mul_u64(block_bytes, info->chunk[i], &block_bytes) || block_bytes > INT32_MAX)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: blocks of more than 2^31 bytes, or more than 2^63 in all",
                           place->path);
    }
    return PW_OK;
}

static enum pw_status read_type(const struct pw_json *place, struct pw_image_info *info, struct pw_error *error)
{
    const char *name = pw_json_text(place->object, "dataType");
    info->dtype = name != NULL ? pw_dtype_parse(name) : PW_DTYPE_NONE;
    if (name == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: \"dataType\" is missing", place->path);
    if (info->dtype == PW_DTYPE_NONE || strcmp(pw_dtype_name(info->dtype), name) != 0)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: data type \"%.40s\" is not supported: only integers and floats are", place->path, name);
    if (json_object_get_boolean(pw_json_get(place->object, "isLabelMultiset")))
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: a label multiset is not supported; convert it with paintera-convert to plain labels",
                       place->path);
    return PW_OK;
}

/* zarr-python's N5Store writes the block of numcodecs, and its setting. */
static int is_numcodecs_lz4(const struct pw_json *place)
{
    return pw_json_get(pw_json_get(place->object, "compression"), "acceleration") != NULL;
}

static enum pw_status read_compression(const struct pw_json *place, struct pw_n5_array *array, struct pw_error *error)
{
    static const struct {
        const char *name;
        const struct pw_codec *codec;
    } table[] = {
        {"raw", NULL},
        {"gzip", &pw_codec_gzip},
        {"zlib", &pw_codec_zlib},
        {"bzip2", &pw_codec_bz2},
        {"xz", &pw_codec_lzma},
        {"lzma", &pw_codec_lzma}, /* what zarr-python's N5Store calls it */
        {"lz4", &pw_codec_lz4_stream},
        {"blosc", &pw_codec_blosc},
        {"zstd", &pw_codec_zstd},
        {"zstandard", &pw_codec_zstd},
    };
    const char *name = pw_json_text(pw_json_get(place->object, "compression"), "type");
    if (name == NULL)
        name = pw_json_text(place->object, "compression");
    if (name == NULL)
        name = pw_json_text(place->object, "compressionType"); /* before N5 2.0 */
    if (name == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: \"compression\" has no \"type\"", place->path);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0) {
            array->codec =
                table[i].codec == &pw_codec_lz4_stream && is_numcodecs_lz4(place) ? &pw_codec_lz4 : table[i].codec;
            (void)snprintf(array->info.codec, sizeof array->info.codec, "bytes:big %s", name);
            return PW_OK;
        }
    return pw_fail(
        error, PW_E_UNSUPPORTED,
        "%s: compression \"%.40s\" is not supported (raw, gzip, bzip2, xz, lz4, blosc and zstd are); write the "
        "data set again with one of them",
        place->path, name);
}

static enum pw_status take_dataset(const char *directory, const struct json_object *meta, struct pw_n5_array *array,
                                   struct pw_error *error)
{
    char path[PATH_BYTES + 20];
    struct pw_image_info *info = &array->info;
    const struct pw_json place = {(struct json_object *)(uintptr_t)meta, path};
    int block_rank = 0;
    (void)snprintf(path, sizeof path, "%s/attributes.json", directory);
    (void)snprintf(array->directory, sizeof array->directory, "%s", directory);
    (void)snprintf(info->path, sizeof info->path, "%s", directory);
    (void)snprintf(info->format, sizeof info->format, "n5");
    enum pw_status status = read_type(&place, info, error);
    if (status == PW_OK)
        status = read_shape(&place, "dimensions", &info->rank, info->shape, error);
    if (status == PW_OK)
        status = read_shape(&place, "blockSize", &block_rank, info->chunk, error);
    if (status == PW_OK)
        status = check_shape(&place, info, block_rank, error);
    if (status == PW_OK)
        status = read_compression(&place, array, error);
    memcpy(info->shard, info->chunk, sizeof info->shard);
    return status;
}

/* ---- a group ---- */

static int compare_names(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the groups and data sets in directory, as "a, b, c"; how many are named. */
static int list_children(const char *directory, char *text)
{
    char *names[LISTED_MAX], path[PATH_BYTES];
    int listed = pw_kv_dir.ops->children(&pw_kv_dir, directory, names, LISTED_MAX), count = 0;
    size_t used = 0;
    qsort(names, (size_t)listed, sizeof names[0], compare_names);
    text[0] = '\0';
    for (int i = 0; i < listed; i++) {
        int fits = used + strlen(names[i]) + 8 < TEXT_BYTES;
        if (fits && pw_zarr_join(directory, names[i], path, NULL) == PW_OK && pw_n5_exists(path))
            used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%s", count++ > 0 ? ", " : "", names[i]);
        free(names[i]);
    }
    return count;
}

static enum pw_status refuse_group(const char *directory, struct pw_error *error)
{
    char names[TEXT_BYTES];
    if (list_children(directory, names) > 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: an N5 group that is no image; open what is in it: %s", directory,
                       names);
    return pw_fail(error, PW_E_ARGUMENT,
                   "%s: an N5 group without levels s0, s1, ...; give the path of a data set below it", directory);
}

static enum pw_status open_dataset(const char *directory, const struct json_object *meta, int level,
                                   struct pw_n5_array *array, struct pw_error *error)
{
    char parent[PATH_BYTES];
    const char *slash = strrchr(directory, '/'), *name = slash != NULL ? slash + 1 : directory;
    char *end = NULL;
    int own = name[0] == 's' && name[1] >= '0' && name[1] <= '9' ? (int)strtoul(name + 1, &end, 10) : -1, n = 0;
    enum pw_status status = take_dataset(directory, meta, array, error);
    if (status != PW_OK)
        return status;
    (void)snprintf(parent, sizeof parent, "%.*s", slash != NULL ? (int)(slash - directory) : 1,
                   slash != NULL ? directory : ".");
    if (own >= 0 && *end == '\0')
        n = pw_n5_level_count(parent);
    pw_n5_describe(directory, own < n ? own : 0, own < n ? n : 0, &array->info);
    if (level != 0 && level != array->info.level)
        return pw_fail(error, PW_E_ARGUMENT, "%s: is one data set (level %d); give its group to choose level %d",
                       directory, array->info.level, level);
    return PW_OK;
}

static enum pw_status open_level(const char *group, int level, struct pw_n5_array *array, struct pw_error *error)
{
    char directory[PATH_BYTES], name[16];
    struct json_object *meta = NULL;
    int n = pw_n5_level_count(group);
    if (n == 0)
        return refuse_group(group, error);
    if (level >= n)
        return pw_fail(error, PW_E_ARGUMENT, "%s: has %d level%s, 0 to %d; there is no level %d", group, n,
                       n > 1 ? "s" : "", n - 1, level);
    (void)snprintf(name, sizeof name, "s%d", level);
    enum pw_status status = pw_zarr_join(group, name, directory, error);
    if (status == PW_OK)
        status = pw_n5_attributes(directory, &meta, error);
    if (status == PW_OK)
        status = take_dataset(directory, meta, array, error);
    if (status == PW_OK)
        pw_n5_describe(directory, level, n, &array->info);
    json_object_put(meta);
    return status;
}

enum pw_status pw_n5_open(const char *path, int level, struct pw_n5_array *array, struct pw_error *error)
{
    struct json_object *meta = NULL;
    char directory[PATH_BYTES];
    size_t n = strlen(path);
    memset(array, 0, sizeof *array);
    if (level < 0)
        return pw_fail(error, PW_E_ARGUMENT, "level %d is negative", level);
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (n >= sizeof directory)
        return pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is too long", path);
    (void)snprintf(directory, sizeof directory, "%.*s", (int)n, path);
    enum pw_status status = pw_n5_attributes(directory, &meta, error);
    if (status == PW_OK)
        status = pw_json_get(meta, "dimensions") != NULL ? open_dataset(directory, meta, level, array, error)
                                                         : open_level(directory, level, array, error);
    json_object_put(meta);
    return status;
}
