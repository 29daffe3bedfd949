#include "store/tiff_blocks.h"

#include "base/checked.h"
#include "base/error.h"

uint64_t pw_tiff_blocks_across(const struct pw_tiff_form *form)
{
    return pw_ceil_div(form->width, form->block_width);
}

uint64_t pw_tiff_blocks_down(const struct pw_tiff_form *form)
{
    return pw_ceil_div(form->height, form->block_height);
}

uint64_t pw_tiff_blocks(const struct pw_tiff_form *form)
{
    return pw_tiff_blocks_across(form) * pw_tiff_blocks_down(form) * (form->planar ? form->samples : 1u);
}

uint64_t pw_tiff_row_samples(const struct pw_tiff_form *form, uint64_t width)
{
    return width * (form->planar ? 1u : form->samples);
}

uint64_t pw_tiff_block_rows(const struct pw_tiff_form *form, uint64_t block)
{
    uint64_t in_plane = block % (pw_tiff_blocks_across(form) * pw_tiff_blocks_down(form));
    uint64_t first_row = in_plane / pw_tiff_blocks_across(form) * form->block_height;
    /* Tiles are whole at the border, strips are not. */
    return form->tiled ? form->block_height : pw_min_u64(form->block_height, form->height - first_row);
}

uint64_t pw_tiff_plane_row_bytes(const struct pw_tiff_form *form)
{
    return pw_tiff_row_bytes(pw_tiff_row_samples(form, form->width), form->bits);
}

static uint64_t decoded_bytes(const struct pw_tiff_form *form, uint64_t block)
{
    return pw_tiff_block_rows(form, block) *
           pw_tiff_row_bytes(pw_tiff_row_samples(form, form->block_width), form->bits);
}

/* The whole offset of a block; those of one page do not begin again twice. */
static uint64_t unwrapped(const struct pw_tiff *handle, uint64_t offset, int *failed)
{
    if (!handle->offsets_wrap)
        return offset;
    uint64_t first = TIFFGetStrileOffsetWithErr(handle->tif, 0, failed);
    return offset + ((uint64_t)handle->wraps << 32) + (offset < first ? (uint64_t)1 << 32 : 0);
}

enum pw_status pw_tiff_block_place(struct pw_tiff *handle, const struct pw_tiff_form *form, uint32_t page_number,
                                   uint64_t block, uint64_t *offset, uint64_t *bytes, struct pw_error *error)
{
    const char *what = form->tiled ? "tile" : "strip";
    uint16_t compression = COMPRESSION_NONE;
    int failed = 0;
    *offset = TIFFGetStrileOffsetWithErr(handle->tif, (uint32_t)block, &failed);
    if (!failed)
        *offset = unwrapped(handle, *offset, &failed);
    if (!failed)
        *bytes = TIFFGetStrileByteCountWithErr(handle->tif, (uint32_t)block, &failed);
    if (failed)
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u: the table of %ss cannot be read", page_number, what);
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &compression);
    /* A writer that counts nothing, and yet says where the rows are; what is left out has no offset either. */
    if (*bytes == 0 && *offset != 0 && *offset < handle->file_bytes && compression == COMPRESSION_NONE &&
        decoded_bytes(form, block) <= handle->file_bytes - *offset)
        *bytes = decoded_bytes(form, block);
    if (*bytes == 0)
        return PW_EMPTY;
    /* Careless writers count too many bytes for uncompressed rows; what follows them is not ours. */
    if (compression == COMPRESSION_NONE)
        *bytes = pw_min_u64(*bytes, decoded_bytes(form, block));
    else if (handle->counts_are_of_pixels && *offset < handle->file_bytes)
        *bytes = pw_min_u64(2 * *bytes, handle->file_bytes - *offset); /* noise may grow when it is compressed */
    if (*offset == 0)
        return pw_fail(error, PW_E_FORMAT, "%s: page %u, %s %llu: no offset", handle->path, page_number, what,
                       (unsigned long long)block);
    if (*offset > handle->file_bytes || *bytes > handle->file_bytes - *offset)
        return pw_fail(error, PW_E_TRUNCATED,
                       "%s: page %u, %s %llu: %llu bytes at offset %llu, and the file ends at %llu", handle->path,
                       page_number, what, (unsigned long long)block, (unsigned long long)*bytes,
                       (unsigned long long)*offset, (unsigned long long)handle->file_bytes);
    return PW_OK;
}

/* Whether block continues the stretch of rows that the blocks before it began. */
static int continues(struct pw_tiff_walk *walk, const struct pw_tiff_form *form, uint64_t block, uint64_t offset)
{
    uint64_t down = pw_tiff_blocks_down(form);
    uint64_t sample = block / down, row = block % down * form->block_height;
    uint64_t row_bytes = pw_tiff_plane_row_bytes(form);
    uint64_t plane_bytes = row_bytes * form->height;
    if (block == 0)
        walk->data = offset;
    if (sample == 1 && row == 0) {
        if (offset < walk->data + plane_bytes)
            return 0;
        walk->sample_distance = offset - walk->data;
    }
    return offset == walk->data + sample * walk->sample_distance + row * row_bytes;
}

enum pw_status pw_tiff_walk_blocks(struct pw_tiff *handle, const struct pw_tiff_form *form, uint32_t number,
                                   struct pw_tiff_walk *walk, struct pw_error *error)
{
    uint64_t n = pw_tiff_blocks(form);
    uint64_t found = form->tiled ? TIFFNumberOfTiles(handle->tif) : TIFFNumberOfStrips(handle->tif);
    uint16_t compression = COMPRESSION_NONE, order = FILLORDER_MSB2LSB;
    if (n != found)
        return pw_fail(error, PW_E_FORMAT, "%s: page %u: %llu %ss where its size makes %llu", handle->path, number,
                       (unsigned long long)found, form->tiled ? "tile" : "strip", (unsigned long long)n);
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_FILLORDER, &order);
    *walk = (struct pw_tiff_walk){.plain = compression == COMPRESSION_NONE && order == FILLORDER_MSB2LSB &&
                                           form->block_width == form->width};
    for (uint64_t block = 0; block < n; block++) {
        uint64_t offset, bytes;
        enum pw_status status = pw_tiff_block_place(handle, form, number, block, &offset, &bytes, error);
        if (status < PW_OK)
            return status;
        if (status == PW_EMPTY) {
            walk->plain = 0;
            continue;
        }
        walk->bytes_max = pw_max_u64(walk->bytes_max, bytes);
        uint64_t rows_bytes = pw_tiff_plane_row_bytes(form) * pw_min_u64(pw_tiff_block_rows(form, block), form->height);
        walk->plain = walk->plain && bytes >= rows_bytes && continues(walk, form, block, offset);
    }
    return PW_OK;
}
