#include "store/tiff_form.h"

#include "base/checked.h"
#include "base/error.h"
#include "store/tiff_codecs.h"
#include "store/tiff_predictor.h"

int pw_tiff_is_jpeg_ycbcr(TIFF *tif)
{
    uint16_t compression = 0, photometric = 0;
    TIFFGetFieldDefaulted(tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetField(tif, TIFFTAG_PHOTOMETRIC, &photometric);
    return compression == COMPRESSION_JPEG && photometric == PHOTOMETRIC_YCBCR;
}

int pw_tiff_is_derived(TIFF *tif)
{
    uint32_t type = 0;
    TIFFGetField(tif, TIFFTAG_SUBFILETYPE, &type);
    return (type & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0;
}

int pw_tiff_is_reduced(TIFF *tif)
{
    uint32_t type = 0;
    TIFFGetField(tif, TIFFTAG_SUBFILETYPE, &type);
    return (type & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) == FILETYPE_REDUCEDIMAGE;
}

const char *pw_tiff_kind_name(enum pw_tiff_sample_kind kind)
{
    return kind == PW_TIFF_FLOAT ? "float" : kind == PW_TIFF_SIGNED ? "signed" : "unsigned";
}

/* Compressions that libtiff was built without, or never had. */
static const char *foreign_codec(uint16_t compression)
{
    switch (compression) {
    case 7: return "JPEG, which this libtiff is built without";
    case 22610:
    case 34934: return "JPEG XR";
    case 34933: return "PNG";
    case 50002:
    case 52546: return "JPEG XL";
    case 33003:
    case 33004:
    case 33005:
    case 34712: return "JPEG 2000";
    case 33007: return "the JPEG of ALT";
    case PW_TIFF_EARLY_ZSTD: return "Zstandard, which this libtiff is built without";
    case PW_TIFF_EARLY_WEBP: return "WebP, which this libtiff is built without";
    case 65000:
    case 65001:
    case 65002: return "EER electron events";
    default: return "no codec that libtiff knows";
    }
}

static enum pw_status check_codec(struct pw_tiff *handle, uint32_t number, const struct pw_tiff_form *form,
                                  struct pw_error *error)
{
    uint16_t compression = 0;
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &compression);
    if (compression == COMPRESSION_OJPEG || compression == COMPRESSION_SGILOG || compression == COMPRESSION_SGILOG24)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: page %u: %s compression is not read", handle->path, number,
                       compression == COMPRESSION_OJPEG ? "old-style JPEG" : "SGI LogLuv");
    if (!TIFFIsCODECConfigured(compression))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: page %u: compression %u (%s) is not read", handle->path, number,
                       compression, foreign_codec(compression));
    /* libtiff codes the bits of such rows as if each were a pixel, and fewer of them than there are. */
    if (compression == COMPRESSION_JBIG && form->bits * (form->planar ? 1 : form->samples) != 1)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: page %u: JBIG, which is for one bit per pixel, of %u bits is not read; use another codec",
                       handle->path, number, form->bits * (form->planar ? 1u : form->samples));
    return PW_OK;
}

static enum pw_status read_sample_type(struct pw_tiff *handle, uint32_t number, struct pw_tiff_form *form,
                                       struct pw_error *error)
{
    static const char *const names[] = {"void", "unsigned", "signed", "float", "void", "complex integer", "complex"};
    uint16_t format = SAMPLEFORMAT_UINT;
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_BITSPERSAMPLE, &form->bits);
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_SAMPLEFORMAT, &format);
    form->kind = format == SAMPLEFORMAT_IEEEFP ? PW_TIFF_FLOAT
                 : format == SAMPLEFORMAT_INT  ? PW_TIFF_SIGNED
                                               : PW_TIFF_UNSIGNED;
    int complex_samples = format == SAMPLEFORMAT_COMPLEXINT || format == SAMPLEFORMAT_COMPLEXIEEEFP;
    if (complex_samples || pw_tiff_sample_dtype(form->kind, form->bits) == PW_DTYPE_NONE)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: page %u: samples of %u bits, %s, are not read%s", handle->path,
                       number, form->bits, format <= 6 ? names[format] : "of unknown format",
                       complex_samples ? "; write the part that is the image as real numbers" : "");
    return PW_OK;
}

static enum pw_status read_blocks(struct pw_tiff *handle, uint32_t number, struct pw_tiff_form *form,
                                  struct pw_error *error)
{
    TIFF *tif = handle->tif;
    form->tiled = TIFFIsTiled(tif) != 0;
    form->block_width = form->width;
    form->block_height = form->height;
    if (form->tiled) {
        TIFFGetField(tif, TIFFTAG_TILEWIDTH, &form->block_width);
        TIFFGetField(tif, TIFFTAG_TILELENGTH, &form->block_height);
    } else {
        uint32_t rows = 0;
        if (TIFFGetFieldDefaulted(tif, TIFFTAG_ROWSPERSTRIP, &rows) && rows < form->height)
            form->block_height = rows;
    }
    if (form->block_width == 0 || form->block_height == 0)
        return pw_fail(error, PW_E_FORMAT, "%s: page %u: strips or tiles of %u x %u pixels", handle->path, number,
                       form->block_height, form->block_width);
    uint64_t bytes;
    uint64_t row = pw_tiff_row_bytes(pw_tiff_row_samples(form, form->block_width), 64);
    if (!pw_mul_u64(row, form->block_height, &bytes) || bytes > (uint64_t)INT64_MAX / 2)
        return pw_fail(error, PW_E_FORMAT, "%s: page %u: strips or tiles of %u x %u pixels", handle->path, number,
                       form->block_height, form->block_width);
    return PW_OK;
}

/* Rows as libtiff decodes them must be those that the form says; chroma subsampling, for one, makes others. */
static enum pw_status check_row_bytes(struct pw_tiff *handle, uint32_t number, const struct pw_tiff_form *form,
                                      struct pw_error *error)
{
    uint64_t expected = pw_tiff_row_bytes(pw_tiff_row_samples(form, form->block_width), form->bits);
    tmsize_t found = form->tiled ? TIFFTileRowSize(handle->tif) : TIFFScanlineSize(handle->tif);
    if (found > 0 && (uint64_t)found == expected)
        return PW_OK;
    return pw_tiff_fail(handle, error, PW_E_UNSUPPORTED,
                        "page %u: rows of %lld bytes where %llu samples of %u bits make %llu: subsampled colour, which "
                        "is read only from JPEG; convert it to RGB",
                        number, (long long)found, (unsigned long long)pw_tiff_row_samples(form, form->block_width),
                        form->bits, (unsigned long long)expected);
}

enum pw_status pw_tiff_form_read(struct pw_tiff *handle, uint32_t number, struct pw_tiff_form *form,
                                 struct pw_error *error)
{
    TIFF *tif = handle->tif;
    uint16_t planar = PLANARCONFIG_CONTIG;
    uint32_t depth = 1;
    *form = (struct pw_tiff_form){0};
    enum pw_status status = pw_tiff_codecs_mend(handle, error);
    if (status != PW_OK)
        return status;
    TIFFGetField(tif, TIFFTAG_IMAGEWIDTH, &form->width);
    TIFFGetField(tif, TIFFTAG_IMAGELENGTH, &form->height);
    TIFFGetFieldDefaulted(tif, TIFFTAG_SAMPLESPERPIXEL, &form->samples);
    TIFFGetFieldDefaulted(tif, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(tif, TIFFTAG_IMAGEDEPTH, &depth);
    if (form->width == 0 || form->height == 0 || form->samples == 0)
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u: %u x %u pixels of %u samples", number, form->height,
                            form->width, form->samples);
    if (depth > 1)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: page %u: ImageDepth %u is not read", handle->path, number, depth);
    form->planar = planar == PLANARCONFIG_SEPARATE && form->samples > 1;
    /* The type before the codec: when the codec is refused, the form still says what is lost. */
    status = read_sample_type(handle, number, form, error);
    if (status == PW_OK)
        status = check_codec(handle, number, form, error);
    if (status == PW_OK)
        status = read_blocks(handle, number, form, error);
    if (status == PW_OK && pw_tiff_is_jpeg_ycbcr(tif))
        (void)TIFFSetField(tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    if (status == PW_OK)
        status = check_row_bytes(handle, number, form, error);
    if (status == PW_OK)
        status = pw_tiff_predictor_left(handle, form, &form->predictor, error);
    return status;
}

int pw_tiff_form_alike(const struct pw_tiff_form *a, const struct pw_tiff_form *b)
{
    return a->width == b->width && a->height == b->height && a->samples == b->samples && a->planar == b->planar &&
           a->kind == b->kind && a->bits == b->bits;
}
