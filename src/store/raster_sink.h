/*
 * store/raster_sink - rows of labels in one file, or on a descriptor, after a header.
 *
 * What the npy, raw, NRRD and MetaImage sinks share.  A file is written at its place by any number
 * of threads; a stream ("-") in raster order, each writer waiting for its turn.  Where the header is a file of its own
 * (.nhdr, .mhd) rows are in a .raw beside it, which is put in place just before.
 */
#ifndef PW_STORE_RASTER_SINK_H
#define PW_STORE_RASTER_SINK_H

#include "store/array_axes.h"
#include "store/sink.h"

enum {
    PW_RASTER_HEADER_MAX = 4096
};

/* What a header tells. */
struct pw_raster_labels {
    enum pw_dtype dtype;
    struct pw_array_axes axes;
    uint64_t shape[3]; /* of a time point */
};

/*
 * Writes the header for these labels and returns its length, at most PW_RASTER_HEADER_MAX.  data_file: the name of the file
 * that rows are in; NULL: they follow.
 */
typedef size_t (*pw_raster_header_fn)(const struct pw_raster_labels *labels, const char *data_file, char *header);

struct pw_raster_format {
    const char *name;
    pw_raster_header_fn header; /* NULL: none */
    const char *detached;       /* the suffix of a header that is a file of its own; NULL: none is */
};

/* Errors: as pw_sink_open(). */
enum pw_status pw_raster_sink_open(const struct pw_raster_format *format, const struct pw_sink_request *request,
                                   struct pw_sink **sink, struct pw_error *error);

#endif
