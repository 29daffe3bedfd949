/* Labels as elements alone, in a file or on standard output. */
#include "store/raster_sink.h"

enum pw_status pw_raw_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    const struct pw_raster_format format = {"raw", NULL, NULL};
    return pw_raster_sink_open(&format, request, sink, error);
}
