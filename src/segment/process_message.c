#include "segment/process_message.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

const char *pw_dtype_code(enum pw_dtype dtype)
{
    static const char *const code[] = {
        [PW_DTYPE_NONE] = "", [PW_BOOL] = "|b1", [PW_U8] = "|u1",  [PW_I8] = "|i1",  [PW_U16] = "<u2",
        [PW_I16] = "<i2",     [PW_U32] = "<u4",  [PW_I32] = "<i4", [PW_U64] = "<u8", [PW_I64] = "<i8",
        [PW_F16] = "<f2",     [PW_F32] = "<f4",  [PW_F64] = "<f8"};
    return code[dtype];
}

/* ---- hello ------------------------------------------------------------- */

static enum pw_status wrong(const struct json_object *message, const char *key, const char *wants,
                            struct pw_error *error)
{
    char text[80];
    pw_json_excerpt(pw_json_get(message, key), text, sizeof text);
    return pw_fail(error, PW_E_SEGMENTER, "its hello has \"%s\": %s, which is not %s", key, text, wants);
}

/* Three sizes of at least least and not absurd, or nothing. */
static enum pw_status take_box(const struct json_object *message, const char *key, uint64_t least, uint64_t box[3],
                               struct pw_error *error)
{
    struct json_object *list = pw_json_get(message, key);
    if (list == NULL)
        return PW_OK;
    int good = json_object_get_type(list) == json_type_array && json_object_array_length(list) == 3;
    for (size_t i = 0; good && i < 3; i++)
        good = pw_json_to_u64(json_object_array_get_idx(list, i), &box[i]) && box[i] >= least && box[i] <= UINT32_MAX;
    return good ? PW_OK : wrong(message, key, "three sizes [z, y, x]", error);
}

static enum pw_status take_number(const struct json_object *message, const char *key, uint64_t least, uint64_t most,
                                  uint64_t *number, struct pw_error *error)
{
    char wants[80];
    struct json_object *value = pw_json_get(message, key);
    if (value == NULL || (pw_json_to_u64(value, number) && *number >= least && *number <= most))
        return PW_OK;
    (void)snprintf(wants, sizeof wants, "a number from %" PRIu64 " to %" PRIu64, least, most);
    return wrong(message, key, wants, error);
}

static enum pw_status take_dtype(const struct json_object *message, const char *key, enum pw_dtype *dtype,
                                 struct pw_error *error)
{
    const char *text = pw_json_text(message, key);
    if (pw_json_get(message, key) == NULL)
        return PW_OK;
    *dtype = text != NULL ? pw_dtype_parse(text) : PW_DTYPE_NONE;
    int swapped = text != NULL && text[0] == '>' && pw_dtype_bytes(*dtype) > 1;
    return *dtype != PW_DTYPE_NONE && !swapped ? PW_OK : wrong(message, key, "a type like \"<u4\"", error);
}

static enum pw_status take_channels(const struct json_object *message, int *channels, struct pw_error *error)
{
    const char *text = pw_json_text(message, "channels");
    uint64_t number = 1;
    if (text != NULL && strcmp(text, "all") == 0) {
        *channels = PW_WORKER_CHANNELS_ALL;
        return PW_OK;
    }
    if (text != NULL && strcmp(text, "one") == 0)
        return PW_OK;
    enum pw_status status = take_number(message, "channels", 1, 65535, &number, error);
    *channels = (int)number;
    return status;
}

static enum pw_status take_percentiles(const struct json_object *message, struct pw_hello *hello,
                                       struct pw_error *error)
{
    struct json_object *list = pw_json_get(message, "percentiles");
    size_t most = sizeof hello->percentile / sizeof hello->percentile[0];
    if (list == NULL)
        return PW_OK;
    int good = json_object_get_type(list) == json_type_array && json_object_array_length(list) <= most;
    size_t n = good ? json_object_array_length(list) : 0;
    for (size_t i = 0; good && i < n; i++) {
        double *value = &hello->percentile[i];
        good = pw_json_to_double(json_object_array_get_idx(list, i), value) && *value >= 0 && *value <= 100;
    }
    hello->n_percentiles = (int)n;
    hello->has_percentiles = 1;
    return good ? PW_OK : wrong(message, "percentiles", "a list of a few numbers from 0 to 100", error);
}

static enum pw_status take_flag(const struct json_object *message, const char *key, int *flag, struct pw_error *error)
{
    struct json_object *value = pw_json_get(message, key);
    if (value == NULL)
        return PW_OK;
    *flag = json_object_get_boolean(value);
    return json_object_get_type(value) == json_type_boolean ? PW_OK : wrong(message, key, "true or false", error);
}

static int is_label_type(enum pw_dtype dtype)
{
    return dtype != PW_F16 && dtype != PW_F32 && dtype != PW_F64;
}

static enum pw_status take_capabilities(const struct json_object *message, struct pw_hello *hello,
                                        struct pw_error *error)
{
    uint64_t connectivity = 0, inflight = 1;
    const char *name = pw_json_text(message, "name");
    if (name != NULL)
        (void)snprintf(hello->name, sizeof hello->name, "%.63s", name);
    enum pw_status status = take_box(message, "halo", 0, hello->halo, error);
    if (status == PW_OK)
        status = take_box(message, "multiple_of", 1, hello->multiple_of, error);
    if (status == PW_OK)
        status = take_box(message, "max_tile", 1, hello->max_tile, error);
    if (status == PW_OK)
        status = take_dtype(message, "in_dtype", &hello->in_dtype, error);
    if (status == PW_OK)
        status = take_dtype(message, "out_dtype", &hello->out_dtype, error);
    if (status == PW_OK && !is_label_type(hello->out_dtype))
        return wrong(message, "out_dtype", "a type of labels: whole numbers or bool", error);
    if (status == PW_OK)
        status = take_flag(message, "components", &hello->components, error);
    if (status == PW_OK)
        status = take_number(message, "connectivity", 0, 3, &connectivity, error);
    if (status == PW_OK)
        status = take_channels(message, &hello->channels, error);
    if (status == PW_OK)
        status = take_number(message, "bytes_per_voxel", 0, 1 << 20, &hello->bytes_per_voxel, error);
    if (status == PW_OK)
        status = take_number(message, "inflight", 1, PW_WORKER_INFLIGHT_MAX, &inflight, error);
    hello->connectivity = (int)connectivity;
    hello->inflight = (unsigned)inflight;
    return status == PW_OK ? take_percentiles(message, hello, error) : status;
}

static enum pw_status parse(const char *line, size_t n, const char *what, struct json_object **message,
                            struct pw_error *error)
{
    char text[80];
    struct pw_error why = {0};
    if (pw_json_parse(line, n, what, message, &why) == PW_OK)
        return PW_OK;
    (void)snprintf(text, sizeof text, "%.*s", n < 60 ? (int)n : 60, line);
    return pw_fail(error, PW_E_SEGMENTER, "its %s is no JSON object: %s", what, text);
}

enum pw_status pw_hello_parse(const char *line, size_t n, struct pw_hello *hello, struct pw_error *error)
{
    struct json_object *message;
    uint64_t version = 0;
    memset(hello, 0, sizeof *hello);
    hello->out_dtype = PW_U32;
    hello->channels = 1;
    for (int i = 0; i < 3; i++)
        hello->multiple_of[i] = 1;
    enum pw_status status = parse(line, n, "hello", &message, error);
    if (status != PW_OK)
        return status;
    const char *op = pw_json_text(message, "op"), *reason = pw_json_text(message, "error");
    if (op == NULL || strcmp(op, "hello") != 0)
        status = wrong(message, "op", "\"hello\"", error);
    else if (!pw_json_to_u64(pw_json_get(message, "pw"), &version) || version != 1)
        status = wrong(message, "pw", "1, the version of the protocol", error);
    else if (reason != NULL)
        status = pw_fail(error, PW_E_SEGMENTER, "%s", reason);
    else
        status = take_capabilities(message, hello, error);
    json_object_put(message);
    return status;
}

/* ---- answers ----------------------------------------------------------- */

/* [z, y, x]; or [y, x] of a plane. */
static enum pw_status take_shape(const struct json_object *message, struct pw_answer *answer, struct pw_error *error)
{
    struct json_object *list = pw_json_get(message, "shape");
    if (list == NULL)
        return PW_OK;
    size_t n = json_object_get_type(list) == json_type_array ? json_object_array_length(list) : 0;
    int good = n == 2 || n == 3;
    answer->shape[0] = 1;
    for (size_t i = 0; good && i < n; i++)
        good = pw_json_to_u64(json_object_array_get_idx(list, i), &answer->shape[i + 3 - n]);
    answer->has_shape = 1;
    return good ? PW_OK : wrong(message, "shape", "a shape [z, y, x]", error);
}

static enum pw_status take_answer(const struct json_object *message, struct pw_answer *answer, struct pw_error *error)
{
    const char *reason = pw_json_text(message, "error");
    if (!pw_json_to_u64(pw_json_get(message, "id"), &answer->id))
        return wrong(message, "id", "the number of a tile that it has", error);
    if (reason != NULL) {
        answer->kind = json_object_get_boolean(pw_json_get(message, "oom"))     ? PW_ANSWER_OOM
                       : json_object_get_boolean(pw_json_get(message, "wrong")) ? PW_ANSWER_WRONG
                                                                                : PW_ANSWER_ERROR;
        (void)snprintf(answer->text, sizeof answer->text, "%s", reason);
        for (char *c = answer->text; *c != '\0'; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                *c = ' ';
        return PW_OK;
    }
    if (json_object_get_boolean(pw_json_get(message, "ok"))) {
        answer->kind = PW_ANSWER_OK;
        return take_shape(message, answer, error);
    }
    answer->kind = PW_ANSWER_PROGRESS;
    return pw_json_get(message, "progress") != NULL
               ? PW_OK
               : pw_fail(error, PW_E_SEGMENTER, "its answer has neither \"ok\" nor \"error\" nor \"progress\"");
}

enum pw_status pw_answer_parse(const char *line, size_t n, struct pw_answer *answer, struct pw_error *error)
{
    struct json_object *message;
    memset(answer, 0, sizeof *answer);
    enum pw_status status = parse(line, n, "answer", &message, error);
    if (status != PW_OK)
        return status;
    status = take_answer(message, answer, error);
    json_object_put(message);
    return status;
}

/* ---- tiles ------------------------------------------------------------- */

/* Text that grows; n is what it would have without an end. */
struct text {
    char *at;
    size_t capacity, n;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t left = text->n < text->capacity ? text->capacity - text->n : 0;
    int n = vsnprintf(left > 0 ? text->at + text->n : NULL, left, format, arguments);
    va_end(arguments);
    text->n += n > 0 ? (size_t)n : 0;
}

/* JSON has neither NaN nor infinity. */
static void put_number(struct text *text, const char *before, double value)
{
    put(text, "%s", before);
    if (isfinite(value))
        put(text, "%.17g", value);
    else
        put(text, "null");
}

static void put_measured(struct text *text, const struct pw_statistics *s)
{
    put_number(text, "{\"min\":", s->minimum);
    put_number(text, ",\"max\":", s->maximum);
    put(text, ",\"percentiles\":[");
    for (uint32_t i = 0; i < s->n_percentiles; i++)
        put_number(text, i > 0 ? "," : "", s->percentile[i]);
    put(text, "]}");
}

/* What is known of the whole image, for each channel of the tile. */
static void put_statistics(struct text *text, const struct pw_tile *tile)
{
    int has_limits = 1;
    if (tile->statistics == NULL || tile->n_channels == 0)
        return;
    put(text, "\"statistics\":[");
    for (uint32_t c = 0; c < tile->n_channels; c++) {
        put(text, "%s", c > 0 ? "," : "");
        put_measured(text, tile->statistics[c]);
        has_limits &= tile->statistics[c]->has_limits;
    }
    put(text, "],");
    if (!has_limits)
        return;
    put(text, "\"normalize\":[");
    for (uint32_t c = 0; c < tile->n_channels; c++) {
        put_number(text, c > 0 ? ",{\"low\":" : "{\"low\":", tile->statistics[c]->low);
        put_number(text, ",\"high\":", tile->statistics[c]->high);
        put(text, "}");
    }
    put(text, "],");
}

static void put_array(struct text *text, const char *name, const struct pw_shared_array *array)
{
    put(text, ",\"%s\":{\"off\":%" PRIu64 ",\"shape\":[", name, array->offset);
    if (array->channels > 0)
        put(text, "%" PRIu32 ",", array->channels);
    put(text, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 "],\"dtype\":\"%s\"}", array->shape[0], array->shape[1],
        array->shape[2], pw_dtype_code(array->dtype));
}

static void put_place(struct text *text, const struct pw_tile *tile)
{
    put(text, ",\"origin\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "],\"core\":[", tile->origin[0], tile->origin[1],
        tile->origin[2]);
    for (int i = 0; i < 3; i++)
        put(text, "%s[%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "", tile->core_start[i],
            tile->core_start[i] + tile->core_shape[i]);
    put(text, "],\"time\":%" PRIu64 ",\"level\":%d,\"channels\":[", tile->time, tile->level);
    for (uint32_t c = 0; c < tile->n_channels; c++)
        put(text, "%s%" PRIu64, c > 0 ? "," : "", tile->channel[c]);
    put(text, "],");
}

size_t pw_tile_message(char *line, size_t capacity, uint64_t id, const struct pw_tile *tile,
                       const struct pw_shared_array *in, const struct pw_shared_array *out, const char *rest)
{
    struct text text = {line, capacity, 0};
    put(&text, "{\"op\":\"tile\",\"id\":%" PRIu64 ",\"index\":%" PRIu64, id, tile->index);
    put_array(&text, "in", in);
    put_array(&text, "out", out);
    put_place(&text, tile);
    put_statistics(&text, tile);
    put(&text, "%s}\n", rest);
    return text.n < capacity ? text.n : 0;
}
