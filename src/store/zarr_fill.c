#include "store/zarr_fill.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"

static uint64_t float_bits(double value, enum pw_dtype dtype)
{
    uint64_t wide;
    uint32_t narrow;
    float single = (float)value;
    if (dtype == PW_F16)
        return pw_double_to_half(value);
    if (dtype == PW_F32) {
        memcpy(&narrow, &single, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, &value, sizeof wide);
    return wide;
}

/* "0x..." of exactly the digits that the type has. */
static int parse_raw_bits(const char *text, enum pw_dtype dtype, uint64_t *fill)
{
    size_t digits = 2 * pw_dtype_bytes(dtype);
    if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X') || strlen(text + 2) != digits ||
        strspn(text + 2, "0123456789abcdefABCDEF") != digits)
        return 0;
    *fill = strtoull(text + 2, NULL, 16);
    return 1;
}

static int float_fill(const struct json_object *value, enum pw_dtype dtype, uint64_t *fill)
{
    enum json_type type = json_object_get_type(value);
    double number;
    if (type == json_type_int || type == json_type_double || type == json_type_boolean) {
        number = json_object_get_double(value);
    } else if (type == json_type_string) {
        const char *text = json_object_get_string((struct json_object *)(uintptr_t)value);
        char *end;
        if (parse_raw_bits(text, dtype, fill))
            return 1;
        number = strtod(text, &end); /* knows NaN and Infinity; the C locale's point, as the library never sets one */
        if (end == text || *end != '\0' || strchr(text, 'x') != NULL || strchr(text, 'X') != NULL)
            return 0;
    } else {
        return 0;
    }
    *fill = float_bits(number, dtype);
    return 1;
}

/* Sign and magnitude of an integer, however it is written. */
static int integer_value(const struct json_object *value, int *negative, uint64_t *magnitude)
{
    int64_t low;
    double d;
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        *negative = 0;
        *magnitude = (uint64_t)json_object_get_boolean(value);
        return 1;
    case json_type_int:
        low = json_object_get_int64(value);
        *negative = low < 0;
        *magnitude = low < 0 ? -(uint64_t)low : json_object_get_uint64(value);
        return 1;
    case json_type_double:
        d = json_object_get_double(value);
        *negative = d < 0;
        d = fabs(d);
        if (!(d < 0x1p64) || floor(d) < d)
            return 0;
        *magnitude = (uint64_t)d;
        return 1;
    case json_type_string: {
        const char *text = json_object_get_string((struct json_object *)(uintptr_t)value);
        char *end;
        *negative = text[0] == '-';
        if (text[*negative] < '0' || text[*negative] > '9')
            return 0;
        errno = 0;
        *magnitude = strtoull(text + *negative, &end, 10);
        if (strcmp(end, ".0") == 0)
            end += 2;
        return *end == '\0' && errno == 0;
    }
    default: return 0;
    }
}

static int integer_fill(const struct json_object *value, enum pw_dtype dtype, uint64_t *fill)
{
    int negative;
    uint64_t magnitude, limit = pw_dtype_unsigned_max(dtype);
    if (!integer_value(value, &negative, &magnitude))
        return 0;
    if (pw_dtype_is_signed(dtype)) {
        limit = ((uint64_t)1 << (8 * pw_dtype_bytes(dtype) - 1)) - (negative ? 0 : 1);
    } else if (negative && magnitude != 0) {
        return 0;
    }
    if (magnitude > limit)
        return 0;
    *fill = negative ? -magnitude : magnitude;
    if (pw_dtype_bytes(dtype) < 8)
        *fill &= ((uint64_t)1 << (8 * pw_dtype_bytes(dtype))) - 1;
    return 1;
}

enum pw_status pw_zarr_fill_parse(const char *path, const struct json_object *value, enum pw_dtype dtype,
                                  uint64_t *fill, struct pw_error *error)
{
    *fill = 0;
    if (value == NULL)
        return PW_OK;
    if (pw_dtype_is_float(dtype) ? float_fill(value, dtype, fill) : integer_fill(value, dtype, fill))
        return PW_OK;
    char text[64];
    pw_json_excerpt(value, text, sizeof text);
    return pw_fail(error, PW_E_FORMAT, "%s: fill_value %s is no %s", path, text, pw_dtype_name(dtype));
}
