/* Codec metadata of zarr into a pw_zarr_chain: the bytes-to-bytes codecs of both versions, the list of v3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/zarr_array.h"

#define HOST_IS_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

/* What is known and not read, and what would do. */
static enum pw_status refuse_codec(const struct pw_zarr_context *context, const char *name, struct pw_error *error)
{
    static const struct {
        const char *name, *what;
    } known[] = {
        {"pcodec", "pcodec"},
        {"pcodec.", "pcodec"},
        {"zfpy", "ZFP"},
        {"zfp", "ZFP"},
        {"vlen-utf8", "texts"},
        {"vlen-bytes", "byte strings"},
        {"vlen-array", "lists of varying length"},
        {"json2", "Python objects"},
        {"pickle", "Python objects"},
        {"msgpack2", "Python objects"},
        {"categorize", "categories"},
        {"base64", "text"},
        {"packbits", "bits of any type"},
        {"n5_wrapper", "N5 blocks; open the N5 itself"},
        {"jpeg", "JPEG pictures"},
        {"imagecodecs_", "a codec of imagecodecs"},
    };
    const char *what = "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(name, known[i].name, strlen(known[i].name)) == 0)
            what = known[i].what;
    return pw_fail(error, PW_E_UNSUPPORTED,
                   "%s: codec \"%.60s\"%s%s%s is not supported; read the array with the program that wrote it, or with "
                   "zarr-python, and write it again with zstd",
                   context->path, name, what[0] != '\0' ? " (" : "", what, what[0] != '\0' ? ")" : "");
}

/* What to show of a codec: its level or, for blosc, what is inside. */
static void describe_codec(const struct pw_zarr_context *context, const char *name,
                           const struct json_object *configuration)
{
    uint64_t level;
    const char *cname = pw_json_text(configuration, "cname");
    if (strcmp(name, "blosc") == 0 && cname != NULL) {
        char shuffle[24];
        pw_json_excerpt(pw_json_get(configuration, "shuffle"), shuffle, sizeof shuffle);
        size_t quoted = shuffle[0] == '"' ? strlen(shuffle) - 2 : 0;
        pw_zarr_describe(context, "blosc:%.12s:%.*s", cname, quoted > 0 ? (int)quoted : (int)strlen(shuffle),
                         quoted > 0 ? shuffle + 1 : shuffle);
    } else if (pw_json_to_u64(pw_json_get(configuration, "level"), &level)) {
        pw_zarr_describe(context, "%s:%llu", name, (unsigned long long)level);
    } else {
        pw_zarr_describe(context, "%s", name);
    }
}

enum pw_status pw_zarr_add_step(const struct pw_zarr_context *context, const struct pw_zarr_step *step,
                                struct pw_zarr_chain *chain, struct pw_error *error)
{
    if (chain->n_steps == PW_ZARR_STEPS_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: more than %d codecs in a row", context->path, PW_ZARR_STEPS_MAX);
    chain->step[chain->n_steps++] = *step;
    return PW_OK;
}

/* numcodecs' lzma may hold bare LZMA data, which says nothing of how to decode it. */
static enum pw_status check_lzma(const struct pw_zarr_context *context, const struct json_object *configuration,
                                 struct pw_error *error)
{
    uint64_t format = 1;
    if (pw_json_to_u64(pw_json_get(configuration, "format"), &format) && format > 2)
        return pw_fail(
            error, PW_E_UNSUPPORTED,
            "%s: codec \"lzma\" of format %llu (bare LZMA data) is not supported, .xz and .lzma are; read the "
            "array with zarr-python and write it again with zstd",
            context->path, (unsigned long long)format);
    return PW_OK;
}

enum pw_status pw_zarr_add_codec(const struct pw_zarr_context *context, const char *name,
                                 const struct json_object *configuration, struct pw_zarr_chain *chain,
                                 struct pw_error *error)
{
    struct pw_zarr_step step = {.codec = pw_codec_find(name)};
    if (pw_checksum_find(name) != NULL)
        return pw_zarr_add_checksum(context, name, configuration, chain, error);
    if (pw_zarr_filter_find(name) != PW_ZARR_FILTER_UNKNOWN)
        return pw_zarr_add_filter(context, name, configuration, chain, error);
    if (step.codec == NULL)
        return refuse_codec(context, name, error);
    enum pw_status status = strcmp(name, "lzma") == 0 ? check_lzma(context, configuration, error) : PW_OK;
    if (status == PW_OK)
        status = pw_zarr_add_step(context, &step, chain, error);
    if (status == PW_OK)
        describe_codec(context, name, configuration);
    return status;
}

const char *pw_zarr_extension(const struct json_object *value, struct json_object **configuration)
{
    *configuration = pw_json_get_typed(value, "configuration", json_type_object);
    if (json_object_get_type(value) == json_type_string)
        return json_object_get_string((struct json_object *)(uintptr_t)value);
    return pw_json_text(value, "name");
}

/* ---- array to array ---- */

static enum pw_status read_order(const struct pw_zarr_context *context, const struct json_object *configuration,
                                 int rank, int *order, struct pw_error *error)
{
    const struct json_object *value = pw_json_get(configuration, "order");
    const char *letter = pw_json_text(configuration, "order"); /* "C" and "F" of early v3 */
    char text[64];
    unsigned seen = 0;
    if (letter != NULL && (strcmp(letter, "C") == 0 || strcmp(letter, "F") == 0)) {
        for (int i = 0; i < rank; i++)
            order[i] = letter[0] == 'C' ? i : rank - 1 - i;
        return PW_OK;
    }
    if (json_object_get_type(value) == json_type_array && json_object_array_length(value) == (size_t)rank)
        for (int i = 0; i < rank; i++) {
            uint64_t axis;
            if (!pw_json_to_u64(json_object_array_get_idx(value, (size_t)i), &axis) || axis >= (uint64_t)rank)
                break;
            order[i] = (int)axis;
            seen |= 1u << axis;
        }
    if (seen == (1u << rank) - 1)
        if (rank > 0 || json_object_get_type(value) == json_type_array)
            return PW_OK;
    pw_json_excerpt(value, text, sizeof text);
    return pw_fail(error, PW_E_FORMAT, "%s: transpose order %s is no permutation of %d axes", context->path, text,
                   rank);
}

static enum pw_status add_transpose(const struct pw_zarr_context *context, const struct json_object *configuration,
                                    struct pw_zarr_chain *chain, struct pw_error *error)
{
    int order[PW_MAX_RANK] = {0}, combined[PW_MAX_RANK];
    char text[40];
    enum pw_status status = read_order(context, configuration, chain->rank, order, error);
    if (status != PW_OK)
        return status;
    for (int i = 0; i < chain->rank; i++)
        combined[i] = chain->order[order[i]];
    memcpy(chain->order, combined, sizeof(int) * (size_t)chain->rank);
    for (int i = 0; i < chain->rank; i++)
        (void)snprintf(text + 2 * i, sizeof text - 2 * (size_t)i, "%d,", order[i]);
    pw_zarr_describe(context, "transpose(%.*s)", chain->rank > 0 ? 2 * chain->rank - 1 : 0, text);
    return PW_OK;
}

/* ---- array to bytes ---- */

static enum pw_status read_endian(const struct pw_zarr_context *context, const struct json_object *configuration,
                                  size_t element_bytes, int *swap, struct pw_error *error)
{
    const char *endian = pw_json_text(configuration, "endian");
    if (endian != NULL && strcmp(endian, "little") == 0)
        *swap = HOST_IS_BIG;
    else if (endian != NULL && strcmp(endian, "big") == 0)
        *swap = !HOST_IS_BIG;
    else if (endian == NULL && element_bytes == 1)
        *swap = 0;
    else
        return pw_fail(error, PW_E_FORMAT, "%s: codec \"bytes\" has no \"endian\" of \"little\" or \"big\" (%.20s)",
                       context->path, endian != NULL ? endian : "missing");
    if (element_bytes == 1)
        *swap = 0;
    return PW_OK;
}

static enum pw_status add_bytes(const struct pw_zarr_context *context, const struct json_object *configuration,
                                struct pw_zarr_chain *chain, struct pw_error *error)
{
    const struct pw_filter *last = chain->n_steps > 0 ? &chain->step[chain->n_steps - 1].filter : NULL;
    size_t stored_bytes = last != NULL ? pw_dtype_bytes(last->encoded.dtype) : chain->element_bytes;
    enum pw_status status = read_endian(context, configuration, stored_bytes, &chain->swap, error);
    for (int k = 0; k < chain->n_steps; k++) /* the filters before: in v3 values have no byte order until here */
        chain->step[k].filter.encoded.swap = chain->step[k].filter.decoded.swap = chain->swap;
    if (status == PW_OK && stored_bytes > 1)
        pw_zarr_describe(context, "bytes:%s", chain->swap != HOST_IS_BIG ? "big" : "little");
    else if (status == PW_OK)
        pw_zarr_describe(context, "bytes");
    return status;
}

/* The index codecs must give a size that is known beforehand: bytes, and perhaps crc32c. */
static enum pw_status read_index_codecs(const struct pw_zarr_context *context, const struct json_object *configuration,
                                        struct pw_zarr_sharding *sharding, struct pw_error *error)
{
    const struct json_object *list = pw_json_get_typed(configuration, "index_codecs", json_type_array);
    struct json_object *first, *second;
    size_t n = list != NULL ? json_object_array_length(list) : 0;
    const char *bytes = n > 0 ? pw_zarr_extension(json_object_array_get_idx(list, 0), &first) : NULL;
    const char *sum = n > 1 ? pw_zarr_extension(json_object_array_get_idx(list, 1), &second) : NULL;
    if (bytes == NULL || (strcmp(bytes, "bytes") != 0 && strcmp(bytes, "endian") != 0))
        return pw_fail(error, n > 0 ? PW_E_UNSUPPORTED : PW_E_FORMAT,
                       "%s: \"index_codecs\" of the shards do not begin with \"bytes\" (%.40s)", context->path,
                       bytes != NULL ? bytes : "missing");
    if (n > 2 || (n == 2 && (sum == NULL || (strcmp(sum, "crc32c") != 0 && strcmp(sum, "numcodecs.crc32c") != 0))))
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: index codec \"%.40s\" of the shards is not supported (only bytes and crc32c)",
                       context->path, sum != NULL ? sum : "?");
    sharding->index_checksum = n == 2;
    return read_endian(context, first, sizeof(uint64_t), &sharding->index_swap, error);
}

static enum pw_status fill_sharding(const struct pw_zarr_context *context, const struct json_object *configuration,
                                    int depth, struct pw_zarr_chain *chain, struct pw_error *error)
{
    struct pw_zarr_sharding *sharding = chain->sharding;
    struct pw_zarr_chain *inner = &sharding->inner;
    const struct pw_json place = {(struct json_object *)(uintptr_t)configuration, context->path};
    const char *location = pw_json_text(configuration, "index_location");
    char text[PW_MAX_RANK * 21 + 1] = "";
    size_t used = 0;
    enum pw_status status = pw_json_u64_list(&place, "chunk_shape", PW_MAX_RANK, inner->shape, &inner->rank, error);
    if (status != PW_OK)
        return status;
    if (inner->rank != chain->rank)
        return pw_fail(error, PW_E_FORMAT, "%s: shards have inner chunks of rank %d in an array of rank %d",
                       context->path, inner->rank, chain->rank);
    if (location != NULL && strcmp(location, "start") != 0 && strcmp(location, "end") != 0)
        return pw_fail(error, PW_E_FORMAT, "%s: \"index_location\" is \"%.20s\"", context->path, location);
    sharding->index_at_start = location != NULL && location[0] == 's';
    status = read_index_codecs(context, configuration, sharding, error);
    if (status != PW_OK)
        return status;
    for (int i = 0; i < inner->rank; i++) {
        inner->order[i] = i;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%llu", i > 0 ? "," : "",
                                 (unsigned long long)inner->shape[i]);
    }
    pw_zarr_describe(context, "sharding(%s)", text);
    inner->element_bytes = chain->element_bytes;
    return pw_zarr_v3_codecs(context, pw_json_get(configuration, "codecs"), depth + 1, inner, error);
}

static enum pw_status add_sharding(const struct pw_zarr_context *context, const struct json_object *configuration,
                                   int depth, struct pw_zarr_chain *chain, struct pw_error *error)
{
    if (depth >= PW_ZARR_NESTING_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: shards nested more than %d deep", context->path,
                       PW_ZARR_NESTING_MAX);
    chain->sharding = pw_alloc(1, sizeof *chain->sharding, error);
    if (chain->sharding == NULL)
        return PW_E_NOMEM;
    return fill_sharding(context, configuration, depth, chain, error);
}

/* ---- the list ---- */

/* What of the list has been seen. */
struct progress {
    int laid_out; /* an array-to-bytes codec: from here on there are bytes */
    int ordered;  /* a filter that goes from element to element */
};

/*
 * A filter of single elements may change places with a transpose, one that sees their order may not; nor can a
 * shard's chunks be read one by one when a filter runs through all of it.
 */
static enum pw_status check_place(const struct pw_zarr_context *context, const char *name, int is_transpose,
                                  int is_sharding, const struct progress *seen, const struct pw_zarr_chain *chain,
                                  struct pw_error *error)
{
    if (seen->laid_out)
        return pw_fail(error, PW_E_FORMAT, "%s: codec \"%s\" after the array has become bytes", context->path, name);
    if ((is_transpose && seen->ordered) || (is_sharding && chain->n_steps > 0))
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: a filter before \"%s\" is not supported; write the array again without it", context->path,
                       name);
    return PW_OK;
}

static enum pw_status add_layout(const struct pw_zarr_context *context, const char *name,
                                 const struct json_object *configuration, int depth, struct progress *seen,
                                 struct pw_zarr_chain *chain, struct pw_error *error)
{
    int is_sharding = strcmp(name, "sharding_indexed") == 0, is_transpose = strcmp(name, "transpose") == 0;
    enum pw_status status = check_place(context, name, is_transpose, is_sharding, seen, chain, error);
    if (status != PW_OK)
        return status;
    if (is_transpose)
        return add_transpose(context, configuration, chain, error);
    seen->laid_out = 1;
    return is_sharding ? add_sharding(context, configuration, depth, chain, error)
                       : add_bytes(context, configuration, chain, error);
}

/* Adds one codec. */
static enum pw_status add_one(const struct pw_zarr_context *context, const struct json_object *value, int depth,
                              struct progress *seen, struct pw_zarr_chain *chain, struct pw_error *error)
{
    struct json_object *configuration;
    const char *name = pw_zarr_extension(value, &configuration);
    if (name == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: a codec without a name", context->path);
    if (strcmp(name, "bytes") == 0 || strcmp(name, "endian") == 0 || strcmp(name, "sharding_indexed") == 0 ||
        strcmp(name, "transpose") == 0)
        return add_layout(context, name, configuration, depth, seen, chain, error);
    const char *plain = strncmp(name, "numcodecs.", 10) == 0 ? name + 10 : name;
    if (strcmp(name, "packbits") == 0) /* of zarr-extensions: other bytes than numcodecs', in place of "bytes" */
        return refuse_codec(context, name, error);
    enum pw_zarr_filter_class filter = pw_zarr_filter_find(plain);
    if (filter == PW_ZARR_FILTER_UNKNOWN && pw_codec_find(plain) == NULL && pw_checksum_find(plain) == NULL)
        return refuse_codec(context, name, error);
    int of_arrays = filter == PW_ZARR_FILTER_EACH || filter == PW_ZARR_FILTER_ORDERED;
    if (of_arrays == seen->laid_out)
        return pw_fail(error, PW_E_FORMAT, "%s: codec \"%s\" %s \"bytes\"", context->path, name,
                       of_arrays ? "after" : "before");
    seen->ordered |= filter == PW_ZARR_FILTER_ORDERED;
    return pw_zarr_add_codec(context, plain, configuration, chain, error);
}

enum pw_status pw_zarr_v3_codecs(const struct pw_zarr_context *context, const struct json_object *list, int depth,
                                 struct pw_zarr_chain *chain, struct pw_error *error)
{
    struct progress seen = {0, 0};
    if (json_object_get_type(list) != json_type_array)
        return pw_fail(error, PW_E_FORMAT, "%s: \"codecs\" is missing or no list", context->path);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        enum pw_status status = add_one(context, json_object_array_get_idx(list, i), depth, &seen, chain, error);
        if (status != PW_OK)
            return status;
    }
    if (!seen.laid_out)
        return pw_fail(error, PW_E_FORMAT, "%s: \"codecs\" has neither \"bytes\" nor \"sharding_indexed\"",
                       context->path);
    return PW_OK;
}
