/* The table of the formats that can be written. */
#include "store/sink.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"

typedef enum pw_status (*open_fn)(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);

static const struct {
    const char *format;
    open_fn open;
    const char *suffix[4];
    int streams; /* "-" can be written */
} formats[] = {
    {"zarr", pw_zarr_sink_open, {".zarr", NULL, NULL, NULL}, 0},
    {"tiff", pw_tiff_sink_open, {".tif", ".tiff", ".btf", NULL}, 0},
    {"npy", pw_npy_sink_open, {".npy", NULL, NULL, NULL}, 1},
    {"raw", pw_raw_sink_open, {".raw", ".bin", NULL, NULL}, 1},
    {"geojson", pw_geojson_sink_open, {".geojson", NULL, NULL, NULL}, 0},
};

enum {
    FORMATS = (int)(sizeof formats / sizeof formats[0])
};

static int has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), s = strlen(suffix);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n > s && strncasecmp(path + n - s, suffix, s) == 0;
}

static int format_named(const char *name)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].format, name) == 0)
            return i;
    return -1;
}

static int format_of_path(const char *path)
{
    for (int i = 0; i < FORMATS; i++)
        for (int k = 0; formats[i].suffix[k] != NULL; k++)
            if (has_suffix(path, formats[i].suffix[k]))
                return i;
    return -1;
}

enum pw_status pw_sink_open(const char *format, const struct pw_sink_request *request, struct pw_sink **sink,
                            struct pw_error *error)
{
    int stream = strcmp(request->path, "-") == 0;
    int i = format != NULL        ? format_named(format)
            : request->into_image ? format_named("zarr")
            : stream              ? format_named("npy")
                                  : format_of_path(request->path);
    if (i < 0 && format != NULL)
        return pw_fail(error, PW_E_ARGUMENT, "output format '%s': it is one of zarr, tiff, npy, raw, geojson", format);
    if (i < 0)
        return pw_fail(
            error, PW_E_ARGUMENT,
            "%s: the name does not tell the format; end it in .zarr, .tif, .npy, .raw or .geojson, or name the format",
            request->path);
    if (stream && !formats[i].streams)
        return pw_fail(error, PW_E_ARGUMENT, "standard output: %s cannot be written to a pipe, npy and raw can",
                       formats[i].format);
    enum pw_status status = formats[i].open(request, sink, error);
    if (status == PW_OK)
        (*sink)->times = pw_sink_times(request);
    return status;
}

void pw_sink_close(struct pw_sink *sink)
{
    if (sink != NULL)
        sink->ops->close(sink);
}
