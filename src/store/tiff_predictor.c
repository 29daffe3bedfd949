#include "store/tiff_predictor.h"

#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "store/tiff_entries.h"
#include "store/tiff_form.h"

enum pw_status pw_tiff_predictor_left(struct pw_tiff *handle, const struct pw_tiff_form *form, uint16_t *predictor,
                                      struct pw_error *error)
{
    struct pw_tiff_entry entry;
    uint16_t compression = COMPRESSION_NONE;
    *predictor = PW_TIFF_NO_PREDICTOR;
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &compression);
    if (compression != COMPRESSION_PACKBITS)
        return PW_OK;
    int told = pw_tiff_entry_find(handle, TIFFTAG_PREDICTOR, &entry, error);
    if (told != 1 || entry.number <= PW_TIFF_NO_PREDICTOR)
        return told < 0 ? (enum pw_status)told : PW_OK;
    int is_float = form->kind == PW_TIFF_FLOAT;
    if (entry.number > PW_TIFF_FLOAT_DIFFERENCES || is_float != (entry.number == PW_TIFF_FLOAT_DIFFERENCES) ||
        !pw_tiff_sample_is_native(form->bits))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: PackBits with predictor %u, of %s samples of %u bits, is not read",
                       handle->path, entry.number, pw_tiff_kind_name(form->kind), form->bits);
    *predictor = entry.number;
    return PW_OK;
}

/* Each sample is the difference from that of the pixel before. */
#define ADD_UP(name, type)                                                                                             \
    static void name(void *row, uint64_t samples, uint64_t stride)                                                     \
    {                                                                                                                  \
        type *at = row;                                                                                                \
        for (uint64_t i = stride; i < samples; i++)                                                                    \
            at[i] = (type)(at[i] + at[i - stride]);                                                                    \
    }

ADD_UP(add_up_8, uint8_t)
ADD_UP(add_up_16, uint16_t)
ADD_UP(add_up_32, uint32_t)
ADD_UP(add_up_64, uint64_t)

static void add_up(void *row, uint64_t samples, uint64_t stride, size_t bytes)
{
    switch (bytes) {
    case 1: add_up_8(row, samples, stride); break;
    case 2: add_up_16(row, samples, stride); break;
    case 4: add_up_32(row, samples, stride); break;
    default: add_up_64(row, samples, stride); break;
    }
}

/* Adobe's technical note 3: the first bytes of all samples of the row, high byte first, then the second ones; as differences. */
static void gather(unsigned char *row, uint64_t samples, uint64_t stride, size_t bytes, unsigned char *planes)
{
    int host_is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    add_up_8(row, samples * bytes, stride);
    memcpy(planes, row, (size_t)samples * bytes);
    for (uint64_t i = 0; i < samples; i++)
        for (size_t b = 0; b < bytes; b++)
            row[i * bytes + b] = planes[(host_is_big ? b : bytes - 1 - b) * samples + i];
}

void pw_tiff_predictor_undo(uint16_t predictor, const struct pw_tiff_form *form, int swapped, uint64_t rows,
                            uint64_t samples, void *block, unsigned char *row)
{
    size_t bytes = form->bits / 8u;
    uint64_t stride = form->planar ? 1u : form->samples;
    unsigned char *at = block;
    if (predictor == PW_TIFF_NO_PREDICTOR)
        return;
    /* libtiff took the bytes for samples and turned them over; single bytes have no order. */
    if (predictor == PW_TIFF_FLOAT_DIFFERENCES && swapped)
        pw_swap_bytes(block, (size_t)(rows * samples), bytes);
    for (uint64_t r = 0; r < rows; r++, at += samples * bytes)
        if (predictor == PW_TIFF_DIFFERENCES)
            add_up(at, samples, stride, bytes);
        else
            gather(at, samples, stride, bytes, row);
}
