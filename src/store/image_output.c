/* The formats that images can be written in. */
#include "store/image_output.h"

#include "base/error.h"
#include "store/output_format.h"

typedef enum pw_status (*open_fn)(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);

static const struct {
    open_fn open;
    int compresses; /* and reads the codec that is asked for */
} outputs[PW_OUTPUT_FORMATS] = {
    [PW_OUTPUT_ZARR] = {pw_zarr_image_open, 1}, [PW_OUTPUT_TIFF] = {pw_tiff_image_open, 1},
    [PW_OUTPUT_NPY] = {pw_npy_image_open, 0},   [PW_OUTPUT_RAW] = {pw_raw_image_open, 0},
    [PW_OUTPUT_NRRD] = {pw_nrrd_image_open, 0}, [PW_OUTPUT_MHD] = {pw_mhd_image_open, 0},
};

enum pw_status pw_image_output_open(const char *format, const struct pw_image_request *request,
                                    struct pw_image_output **output, struct pw_error *error)
{
    enum pw_output_format chosen;
    unsigned offered = 0;
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
