/* The table of the formats that images can be written in. */
#include "store/image_output.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"

typedef enum pw_status (*open_fn)(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);

static const struct {
    const char *format;
    open_fn open;
    const char *suffix[2];
} formats[] = {
    {"zarr", pw_zarr_image_open, {".zarr", NULL}},
    {"npy", pw_npy_image_open, {".npy", NULL}},
    {"raw", pw_raw_image_open, {".raw", ".bin"}},
};

static int has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), s = strlen(suffix);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n > s && strncasecmp(path + n - s, suffix, s) == 0;
}

enum pw_status pw_image_output_open(const char *format, const struct pw_image_request *request,
                                    struct pw_image_output **output, struct pw_error *error)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        int is_named = format != NULL && strcmp(formats[i].format, format) == 0;
        for (int k = 0; k < 2 && format == NULL; k++)
            is_named = is_named || (formats[i].suffix[k] != NULL && has_suffix(request->path, formats[i].suffix[k]));
        if (is_named)
            return formats[i].open(request, output, error);
    }
    if (format != NULL)
        return pw_fail(error, PW_E_ARGUMENT, "output format '%s': it is one of zarr, npy, raw", format);
    return pw_fail(error, PW_E_ARGUMENT,
                   "%s: the name does not tell the format; end it in .zarr, .npy or .raw, or name the format",
                   request->path);
}
