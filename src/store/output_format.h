/*
 * store/output_format - the formats that are written: how they are called, and which names of files they go by.
 *
 * Threads: no state.
 */
#ifndef PW_STORE_OUTPUT_FORMAT_H
#define PW_STORE_OUTPUT_FORMAT_H

#include "patchworks.h"

enum pw_output_format {
    PW_OUTPUT_ZARR,
    PW_OUTPUT_TIFF,
    PW_OUTPUT_NPY,
    PW_OUTPUT_RAW,
    PW_OUTPUT_NRRD,
    PW_OUTPUT_MHD,
    PW_OUTPUT_HDF5,
    PW_OUTPUT_GEOJSON,
    PW_OUTPUT_FORMATS
};

/*
 * The format called name, or, for NULL, that of the path's suffix, among those that are offered (a bit 1 << format each).
 * Errors: PW_E_ARGUMENT, with what is offered.
 */
enum pw_status pw_output_format_choose(const char *name, const char *path, unsigned offered,
                                       enum pw_output_format *format, struct pw_error *error);

const char *pw_output_format_name(enum pw_output_format format);

/* The message, about a path, of a build that cannot write HDF5. */
#define PW_NO_HDF5 "%s: this build has no HDF5 library (Debian: libhdf5-dev, then configure again)"

#endif
