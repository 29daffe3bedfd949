/*
 * store/raster_header - headers of files of rows: npy, NRRD, MetaImage, and none for raw.
 *
 * What labels (raster_sink.h) and images (image_output.h) have in common when they are written so: axes t c z y x, those
 * that there are.  Where the header is a file of its own (.nhdr, .mhd) rows are in a .raw beside it, which is put in place
 * just before.
 *
 *     pw_raster_place(format, path, overwrite, data_path, &is_detached, error)     before the work
 *     n = format->header(&array, NULL, header)                                     a header that rows follow
 *     pw_raster_put_header(format, &array, path, data_path, overwrite, &n, error)  or one in its own file, at the end
 *
 * Threads: no shared state.  Errors: those of pending_file.h; PW_E_UNSUPPORTED for a type that a format does not have.
 */
#ifndef PW_STORE_RASTER_HEADER_H
#define PW_STORE_RASTER_HEADER_H

#include "store/array_axes.h"

enum {
    PW_RASTER_HEADER_MAX = 4096
};

/* What a header tells. */
struct pw_raster_array {
    enum pw_dtype dtype;
    struct pw_array_axes axes;
    uint64_t shape[3]; /* of a time point and channel */
};

/*
 * Writes the header for this array and returns its length, at most PW_RASTER_HEADER_MAX.  data_file: the name of the file
 * that rows are in; NULL: they follow.
 */
typedef size_t (*pw_raster_header_fn)(const struct pw_raster_array *array, const char *data_file, char *header);

struct pw_raster_format {
    const char *name;
    pw_raster_header_fn header; /* NULL: none */
    const char *detached;       /* the suffix of a header that is a file of its own; NULL: none is */
    int lacks_half_floats;
};

extern const struct pw_raster_format pw_raster_npy, pw_raster_raw, pw_raster_nrrd, pw_raster_mhd;

/* Where rows go: data_path, of 4096 bytes, when the header is a file of its own, "" when they follow it. */
enum pw_status pw_raster_place(const struct pw_raster_format *format, const char *path, int overwrite, char *data_path,
                               struct pw_error *error);

/* Whether the format has the element type. */
enum pw_status pw_raster_check_dtype(const struct pw_raster_format *format, enum pw_dtype dtype, const char *path,
                                     struct pw_error *error);

/* The header that names the file of the rows, which are in place.  *bytes: its length. */
enum pw_status pw_raster_put_header(const struct pw_raster_format *format, const struct pw_raster_array *array,
                                    const char *path, const char *data_path, int overwrite, uint64_t *bytes,
                                    struct pw_error *error);

#endif
