#include "base/json_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_object *pw_json_make_text(const char *value)
{
    return json_object_new_string(value);
}

struct json_object *pw_json_make_real(double value)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    if (strpbrk(digits, ".eEn") == NULL)
        (void)snprintf(digits + strlen(digits), sizeof digits - strlen(digits), ".0");
    return json_object_new_double_s(value, digits);
}

struct json_object *pw_json_make_whole(uint64_t value)
{
    return json_object_new_uint64(value);
}

struct json_object *pw_json_make_wholes(const uint64_t *value, int n)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < n; i++)
        pw_json_append(list, pw_json_make_whole(value[i]));
    return list;
}

void pw_json_set(struct json_object *object, const char *key, struct json_object *value)
{
    (void)json_object_object_add(object, key, value);
}

void pw_json_append(struct json_object *list, struct json_object *value)
{
    (void)json_object_array_add(list, value);
}

struct json_object *pw_json_single(const char *key, struct json_object *value)
{
    struct json_object *object = json_object_new_object();
    pw_json_set(object, key, value);
    return object;
}
