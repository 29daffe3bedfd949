#include "store/ngff_image.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_make.h"
#include "store/channel_colour.h"

typedef struct json_object json;

/* The least and the greatest value of a type, as a slider wants them; floats have those that were seen. */
static void range_of(enum pw_dtype dtype, const struct pw_image_window *seen, double *low, double *high)
{
    int bits = (int)(8 * pw_dtype_bytes(dtype));
    *low = seen->low;
    *high = seen->high;
    switch (dtype) {
    case PW_BOOL: *low = 0, *high = 1; break;
    case PW_U8:
    case PW_U16: *low = 0, *high = ldexp(1, bits) - 1; break;
    case PW_I8:
    case PW_I16: *low = -ldexp(1, bits - 1), *high = ldexp(1, bits - 1) - 1; break;
    default: break;
    }
}

static int is_colour(const json *value)
{
    return json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 6 &&
           strspn(json_object_get_string((json *)(uintptr_t)value), "0123456789abcdefABCDEF") == 6;
}

static int is_window(const json *value)
{
    static const char *const key[] = {"min", "max", "start", "end"};
    double number;
    for (size_t i = 0; i < sizeof key / sizeof key[0]; i++)
        if (!pw_json_to_double(pw_json_get(value, key[i]), &number))
            return 0;
    return 1;
}

static int is_sound(const char *key, const json *value)
{
    if (strcmp(key, "color") == 0)
        return is_colour(value);
    if (strcmp(key, "window") == 0)
        return is_window(value);
    if (strcmp(key, "active") == 0)
        return json_object_is_type(value, json_type_boolean);
    return value != NULL && strcmp(key, "label") != 0;
}

/* What the image that is converted says of how its channel is shown, is said again as far as a viewer can use it. */
static void keep_shown(json *object, const char *text)
{
    json *given = text != NULL ? json_tokener_parse(text) : NULL;
    if (!json_object_is_type(given, json_type_object)) {
        json_object_put(given);
        return;
    }
    json_object_object_foreach(given, key, value)
    {
        if (is_sound(key, value))
            pw_json_set(object, key, json_object_get(value));
    }
    json_object_put(given);
}

static json *channel(const struct pw_ngff_image *image, uint64_t c)
{
    const struct pw_image_window *seen = &image->window[c];
    const char *name = image->channel_name != NULL ? image->channel_name[c] : "";
    char number[32];
    double low, high;
    range_of(image->dtype, seen, &low, &high);
    (void)snprintf(number, sizeof number, "Channel %llu", (unsigned long long)c);
    json *object = pw_json_single("label", pw_json_make_text(name[0] != '\0' ? name : number));
    json *window = pw_json_single("min", pw_json_make_real(low));
    pw_json_set(window, "max", pw_json_make_real(high));
    pw_json_set(window, "start", pw_json_make_real(seen->low));
    pw_json_set(window, "end", pw_json_make_real(seen->high));
    (void)snprintf(number, sizeof number, "%06X", (unsigned)pw_channel_colour(c, image->multiscale.axes.channels));
    pw_json_set(object, "color", pw_json_make_text(number));
    pw_json_set(object, "window", window);
    pw_json_set(object, "active", json_object_new_boolean(1));
    keep_shown(object, image->channel_show != NULL ? image->channel_show[c] : NULL);
    return object;
}

/* None when a channel has no finite value: a window would have no ends. */
static json *display(const struct pw_ngff_image *image)
{
    json *list = json_object_new_array();
    for (uint64_t c = 0; c < image->multiscale.axes.channels; c++) {
        const struct pw_image_window *seen = image->window != NULL ? &image->window[c] : NULL;
        if (seen == NULL || !isfinite(seen->low) || !isfinite(seen->high) || seen->low > seen->high) {
            json_object_put(list);
            return NULL;
        }
        pw_json_append(list, channel(image, c));
    }
    return pw_json_single("channels", list);
}

enum pw_status pw_ngff_write_image(const struct pw_ngff_image *image, const char *directory, struct pw_error *error)
{
    json *ome, *attributes = pw_ngff_attributes(image->multiscale.version, &ome);
    json *shown = display(image);
    pw_json_set(ome, "multiscales", pw_ngff_multiscales(&image->multiscale));
    if (shown != NULL) {
        if (image->multiscale.version == 2)
            pw_json_set(shown, "version", pw_json_make_text("0.4"));
        pw_json_set(ome, "omero", shown);
    }
    json *own = pw_json_single("converted", json_object_new_boolean(1));
    pw_json_set(own, "version", pw_json_make_text(pw_version()));
    pw_json_set(attributes, "patchworks", own);
    return pw_zarr_write_group(image->multiscale.version, attributes, directory, error);
}

int pw_ngff_is_converted(const struct pw_zarr_node *node)
{
    const json *own = pw_json_get_typed(node->attributes, "patchworks", json_type_object);
    return !node->is_array && pw_json_get_typed(own, "converted", json_type_boolean) != NULL;
}
