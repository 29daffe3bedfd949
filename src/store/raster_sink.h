/*
 * store/raster_sink - rows of labels in one file, or on a descriptor, after a header.
 *
 * What the npy, raw, NRRD and MetaImage sinks share.  A file is written at its place by any number
 * of threads; a stream ("-") in raster order, each writer waiting for its turn.
 */
#ifndef PW_STORE_RASTER_SINK_H
#define PW_STORE_RASTER_SINK_H

#include "store/raster_header.h"
#include "store/sink.h"

/* Errors: as pw_sink_open(). */
enum pw_status pw_raster_sink_open(const struct pw_raster_format *format, const struct pw_sink_request *request,
                                   struct pw_sink **sink, struct pw_error *error);

#endif
