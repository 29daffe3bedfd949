/* Labels as a .npy array, in a file or on standard output. */
#include <string.h>

#include "store/npy_header.h"
#include "store/raster_sink.h"

static size_t npy_header(enum pw_dtype dtype, int rank, const uint64_t *shape, char *out)
{
    struct pw_npy_header header = {.dtype = dtype, .rank = rank};
    memcpy(header.shape, shape, (size_t)rank * sizeof *shape);
    return pw_npy_format(&header, out, PW_RASTER_HEADER_MAX);
}

enum pw_status pw_npy_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    return pw_raster_sink_open("npy", npy_header, request, sink, error);
}
