/* Chunks that are strips or tiles, decoded by libtiff: one handle per thread. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/tiff_predictor.h"
#include "store/tiff_source.h"

struct pw_decoder {
    struct pw_tiff_cursor cursor;
    unsigned char *packed; /* one decoded block whose samples are not elements yet; NULL when they are */
    unsigned char *copy;   /* stored bytes that libtiff will turn over in place (FillOrder 2); NULL when not needed */
    unsigned char *row;    /* of a block whose predictor is left to us; NULL when not needed */
};

static struct pw_tiff_source *of(struct pw_source *source)
{
    return (struct pw_tiff_source *)source;
}

static uint64_t block_of(const struct pw_tiff_source *tiff, const struct pw_tiff_place *place)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    return (place->sample * pw_tiff_blocks_down(form) + place->row) * pw_tiff_blocks_across(form) + place->column;
}

/*
 * The order of the bytes of a sample that libtiff has decoded.  Integers of 24 bits are a bit stream in files of either
 * byte order (tifffile and the writers of such files agree); libtiff takes them for numbers of three bytes and
 * swaps them together with the others.
 */
static int order_from_libtiff(const struct pw_tiff_index *index)
{
    int host = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return pw_tiff_is_integer_of_24(index->form.kind, index->form.bits) ? index->big_endian == host : host;
}

static enum pw_status locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                             struct pw_error *error)
{
    struct pw_tiff_source *tiff = of(source);
    struct pw_tiff_place place = pw_tiff_place_of(tiff, chunk_index);
    uint64_t offset = 0, length = 0;
    if (place.page == UINT64_MAX)
        return PW_EMPTY;
    pthread_mutex_lock(&tiff->lock);
    enum pw_status status = pw_tiff_cursor_seek(&tiff->locator, &tiff->index, place.page, error);
    if (status == PW_OK)
        status = pw_tiff_block_place(tiff->locator.handle, &tiff->index.form, tiff->index.page[place.page].number,
                                     block_of(tiff, &place), &offset, &length, error);
    pthread_mutex_unlock(&tiff->lock);
    return status == PW_OK ? pw_tiff_extent(tiff, place.page, offset, length, extent, error) : status;
}

/* What libtiff needs for a block beside its decoded bytes: windows, dictionaries, tables. */
static size_t codec_bytes(const struct pw_tiff_source *tiff)
{
    uint64_t block = pw_source_chunk_bytes(&tiff->base);
    switch (tiff->index.compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_PACKBITS: return 0;
    case COMPRESSION_LZW:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_ADOBE_DEFLATE: return 256 << 10;
    default: return (size_t)(2 * block + (1u << 20));
    }
}

static size_t packed_bytes(const struct pw_tiff_source *tiff)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    if (pw_tiff_sample_is_native(form->bits))
        return 0;
    return (size_t)(form->block_height * pw_tiff_row_bytes(pw_tiff_row_samples(form, form->block_width), form->bits));
}

static size_t row_bytes(const struct pw_tiff_source *tiff)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    return form->predictor == PW_TIFF_FLOAT_DIFFERENCES
               ? (size_t)pw_tiff_row_bytes(pw_tiff_row_samples(form, form->block_width), form->bits)
               : 0;
}

static size_t decoder_memory_bytes(const struct pw_source *source)
{
    const struct pw_tiff_source *tiff = (const struct pw_tiff_source *)source;
    return sizeof(struct pw_decoder) + PW_TIFF_HANDLE_BYTES + codec_bytes(tiff) + packed_bytes(tiff) + row_bytes(tiff) +
           (tiff->index.reversed_bits ? (size_t)source->stored_bytes_max : 0);
}

static void decoder_free(struct pw_decoder *decoder)
{
    if (decoder == NULL)
        return;
    pw_tiff_cursor_release(&decoder->cursor);
    free(decoder->packed);
    free(decoder->copy);
    free(decoder->row);
    free(decoder);
}

static enum pw_status decoder_new(struct pw_source *source, struct pw_decoder **decoder, struct pw_error *error)
{
    const struct pw_tiff_source *tiff = of(source);
    struct pw_decoder *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->cursor.shared_fd = tiff->fd;
    enum pw_status status = PW_OK;
    if (packed_bytes(tiff) > 0 && (made->packed = pw_alloc(packed_bytes(tiff), 1, error)) == NULL)
        status = PW_E_NOMEM;
    if (status == PW_OK && tiff->index.reversed_bits &&
        (made->copy = pw_alloc(source->stored_bytes_max, 1, error)) == NULL)
        status = PW_E_NOMEM;
    if (status == PW_OK && row_bytes(tiff) > 0 && (made->row = pw_alloc(row_bytes(tiff), 1, error)) == NULL)
        status = PW_E_NOMEM;
    if (status != PW_OK) {
        decoder_free(made);
        return status;
    }
    *decoder = made;
    return PW_OK;
}

/* libtiff takes the stored bytes as writable, because of FillOrder 2 alone; only then they are copied. */
static void *writable(const struct pw_tiff_source *tiff, struct pw_decoder *decoder, const void *stored, size_t n)
{
    if (!tiff->index.reversed_bits)
        return (void *)(uintptr_t)stored;
    memcpy(decoder->copy, stored, n);
    return decoder->copy;
}

static enum pw_status decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                             const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    const struct pw_tiff_source *tiff = of(source);
    const struct pw_tiff_form *form = &tiff->index.form;
    struct pw_tiff_place place = pw_tiff_place_of(tiff, chunk_index);
    if (place.page == UINT64_MAX)
        return PW_EMPTY;
    uint64_t block = block_of(tiff, &place);
    if (n > source->stored_bytes_max)
        return pw_fail(error, PW_E_INTERNAL, "%s: %zu stored bytes, more than any chunk has", source->path, n);
    enum pw_status status = pw_tiff_cursor_seek(&decoder->cursor, &tiff->index, place.page, error);
    if (status != PW_OK)
        return status;
    struct pw_tiff *handle = decoder->cursor.handle;
    uint64_t rows = pw_tiff_block_rows(form, block);
    uint64_t samples = pw_tiff_row_samples(form, form->block_width);
    void *decoded = decoder->packed != NULL ? decoder->packed : voxels;
    pw_tiff_forget(handle);
    if (!TIFFReadFromUserBuffer(handle->tif, (uint32_t)block, writable(tiff, decoder, stored, n), (tmsize_t)n, decoded,
                                (tmsize_t)(rows * pw_tiff_row_bytes(samples, form->bits))))
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u, %s %llu cannot be decoded",
                            tiff->index.page[place.page].number, form->tiled ? "tile" : "strip",
                            (unsigned long long)block);
    int host_is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    pw_tiff_predictor_undo(form->predictor, form, tiff->index.big_endian != host_is_big, rows, samples, decoded,
                           decoder->row);
    if (decoder->packed != NULL)
        pw_tiff_unpack(form->kind, form->bits, order_from_libtiff(&tiff->index), decoded, rows, samples, voxels);
    return PW_OK;
}

static const struct pw_source_ops ops = {
    .format = "tiff",
    .locate = locate,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_memory_bytes = decoder_memory_bytes,
    .decode = decode,
    .close = pw_tiff_source_close,
    .file = pw_tiff_source_file,
};

void pw_tiff_use_blocks(struct pw_tiff_source *tiff)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    tiff->base.ops = &ops;
    pw_tiff_set_chunk(&tiff->base.info, &tiff->axes, form, form->block_height, form->block_width);
    tiff->base.stored_bytes_max = pw_max_u64(tiff->index.block_bytes_max, 1);
}
