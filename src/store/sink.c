/* The formats that labels can be written in. */
#include "store/sink.h"

#include <string.h>

#include "base/error.h"
#include "store/output_format.h"

#ifndef HAVE_HDF5
enum pw_status pw_hdf5_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    (void)sink;
    return pw_fail(error, PW_E_UNSUPPORTED, PW_NO_HDF5, request->path);
}
#endif

typedef enum pw_status (*open_fn)(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);

static const struct {
    open_fn open;
    int streams;    /* "-" can be written */
    int compresses; /* and reads the codec that is asked for */
} sinks[PW_OUTPUT_FORMATS] = {
    [PW_OUTPUT_ZARR] = {pw_zarr_sink_open, 0, 1}, [PW_OUTPUT_TIFF] = {pw_tiff_sink_open, 0, 1},
    [PW_OUTPUT_NPY] = {pw_npy_sink_open, 1, 0},   [PW_OUTPUT_RAW] = {pw_raw_sink_open, 1, 0},
    [PW_OUTPUT_NRRD] = {pw_nrrd_sink_open, 0, 0}, [PW_OUTPUT_MHD] = {pw_mhd_sink_open, 0, 0},
    [PW_OUTPUT_HDF5] = {pw_hdf5_sink_open, 0, 1}, [PW_OUTPUT_GEOJSON] = {pw_geojson_sink_open, 0, 0},
};

static unsigned offered(void)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < PW_OUTPUT_FORMATS; i++)
        if (sinks[i].open != NULL)
            bits |= 1u << i;
    return bits;
}

enum pw_status pw_sink_open(const char *format, const struct pw_sink_request *request, struct pw_sink **sink,
                            struct pw_error *error)
{
    int stream = strcmp(request->path, "-") == 0;
    const char *usual = request->into_image ? "zarr" : stream ? "npy" : NULL;
    enum pw_output_format chosen;
    if (format == NULL && (strstr(request->path, ".h5:") != NULL || strstr(request->path, ".hdf5:") != NULL))
        return pw_fail(error, PW_E_ARGUMENT, "%s: give the file alone; the dataset in it is called as --name says",
                       request->path);
    enum pw_status status =
        pw_output_format_choose(format != NULL ? format : usual, request->path, offered(), &chosen, error);
    if (status != PW_OK)
        return status;
    if (stream && !sinks[chosen].streams)
        return pw_fail(error, PW_E_ARGUMENT, "standard output: %s cannot be written to a pipe, npy and raw can",
                       pw_output_format_name(chosen));
    if (request->codec != NULL && !sinks[chosen].compresses)
        return pw_fail(error, PW_E_ARGUMENT, "codec '%s': %s output is not compressed", request->codec,
                       pw_output_format_name(chosen));
    status = sinks[chosen].open(request, sink, error);
    if (status == PW_OK)
        (*sink)->times = pw_sink_times(request);
    return status;
}

void pw_sink_close(struct pw_sink *sink)
{
    if (sink != NULL)
        sink->ops->close(sink);
}
