/*
 * Filters and checksums in zarr metadata: the "filters" of v2, and what v3 calls "numcodecs.delta" and the like.
 * Which of numcodecs' there are and what each is configured with is all here; codec/filter.h undoes them.
 */
#include <stdio.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "store/zarr_array.h"

#define HOST_IS_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

enum {
    SHUFFLE_ELEMENT_USUAL = 4, /* numcodecs' default */
    SHUFFLE_ELEMENT_MAX = 1 << 16
};

/* "<i2", "|u1", "float32": an element type in a filter's configuration. */
static enum pw_status read_type(const struct pw_zarr_context *context, const char *name,
                                const struct json_object *configuration, const char *key, const char *otherwise,
                                struct pw_filter_type *type, struct pw_error *error)
{
    const char *text = pw_json_text(configuration, key);
    if (text == NULL && otherwise != NULL)
        text = pw_json_text(configuration, otherwise);
    if (text == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: filter \"%s\" has no \"%s\"", context->path, name, key);
    type->dtype = pw_dtype_parse(text);
    if (type->dtype == PW_DTYPE_NONE)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: filter \"%s\" of type \"%.40s\" is not supported", context->path,
                       name, text);
    type->swap = pw_dtype_bytes(type->dtype) > 1 && (text[0] == '>' || (text[0] == '<' && HOST_IS_BIG));
    if (text[0] == '>' && HOST_IS_BIG)
        type->swap = 0;
    return PW_OK;
}

static enum pw_status read_number(const struct pw_zarr_context *context, const char *name,
                                  const struct json_object *configuration, const char *key, double *out,
                                  struct pw_error *error)
{
    if (!pw_json_to_double(pw_json_get(configuration, key), out))
        return pw_fail(error, PW_E_FORMAT, "%s: filter \"%s\" has no number \"%s\"", context->path, name, key);
    return PW_OK;
}

static enum pw_status read_delta(const struct pw_zarr_context *context, const char *name,
                                 const struct json_object *configuration, struct pw_filter *filter,
                                 struct pw_error *error)
{
    filter->kind = PW_FILTER_DELTA;
    enum pw_status status = read_type(context, name, configuration, "dtype", NULL, &filter->decoded, error);
    if (status == PW_OK)
        status = read_type(context, name, configuration, "astype", "dtype", &filter->encoded, error);
    if (status == PW_OK && (filter->decoded.dtype == PW_BOOL || filter->encoded.dtype == PW_BOOL))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: filter \"%s\" of booleans is not supported", context->path, name);
    return status;
}

static enum pw_status read_scale(const struct pw_zarr_context *context, const char *name,
                                 const struct json_object *configuration, struct pw_filter *filter,
                                 struct pw_error *error)
{
    filter->kind = PW_FILTER_SCALE;
    enum pw_status status = read_type(context, name, configuration, "dtype", NULL, &filter->decoded, error);
    if (status == PW_OK)
        status = read_type(context, name, configuration, "astype", "dtype", &filter->encoded, error);
    if (status == PW_OK)
        status = read_number(context, name, configuration, "scale", &filter->scale, error);
    return status == PW_OK ? read_number(context, name, configuration, "offset", &filter->offset, error) : status;
}

/* quantize rounds when it encodes; what is left is perhaps another type. */
static enum pw_status read_quantize(const struct pw_zarr_context *context, const char *name,
                                    const struct json_object *configuration, struct pw_filter *filter,
                                    struct pw_error *error)
{
    filter->kind = PW_FILTER_CAST;
    enum pw_status status = read_type(context, name, configuration, "dtype", NULL, &filter->decoded, error);
    return status == PW_OK ? read_type(context, name, configuration, "astype", "dtype", &filter->encoded, error)
                           : status;
}

static enum pw_status read_astype(const struct pw_zarr_context *context, const char *name,
                                  const struct json_object *configuration, struct pw_filter *filter,
                                  struct pw_error *error)
{
    filter->kind = PW_FILTER_CAST;
    enum pw_status status = read_type(context, name, configuration, "decode_dtype", NULL, &filter->decoded, error);
    return status == PW_OK ? read_type(context, name, configuration, "encode_dtype", NULL, &filter->encoded, error)
                           : status;
}

static enum pw_status read_shuffle(const struct pw_zarr_context *context, const char *name,
                                   const struct json_object *configuration, struct pw_filter *filter,
                                   struct pw_error *error)
{
    const struct json_object *value = pw_json_get(configuration, "elementsize");
    uint64_t bytes = SHUFFLE_ELEMENT_USUAL;
    if (value != NULL && (!pw_json_to_u64(value, &bytes) || bytes > SHUFFLE_ELEMENT_MAX))
        return pw_fail(error, PW_E_FORMAT, "%s: filter \"%s\" has no \"elementsize\" from 1 to %d", context->path, name,
                       SHUFFLE_ELEMENT_MAX);
    filter->kind = bytes > 1 ? PW_FILTER_SHUFFLE : PW_FILTER_NONE;
    filter->element_bytes = (size_t)bytes;
    return PW_OK;
}

static enum pw_status read_packbits(const struct pw_zarr_context *context, const char *name,
                                    const struct json_object *configuration, struct pw_filter *filter,
                                    struct pw_error *error)
{
    (void)context;
    (void)name;
    (void)configuration;
    (void)error;
    filter->kind = PW_FILTER_PACKBITS;
    filter->decoded.dtype = PW_BOOL;
    filter->encoded.dtype = PW_U8;
    return PW_OK;
}

/* bitround clears bits when it encodes; there is nothing to undo. */
static enum pw_status read_nothing(const struct pw_zarr_context *context, const char *name,
                                   const struct json_object *configuration, struct pw_filter *filter,
                                   struct pw_error *error)
{
    (void)context;
    (void)name;
    (void)configuration;
    (void)error;
    filter->kind = PW_FILTER_NONE;
    return PW_OK;
}

static const struct {
    const char *name;
    enum pw_zarr_filter_class class;
    enum pw_status (*read)(const struct pw_zarr_context *context, const char *name,
                           const struct json_object *configuration, struct pw_filter *filter, struct pw_error *error);
} table[] = {
    {"astype", PW_ZARR_FILTER_EACH, read_astype},        {"bitround", PW_ZARR_FILTER_EACH, read_nothing},
    {"delta", PW_ZARR_FILTER_ORDERED, read_delta},       {"fixedscaleoffset", PW_ZARR_FILTER_EACH, read_scale},
    {"packbits", PW_ZARR_FILTER_ORDERED, read_packbits}, {"quantize", PW_ZARR_FILTER_EACH, read_quantize},
    {"shuffle", PW_ZARR_FILTER_BYTES, read_shuffle},
};

enum pw_zarr_filter_class pw_zarr_filter_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].class;
    return PW_ZARR_FILTER_UNKNOWN;
}

enum pw_status pw_zarr_add_filter(const struct pw_zarr_context *context, const char *name,
                                  const struct json_object *configuration, struct pw_zarr_chain *chain,
                                  struct pw_error *error)
{
    struct pw_filter filter = {.kind = PW_FILTER_NONE};
    size_t i = 0;
    while (strcmp(table[i].name, name) != 0)
        i++;
    enum pw_status status = table[i].read(context, name, configuration, &filter, error);
    if (status != PW_OK)
        return status;
    pw_zarr_describe(context, "%s", name);
    if (filter.kind == PW_FILTER_NONE)
        return PW_OK;
    struct pw_zarr_step step = {.filter = filter};
    return pw_zarr_add_step(context, &step, chain, error);
}

enum pw_status pw_zarr_add_checksum(const struct pw_zarr_context *context, const char *name,
                                    const struct json_object *configuration, struct pw_zarr_chain *chain,
                                    struct pw_error *error)
{
    struct pw_zarr_step step = {.checksum = pw_checksum_find(name)};
    const char *location = pw_json_text(configuration, "location");
    uint64_t begin = 0;
    if (pw_json_get(configuration, "prefix") != NULL ||
        (pw_json_get(configuration, "initval") != NULL &&
         (!pw_json_to_u64(pw_json_get(configuration, "initval"), &begin) || begin != 0)))
        return pw_fail(
            error, PW_E_UNSUPPORTED,
            "%s: checksum \"%s\" that does not begin with 0 (\"initval\", \"prefix\") is not supported; write "
            "the array again without it",
            context->path, name);
    if (location != NULL && strcmp(location, "start") != 0 && strcmp(location, "end") != 0)
        return pw_fail(error, PW_E_FORMAT, "%s: checksum \"%s\" at the \"%.20s\", neither \"start\" nor \"end\"",
                       context->path, name, location);
    step.checksum_at_start = location != NULL ? location[0] == 's' : step.checksum->at_start;
    pw_zarr_describe(context, "%s", name);
    return pw_zarr_add_step(context, &step, chain, error);
}
