#include "store/tiff_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/tiff_form.h"

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

static uint64_t decoded_bytes(const struct pw_tiff_form *form, uint64_t block)
{
    return pw_tiff_block_rows(form, block) *
           pw_tiff_row_bytes(pw_tiff_row_samples(form, form->block_width), form->bits);
}

enum pw_status pw_tiff_block_place(struct pw_tiff *handle, const struct pw_tiff_form *form, uint32_t page_number,
                                   uint64_t block, uint64_t *offset, uint64_t *bytes, struct pw_error *error)
{
    const char *what = form->tiled ? "tile" : "strip";
    uint16_t compression = COMPRESSION_NONE;
    int failed = 0;
    *offset = TIFFGetStrileOffsetWithErr(handle->tif, (uint32_t)block, &failed);
    if (!failed)
        *bytes = TIFFGetStrileByteCountWithErr(handle->tif, (uint32_t)block, &failed);
    if (failed)
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u: the table of %ss cannot be read", page_number, what);
    if (*bytes == 0)
        return PW_EMPTY;
    /* Careless writers count too many bytes for uncompressed rows; what follows them is not ours. */
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &compression);
    if (compression == COMPRESSION_NONE)
        *bytes = pw_min_u64(*bytes, decoded_bytes(form, block));
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

/* ------------------------------------------------------------------------ *
 * One page
 * ------------------------------------------------------------------------ */

/* What the walk over the strips or tiles of one page learns. */
struct walk {
    uint64_t bytes_max;
    uint64_t data, sample_distance;
    int plain;
};

/* Whether block continues the stretch of rows that the blocks before it began. */
static int continues(struct walk *walk, const struct pw_tiff_form *form, uint64_t block, uint64_t offset)
{
    uint64_t down = pw_tiff_blocks_down(form);
    uint64_t sample = block / down, row = block % down * form->block_height;
    uint64_t row_bytes = pw_tiff_row_bytes(pw_tiff_row_samples(form, form->width), form->bits);
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

static enum pw_status walk_blocks(struct pw_tiff *handle, const struct pw_tiff_form *form, uint32_t number,
                                  struct walk *walk, struct pw_error *error)
{
    uint64_t n = pw_tiff_blocks(form);
    uint64_t found = form->tiled ? TIFFNumberOfTiles(handle->tif) : TIFFNumberOfStrips(handle->tif);
    uint16_t compression = COMPRESSION_NONE, order = FILLORDER_MSB2LSB;
    if (n != found)
        return pw_fail(error, PW_E_FORMAT, "%s: page %u: %llu %ss where its size makes %llu", handle->path, number,
                       (unsigned long long)found, form->tiled ? "tile" : "strip", (unsigned long long)n);
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_FILLORDER, &order);
    *walk = (struct walk){.plain = compression == COMPRESSION_NONE && order == FILLORDER_MSB2LSB &&
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
        uint64_t rows_bytes = pw_tiff_row_bytes(pw_tiff_row_samples(form, form->width), form->bits) *
                              pw_min_u64(pw_tiff_block_rows(form, block), form->height);
        walk->plain = walk->plain && bytes >= rows_bytes && continues(walk, form, block, offset);
    }
    return PW_OK;
}

static enum pw_status append(struct pw_tiff_index *index, const struct pw_tiff_page *page, struct pw_error *error)
{
    if (index->n_pages == index->capacity) {
        uint64_t capacity = index->capacity ? index->capacity * 2 : 64;
        struct pw_tiff_page *grown = realloc(index->page, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: a table of %llu pages", (unsigned long long)capacity);
        index->page = grown;
        index->capacity = capacity;
    }
    index->page[index->n_pages++] = *page;
    return PW_OK;
}

/* Takes the current page into the index when it belongs there. */
static enum pw_status take_page(struct pw_tiff *handle, struct pw_tiff_index *index, uint32_t number,
                                struct pw_error *error)
{
    struct pw_tiff_form form;
    struct walk walk = {0};
    uint16_t order = FILLORDER_MSB2LSB, n_below = 0;
    const uint64_t *below = NULL;
    enum pw_status status = pw_tiff_form_read(handle, number, &form, error);
    /* A page behind the first that cannot be read may be of another kind; it is a loss only if it is like the others. */
    if (status == PW_E_UNSUPPORTED && index->n_pages > 0 && !pw_tiff_form_alike(&form, &index->form))
        return PW_OK;
    if (status != PW_OK)
        return status;
    if (index->n_pages > 0 && !pw_tiff_form_alike(&form, &index->form))
        return PW_OK;
    if (index->n_pages > 0 && (form.tiled != index->form.tiled || form.block_width != index->form.block_width ||
                               form.block_height != index->form.block_height))
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: page %u is cut into %ss of %u x %u, page %u into %ss of %u x %u; one stack needs one cut",
                       handle->path, number, form.tiled ? "tile" : "strip", form.block_height, form.block_width,
                       index->page[0].number, index->form.tiled ? "tile" : "strip", index->form.block_height,
                       index->form.block_width);
    status = walk_blocks(handle, &form, number, &walk, error);
    if (status != PW_OK)
        return status;
    if (index->n_pages == 0) {
        index->form = form;
        index->plain = walk.plain;
        index->sample_distance = walk.sample_distance;
        TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &index->compression);
        index->jpeg_to_rgb = pw_tiff_is_jpeg_ycbcr(handle->tif);
    }
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_FILLORDER, &order);
    index->reversed_bits |= order != FILLORDER_MSB2LSB;
    index->plain &= walk.plain && walk.sample_distance == index->sample_distance;
    index->block_bytes_max = pw_max_u64(index->block_bytes_max, walk.bytes_max);
    index->has_below |= TIFFGetField(handle->tif, TIFFTAG_SUBIFD, &n_below, &below) && n_below > 0;
    struct pw_tiff_page page = {.directory = TIFFCurrentDirOffset(handle->tif), .data = walk.data, .number = number};
    return append(index, &page, error);
}

/* ------------------------------------------------------------------------ *
 * All pages
 * ------------------------------------------------------------------------ */

static enum pw_status keep_description(TIFF *tif, struct pw_tiff_index *index, struct pw_error *error)
{
    char *text = NULL;
    TIFFGetField(tif, TIFFTAG_XRESOLUTION, &index->x_resolution);
    TIFFGetField(tif, TIFFTAG_YRESOLUTION, &index->y_resolution);
    if (!TIFFGetField(tif, TIFFTAG_IMAGEDESCRIPTION, &text) || text == NULL)
        return PW_OK;
    index->description = pw_strdup(text, error);
    return index->description != NULL ? PW_OK : PW_E_NOMEM;
}

/*
 * The first page of the image is the first that is not derived; a file of derived
 * pages alone is read from its first.
 */
static enum pw_status scan(struct pw_tiff *handle, struct pw_tiff_index *index, int with_derived,
                           struct pw_error *error)
{
    uint32_t number = 0;
    for (;;) {
        if (with_derived || !pw_tiff_is_derived(handle->tif)) {
            enum pw_status status = take_page(handle, index, number, error);
            if (status != PW_OK)
                return status;
        }
        number++;
        index->n_directories = number;
        if (TIFFLastDirectory(handle->tif))
            return PW_OK;
        pw_tiff_forget(handle);
        if (!TIFFReadDirectory(handle->tif))
            return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u cannot be read", number);
    }
}

enum pw_status pw_tiff_index_build(struct pw_tiff *handle, struct pw_tiff_index *index, struct pw_error *error)
{
    index->big_endian = TIFFIsBigEndian(handle->tif) != 0;
    enum pw_status status = keep_description(handle->tif, index, error);
    if (status == PW_OK)
        status = scan(handle, index, 0, error);
    if (status != PW_OK || index->n_pages > 0)
        return status;
    if (!TIFFSetDirectory(handle->tif, 0))
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page 0 cannot be read");
    return scan(handle, index, 1, error);
}

void pw_tiff_index_release(struct pw_tiff_index *index)
{
    free(index->page);
    free(index->description);
    memset(index, 0, sizeof *index);
}

enum pw_status pw_tiff_select(struct pw_tiff *handle, const struct pw_tiff_index *index,
                              const struct pw_tiff_page *page, struct pw_error *error)
{
    pw_tiff_forget(handle);
    if (!TIFFSetSubDirectory(handle->tif, page->directory))
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u cannot be read", page->number);
    if (index->jpeg_to_rgb && pw_tiff_is_jpeg_ycbcr(handle->tif))
        (void)TIFFSetField(handle->tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    return PW_OK;
}

/* Visits the directories below the page that is current, and takes those that are like it. */
static enum pw_status take_below(struct pw_tiff *handle, struct pw_tiff_index *index, struct pw_error *error)
{
    const uint64_t *listed = NULL;
    uint16_t n = 0;
    if (!TIFFGetField(handle->tif, TIFFTAG_SUBIFD, &n, &listed) || n == 0)
        return PW_OK;
    /* The list belongs to the current directory, which is about to change. */
    uint64_t *offset = pw_alloc(n, sizeof *offset, error);
    if (offset == NULL)
        return PW_E_NOMEM;
    memcpy(offset, listed, n * sizeof *offset);
    enum pw_status status = PW_OK;
    for (uint16_t i = 0; i < n && status == PW_OK; i++) {
        pw_tiff_forget(handle);
        if (!TIFFSetSubDirectory(handle->tif, offset[i]))
            status = pw_tiff_fail(handle, error, PW_E_FORMAT, "the directory at offset %llu cannot be read",
                                  (unsigned long long)offset[i]);
        else if (!pw_tiff_is_derived(handle->tif))
            status = take_page(handle, index, (uint32_t)index->n_directories++, error);
    }
    free(offset);
    return status;
}

enum pw_status pw_tiff_index_subdirectories(struct pw_tiff *handle, struct pw_tiff_index *index, struct pw_error *error)
{
    struct pw_tiff_index whole = *index;
    enum pw_status status = PW_OK;
    if (!index->has_below)
        return PW_OK;
    whole.page = NULL;
    whole.n_pages = whole.capacity = 0;
    for (uint64_t i = 0; i < index->n_pages && status == PW_OK; i++) {
        status = append(&whole, &index->page[i], error);
        if (status == PW_OK)
            status = pw_tiff_select(handle, index, &index->page[i], error);
        if (status == PW_OK)
            status = take_below(handle, &whole, error);
    }
    if (status != PW_OK) {
        free(whole.page);
        return status;
    }
    free(index->page);
    *index = whole;
    return PW_OK;
}
