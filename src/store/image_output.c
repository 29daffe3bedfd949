/* The formats that images can be written in. */
#include "store/image_output.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "store/output_format.h"

#ifndef HAVE_HDF5
enum pw_status pw_hdf5_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                  struct pw_error *error)
{
    (void)output;
    return pw_fail(error, PW_E_UNSUPPORTED, PW_NO_HDF5, request->path);
}
#endif

typedef enum pw_status (*open_fn)(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);

static const struct {
    open_fn open;
    int compresses; /* and reads the codec that is asked for */
} outputs[PW_OUTPUT_FORMATS] = {
    [PW_OUTPUT_ZARR] = {pw_zarr_image_open, 1}, [PW_OUTPUT_TIFF] = {pw_tiff_image_open, 1},
    [PW_OUTPUT_NPY] = {pw_npy_image_open, 0},   [PW_OUTPUT_RAW] = {pw_raw_image_open, 0},
    [PW_OUTPUT_NRRD] = {pw_nrrd_image_open, 0}, [PW_OUTPUT_MHD] = {pw_mhd_image_open, 0},
    [PW_OUTPUT_HDF5] = {pw_hdf5_image_open, 1},
};

enum pw_status pw_image_output_open(const char *format, const struct pw_image_request *request,
                                    struct pw_image_output **output, struct pw_error *error)
{
    enum pw_output_format chosen;
    unsigned offered = 0;
    if (format == NULL && (strstr(request->path, ".h5:") != NULL || strstr(request->path, ".hdf5:") != NULL))
        return pw_fail(error, PW_E_ARGUMENT, "%s: give the file alone; the dataset in it is called data",
                       request->path);
    for (unsigned i = 0; i < PW_OUTPUT_FORMATS; i++)
        if (outputs[i].open != NULL)
            offered |= 1u << i;
    enum pw_status status = pw_output_format_choose(format, request->path, offered, &chosen, error);
    if (status != PW_OK)
        return status;
    if (request->codec != NULL && !outputs[chosen].compresses)
        return pw_fail(error, PW_E_ARGUMENT, "codec '%s': %s output is not compressed", request->codec,
                       pw_output_format_name(chosen));
    return outputs[chosen].open(request, output, error);
}

/* Units come in the order of their boxes; at each those of the channels that are read together, one after the other. */
uint64_t pw_image_output_turn(const struct pw_image_output *output, int level, uint64_t times, uint64_t channel,
                              const struct pw_box *box)
{
    const uint64_t *unit = output->unit[level], *shape = output->levels.shape[level];
    uint64_t count[3], at = box->start[0] / shape[0];
    for (int i = 0; i < 3; i++)
        count[i] = pw_ceil_div(shape[i], unit[i]);
    at = at * count[0] + box->start[0] % shape[0] / unit[0];
    at = (at * count[1] + box->start[1] / unit[1]) * count[2] + box->start[2] / unit[2];
    uint64_t n = count[0] * count[1] * count[2] * times;
    return output->first_channel * n + at * output->channels_together + (channel - output->first_channel);
}
