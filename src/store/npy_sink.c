/* Labels as a .npy array, in a file or on standard output. */
#include "store/npy_header.h"
#include "store/raster_sink.h"

static size_t npy_header(const struct pw_raster_labels *labels, const char *data_file, char *out)
{
    struct pw_npy_header header = {.dtype = labels->dtype};
    (void)data_file;
    if (labels->axes.has_time)
        header.shape[header.rank++] = labels->axes.times;
    for (int i = 3 - labels->axes.rank; i < 3; i++)
        header.shape[header.rank++] = labels->shape[i];
    return pw_npy_format(&header, out, PW_RASTER_HEADER_MAX);
}

enum pw_status pw_npy_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    const struct pw_raster_format format = {"npy", npy_header, NULL};
    return pw_raster_sink_open(&format, request, sink, error);
}
