#include "store/tiff_nodata.h"

#include <string.h>

#include "store/zarr_fill.h"

enum {
    TAG_GDAL_NODATA = 42113
};

void pw_tiff_nodata_read(struct pw_tiff *handle, char text[PW_TIFF_NODATA_BYTES])
{
    uint32_t n = 0;
    const char *found = NULL;
    /* libtiff does not know the tag, and so counts its bytes; the last is a zero, where the writer was careful. */
    if (!TIFFGetField(handle->tif, TAG_GDAL_NODATA, &n, &found) || found == NULL || n >= PW_TIFF_NODATA_BYTES)
        return;
    memcpy(text, found, n);
    text[n] = '\0';
    text[strcspn(text, " ")] = '\0'; /* some pad it */
}

uint64_t pw_tiff_nodata_bits(const char *text, enum pw_dtype dtype)
{
    uint64_t fill = 0;
    struct json_object *value = text[0] != '\0' ? json_object_new_string(text) : NULL;
    if (value != NULL && pw_zarr_fill_parse("", value, dtype, &fill, NULL) != PW_OK)
        fill = 0;
    json_object_put(value);
    return fill;
}
