/* Options as a JSON object, for functions that would rather read that. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "segment/fn_values.h"

/* The JSON value that text is, as a new reference.  0 when it is none; JSON has neither NaN nor infinity. */
static int read_value(const char *text, struct json_object **value)
{
    char wrapped[PW_FN_TEXT_BYTES + 8];
    struct json_object *object;
    int length = snprintf(wrapped, sizeof wrapped, "{\"v\":%s}", text);
    if (length < 0 || (size_t)length >= sizeof wrapped ||
        pw_json_parse(wrapped, (size_t)length, "", &object, NULL) != PW_OK)
        return 0;
    *value = json_object_get(pw_json_get(object, "v"));
    int is_one = json_object_object_length(object) == 1;
    (void)json_object_put(object);
    if (is_one && (!json_object_is_type(*value, json_type_double) || isfinite(json_object_get_double(*value))))
        return 1;
    (void)json_object_put(*value);
    return 0;
}

/* A number as it was written; one that JSON cannot write stays text. */
static struct json_object *number_of(const char *text)
{
    struct json_object *value;
    if (read_value(text, &value)) {
        if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
            return value;
        (void)json_object_put(value);
    }
    double number = strtod(text, NULL);
    return isfinite(number) ? json_object_new_double(number) : json_object_new_string(text);
}

static struct json_object *numbers_of(const char *text)
{
    struct json_object *list = json_object_new_array();
    char one[64];
    for (const char *comma = text; comma != NULL; text = comma + 1) {
        comma = strchr(text, ',');
        size_t length = comma != NULL ? (size_t)(comma - text) : strlen(text);
        (void)snprintf(one, sizeof one, "%.*s", (int)(length < sizeof one ? length : sizeof one - 1), text);
        (void)json_object_array_add(list, number_of(one));
        if (comma == NULL)
            break;
    }
    return list;
}

/* Without a table: what reads as JSON is that. */
static struct json_object *free_of(const char *text)
{
    struct json_object *value;
    return read_value(text, &value) ? value : json_object_new_string(text);
}

static struct json_object *typed(const char *text, enum pw_fn_option_type type)
{
    switch (type) {
    case PW_FN_NUMBER:
    case PW_FN_INTEGER: return number_of(text);
    case PW_FN_FLAG: return json_object_new_boolean(strcmp(text, "1") == 0);
    case PW_FN_NUMBERS: return numbers_of(text);
    case PW_FN_TEXT: break;
    }
    return json_object_new_string(text);
}

static void add_free(const struct pw_fn_values *values, struct json_object *object)
{
    struct json_object *bare = json_object_new_array();
    for (int i = 0; i < values->n; i++) {
        const struct pw_fn_value *v = &values->item[i];
        if (v->key[0] == '\0')
            (void)json_object_array_add(bare, free_of(v->text));
        else
            (void)json_object_object_add(object, v->key, free_of(v->text));
    }
    if (json_object_array_length(bare) > 0)
        (void)json_object_object_add(object, "values", bare);
    else
        (void)json_object_put(bare);
}

enum pw_status pw_fn_values_json(const struct pw_fn_values *values, char *out, size_t bytes, struct pw_error *error)
{
    struct json_object *object = json_object_new_object();
    if (values->table == NULL)
        add_free(values, object);
    for (const struct pw_fn_option *o = values->table; o != NULL && o->name != NULL; o++) {
        const char *text = pw_fn_text(values, o->name);
        if (text != NULL)
            (void)json_object_object_add(object, o->name, typed(text, o->type));
    }
    int length =
        snprintf(out, bytes, "%s",
                 json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(object);
    if (length < 0 || (size_t)length >= bytes)
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: options longer than %zu characters", values->name, bytes - 1);
    return PW_OK;
}
