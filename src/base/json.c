#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

/* What may follow the JSON text: white space, and the zero bytes of a preallocated file. */
static int is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr(" \t\r\n", text[i]) == NULL) /* matches '\0' too */
            return 0;
    return 1;
}

enum pw_status pw_json_parse(const char *text, size_t n, const char *path, struct json_object **out,
                             struct pw_error *error)
{
    *out = NULL;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    if (n > PW_JSON_BYTES_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: JSON of %zu bytes, more than %zu", path, n, PW_JSON_BYTES_MAX);
    struct json_tokener *tokener = json_tokener_new_ex(PW_JSON_DEPTH_MAX);
    if (tokener == NULL)
        return pw_fail(error, PW_E_NOMEM, "out of memory");
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)n);
    enum json_tokener_error code = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    if (code == json_tokener_continue)
        return pw_fail(error, PW_E_TRUNCATED, "%s: JSON ends in the middle", path);
    if (code != json_tokener_success)
        return pw_fail(error, PW_E_FORMAT, "%s: broken JSON at byte %zu: %s", path, end, json_tokener_error_desc(code));
    if (object == NULL || json_object_get_type(object) != json_type_object || !is_blank(text + end, n - end)) {
        json_object_put(object);
        return pw_fail(error, PW_E_FORMAT, "%s: not one JSON object", path);
    }
    *out = object;
    return PW_OK;
}

static enum pw_status read_all(int fd, const char *path, char *text, size_t n, size_t *got, struct pw_error *error)
{
    for (*got = 0; *got < n;) {
        ssize_t k = read(fd, text + *got, n - *got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot read", path);
        if (k == 0)
            break;
        *got += (size_t)k;
    }
    return PW_OK;
}

static enum pw_status load_open(int fd, const char *path, struct json_object **out, struct pw_error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot examine", path);
    if (!S_ISREG(st.st_mode))
        return pw_fail(error, PW_E_FORMAT, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > PW_JSON_BYTES_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: metadata of %lld bytes, more than %zu", path,
                       (long long)st.st_size, PW_JSON_BYTES_MAX);
    size_t got;
    char *text = pw_alloc((uint64_t)st.st_size + 1, 1, error);
    if (text == NULL)
        return PW_E_NOMEM;
    enum pw_status status = read_all(fd, path, text, (size_t)st.st_size, &got, error);
    if (status == PW_OK)
        status = pw_json_parse(text, got, path, out, error);
    free(text);
    return status;
}

enum pw_status pw_json_load(const char *path, struct json_object **out, struct pw_error *error)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO in the place of a file must not block */
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot open", path);
    enum pw_status status = load_open(fd, path, out, error);
    (void)close(fd);
    return status;
}

struct json_object *pw_json_get(const struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (json_object_get_type(object) == json_type_object)
        (void)json_object_object_get_ex(object, key, &value);
    return value;
}

struct json_object *pw_json_get_typed(const struct json_object *object, const char *key, enum json_type type)
{
    struct json_object *value = pw_json_get(object, key);
    return json_object_get_type(value) == type ? value : NULL;
}

const char *pw_json_text(const struct json_object *object, const char *key)
{
    struct json_object *value = pw_json_get_typed(object, key, json_type_string);
    return value != NULL ? json_object_get_string(value) : NULL;
}

int pw_json_to_u64(const struct json_object *value, uint64_t *out)
{
    if (json_object_get_type(value) == json_type_int) {
        if (json_object_get_int64(value) < 0)
            return 0;
        *out = json_object_get_uint64(value);
        return 1;
    }
    if (json_object_get_type(value) == json_type_double) {
        double d = json_object_get_double(value);
        if (!(d >= 0 && d <= 9007199254740992.0) || floor(d) < d)
            return 0;
        *out = (uint64_t)d;
        return 1;
    }
    return 0;
}

int pw_json_to_double(const struct json_object *value, double *out)
{
    enum json_type type = json_object_get_type(value);
    if (type != json_type_int && type != json_type_double)
        return 0;
    *out = json_object_get_double(value);
    return isfinite(*out) != 0;
}

enum pw_status pw_json_u64_list(const struct pw_json *place, const char *key, int max, uint64_t *out, int *count,
                                struct pw_error *error)
{
    struct json_object *list = pw_json_get_typed(place->object, key, json_type_array);
    if (list == NULL)
        return pw_fail(error, PW_E_FORMAT, "%s: \"%s\" is missing or no list", place->path, key);
    size_t n = json_object_array_length(list);
    if (n > (size_t)max)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: \"%s\" has %zu entries, at most %d are supported", place->path,
                       key, n, max);
    for (size_t i = 0; i < n; i++)
        if (!pw_json_to_u64(json_object_array_get_idx(list, i), &out[i])) {
            char text[64];
            pw_json_excerpt(json_object_array_get_idx(list, i), text, sizeof text);
            return pw_fail(error, PW_E_FORMAT, "%s: \"%s\" entry %zu is %s, not a size", place->path, key, i, text);
        }
    *count = (int)n;
    return PW_OK;
}

void pw_json_excerpt(const struct json_object *value, char *out, size_t out_bytes)
{
    /* Serialising a value needs a writable object for its cache; the value itself does not change. */
    const char *text = value == NULL
                           ? "null"
                           : json_object_to_json_string_ext((struct json_object *)(uintptr_t)value,
                                                            JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    int n = snprintf(out, out_bytes, "%s", text != NULL ? text : "?");
    if (n >= 0 && (size_t)n >= out_bytes && out_bytes >= 4)
        memcpy(out + out_bytes - 4, "...", 4);
}
