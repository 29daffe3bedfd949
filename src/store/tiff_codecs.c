#include "store/tiff_codecs.h"

#include "store/tiff_entries.h"

/*
 * The page is given the other number, and the predictor again: libtiff has passed over it, because it allows one only
 * with compressions that it knows.  (A codec registered under the early number would not get it either.)
 */
static enum pw_status renumber(struct pw_tiff *handle, uint16_t number, struct pw_error *error)
{
    struct pw_tiff_entry predictor;
    if (!TIFFIsCODECConfigured(number))
        return PW_OK;
    int told = pw_tiff_entry_find(handle, TIFFTAG_PREDICTOR, &predictor, error);
    if (told < 0)
        return (enum pw_status)told;
    if (!TIFFSetField(handle->tif, TIFFTAG_COMPRESSION, number) ||
        (told == 1 && predictor.number > 1 && !TIFFSetField(handle->tif, TIFFTAG_PREDICTOR, predictor.number)))
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "compression %u cannot be set up", number);
    return PW_OK;
}

enum pw_status pw_tiff_codecs_mend(struct pw_tiff *handle, struct pw_error *error)
{
    uint16_t compression = COMPRESSION_NONE;
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &compression);
    return compression == PW_TIFF_EARLY_ZSTD   ? renumber(handle, COMPRESSION_ZSTD, error)
           : compression == PW_TIFF_EARLY_WEBP ? renumber(handle, COMPRESSION_WEBP, error)
                                               : PW_OK;
}
