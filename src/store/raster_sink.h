/*
 * store/raster_sink - rows of labels in one file, or on a descriptor, after a header.
 *
 * What the npy and raw sinks share.  A file is written at its place by any number
 * of threads; a stream ("-") in raster order, each writer waiting for its turn.
 */
#ifndef PW_STORE_RASTER_SINK_H
#define PW_STORE_RASTER_SINK_H

#include "store/sink.h"

enum {
    PW_RASTER_HEADER_MAX = 512
};

/* Writes the header for these labels and returns its length, at most PW_RASTER_HEADER_MAX. */
typedef size_t (*pw_raster_header_fn)(enum pw_dtype dtype, int rank, const uint64_t *shape, char *header);

/* header NULL: none.  Errors: as pw_sink_open(). */
enum pw_status pw_raster_sink_open(const char *format, pw_raster_header_fn header,
                                   const struct pw_sink_request *request, struct pw_sink **sink,
                                   struct pw_error *error);

#endif
