#include "store/tiff_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/tiff_codecs.h"
#include "store/tiff_entries.h"
#include "store/tiff_form.h"
#include "store/tiff_lsm.h"

/* ------------------------------------------------------------------------ *
 * Tables that grow
 * ------------------------------------------------------------------------ */

static enum pw_status append_to(struct pw_tiff_page **table, uint64_t *n, uint64_t *capacity,
                                const struct pw_tiff_page *page, struct pw_error *error)
{
    if (*n == *capacity) {
        uint64_t wanted = *capacity ? *capacity * 2 : 16;
        struct pw_tiff_page *grown = realloc(*table, (size_t)wanted * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: a table of %llu pages", (unsigned long long)wanted);
        *table = grown;
        *capacity = wanted;
    }
    (*table)[(*n)++] = *page;
    return PW_OK;
}

static enum pw_status append(struct pw_tiff_index *index, const struct pw_tiff_page *page, struct pw_error *error)
{
    struct pw_tiff_page placed = *page;
    placed.file = index->adding;
    enum pw_status status = append_to(&index->page, &index->n_pages, &index->capacity, &placed, error);
    if (status == PW_OK)
        index->file[placed.file].n_pages++;
    return status;
}

static enum pw_status append_file(struct pw_tiff_index *index, const char *path, struct pw_error *error)
{
    if (index->n_files == index->file_capacity) {
        uint32_t capacity = index->file_capacity ? index->file_capacity * 2 : 1;
        struct pw_tiff_file *grown = realloc(index->file, capacity * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: a table of %u files", capacity);
        index->file = grown;
        index->file_capacity = capacity;
    }
    char *kept = pw_strdup(path, error);
    if (kept == NULL)
        return PW_E_NOMEM;
    index->adding = index->n_files;
    index->file[index->n_files++] = (struct pw_tiff_file){.path = kept, .first_page = index->n_pages};
    return PW_OK;
}

/* ------------------------------------------------------------------------ *
 * One page
 * ------------------------------------------------------------------------ */

static int cut_alike(const struct pw_tiff_form *a, const struct pw_tiff_form *b)
{
    return a->tiled == b->tiled && a->block_width == b->block_width && a->block_height == b->block_height;
}

/* What the first page tells of all. */
static void take_form(struct pw_tiff *handle, struct pw_tiff_index *index, const struct pw_tiff_form *form,
                      const struct pw_tiff_walk *walk)
{
    index->form = *form;
    index->plain = walk->plain;
    index->sample_distance = walk->sample_distance;
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_COMPRESSION, &index->compression);
    index->jpeg_to_rgb = pw_tiff_is_jpeg_ycbcr(handle->tif);
    uint16_t photometric = PHOTOMETRIC_MINISBLACK;
    pw_tiff_nodata_read(handle, index->nodata);
    TIFFGetField(handle->tif, TIFFTAG_ORIENTATION, &index->orientation);
    index->white_is_zero =
        TIFFGetField(handle->tif, TIFFTAG_PHOTOMETRIC, &photometric) && photometric == PHOTOMETRIC_MINISWHITE;
}

static enum pw_status leave_out(struct pw_tiff_index *index, const struct pw_tiff_form *form, uint32_t number)
{
    if (index->n_files == 1)
        pw_tiff_kinds_note(&index->kinds, form, number);
    return PW_OK;
}

enum pw_status pw_tiff_index_take(struct pw_tiff *handle, struct pw_tiff_index *index, uint32_t number,
                                  struct pw_error *error)
{
    struct pw_tiff_form form;
    struct pw_tiff_walk walk = {0};
    uint16_t order = FILLORDER_MSB2LSB, n_below = 0;
    const uint64_t *below = NULL;
    enum pw_status status = pw_tiff_form_read(handle, number, &form, error);
    /* A page behind the first that cannot be read may be of another kind; it is a loss only if it is like the others. */
    if (status == PW_E_UNSUPPORTED && index->n_pages > 0 && !pw_tiff_form_alike(&form, &index->form))
        return leave_out(index, &form, number);
    if (status != PW_OK)
        return status;
    if (index->n_pages > 0 && !pw_tiff_form_alike(&form, &index->form))
        return leave_out(index, &form, number);
    if (index->n_pages > 0 && !cut_alike(&form, &index->form))
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: page %u is cut into %ss of %u x %u, page %u into %ss of %u x %u; one stack needs one cut, "
                       "as tiffcp -r "
                       "ROWS makes it",
                       handle->path, number, form.tiled ? "tile" : "strip", form.block_height, form.block_width,
                       index->page[0].number, index->form.tiled ? "tile" : "strip", index->form.block_height,
                       index->form.block_width);
    if (index->n_pages > 0 && form.predictor != index->form.predictor)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: page %u has another predictor than page %u, and PackBits; one stack needs one",
                       handle->path, number, index->page[0].number);
    status = pw_tiff_walk_blocks(handle, &form, number, &walk, error);
    if (status != PW_OK)
        return status;
    if (index->n_pages == 0)
        take_form(handle, index, &form, &walk);
    TIFFGetFieldDefaulted(handle->tif, TIFFTAG_FILLORDER, &order);
    index->reversed_bits |= order != FILLORDER_MSB2LSB;
    index->plain &= walk.plain && walk.sample_distance == index->sample_distance;
    index->block_bytes_max = pw_max_u64(index->block_bytes_max, walk.bytes_max);
    index->has_below |= TIFFGetField(handle->tif, TIFFTAG_SUBIFD, &n_below, &below) && n_below > 0;
    struct pw_tiff_page page = {.directory = TIFFCurrentDirOffset(handle->tif), .data = walk.data, .number = number};
    page.wraps = handle->wraps;
    return append(index, &page, error);
}

/* ------------------------------------------------------------------------ *
 * All pages
 * ------------------------------------------------------------------------ */

static enum pw_status keep_description(struct pw_tiff *handle, struct pw_tiff_index *index, struct pw_error *error)
{
    TIFF *tif = handle->tif;
    char *text = NULL;
    TIFFGetField(tif, TIFFTAG_XRESOLUTION, &index->x_resolution);
    TIFFGetField(tif, TIFFTAG_YRESOLUTION, &index->y_resolution);
    if (!TIFFGetField(tif, TIFFTAG_IMAGEDESCRIPTION, &text) || text == NULL)
        return pw_tiff_check_text(handle, TIFFTAG_IMAGEDESCRIPTION, "ImageDescription", error);
    index->description = pw_strdup(text, error);
    return index->description != NULL ? PW_OK : PW_E_NOMEM;
}

/* Offsets and counts of LSM files are not what they say. */
static void mind_lsm(struct pw_tiff *handle, const struct pw_tiff_index *index, uint32_t wraps)
{
    handle->counts_are_of_pixels = index->own.is_lsm;
    handle->offsets_wrap = index->wraps != NULL && index->adding == 0;
    handle->wraps = wraps;
}

static enum pw_status keep_private(struct pw_tiff *handle, struct pw_tiff_index *index, struct pw_error *error)
{
    enum pw_status status = pw_tiff_private_read(handle, &index->own, error);
    if (status == PW_OK && index->own.is_lsm && handle->file_bytes > UINT32_MAX)
        status = pw_tiff_lsm_wraps(handle, &index->own.lsm, &index->wraps, &index->n_wraps, error);
    return status;
}

static enum pw_status note_derived(struct pw_tiff *handle, struct pw_tiff_index *index, uint32_t number,
                                   struct pw_error *error)
{
    struct pw_tiff_page page = {.directory = TIFFCurrentDirOffset(handle->tif), .number = number};
    if (index->n_files > 1 || !pw_tiff_is_reduced(handle->tif))
        return PW_OK;
    return append_to(&index->derived, &index->n_derived, &index->derived_capacity, &page, error);
}

/* Walks the chain; a file of derived pages alone is read with them. */
static enum pw_status scan(struct pw_tiff *handle, uint32_t first, int with_derived, struct pw_tiff_index *index,
                           struct pw_error *error)
{
    uint32_t number = 0;
    for (;;) {
        enum pw_status status = PW_OK;
        mind_lsm(handle, index, number < index->n_wraps ? index->wraps[number] : 0);
        int derived = !with_derived && pw_tiff_is_derived(handle->tif);
        if (derived)
            status = note_derived(handle, index, number, error);
        else if (number >= first)
            status = pw_tiff_index_take(handle, index, number, error);
        if (status != PW_OK)
            return status;
        number++;
        if (index->n_files == 1)
            index->n_directories = number;
        if (TIFFLastDirectory(handle->tif))
            return pw_tiff_check_last(handle, error);
        pw_tiff_forget(handle);
        if (!TIFFReadDirectory(handle->tif))
            return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u cannot be read", number);
    }
}

/* What must be the same in a file that is added to others. */
static enum pw_status check_further(struct pw_tiff *handle, const struct pw_tiff_index *index, struct pw_error *error)
{
    const struct pw_tiff_form *form = &index->form;
    struct pw_tiff_form found = {0};
    if ((TIFFIsBigEndian(handle->tif) != 0) != index->big_endian)
        return pw_fail(error, PW_E_FORMAT, "%s: its byte order is not that of %s", handle->path, index->file[0].path);
    if (index->file[index->n_files - 1].n_pages > 0)
        return PW_OK;
    if (!TIFFSetDirectory(handle->tif, 0) || pw_tiff_form_read(handle, 0, &found, error) != PW_OK)
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page 0 cannot be read");
    return pw_fail(
        error, PW_E_FORMAT, "%s: %u x %u pixels of %u %s samples of %u bits, where %s has %u x %u of %u %s of %u",
        handle->path, found.height, found.width, found.samples, pw_tiff_kind_name(found.kind), found.bits,
        index->file[0].path, form->height, form->width, form->samples, pw_tiff_kind_name(form->kind), form->bits);
}

enum pw_status pw_tiff_index_add(struct pw_tiff *handle, uint32_t reference, struct pw_tiff_index *index,
                                 struct pw_error *error)
{
    int first = index->n_files == 0;
    enum pw_status status = append_file(index, handle->path, error);
    if (status == PW_OK && first) {
        index->big_endian = TIFFIsBigEndian(handle->tif) != 0;
        status = keep_description(handle, index, error);
        if (status == PW_OK)
            status = keep_private(handle, index, error);
    } else if (status == PW_OK && index->own.is_lsm && handle->file_bytes > UINT32_MAX)
        status = pw_fail(error, PW_E_UNSUPPORTED, "%s: an LSM file above 4 GB is read alone, not as one of several",
                         handle->path);
    if (status == PW_OK)
        status = scan(handle, reference, 0, index, error);
    if (status == PW_OK && index->n_pages == 0) {
        if (!TIFFSetDirectory(handle->tif, 0))
            return pw_tiff_fail(handle, error, PW_E_FORMAT, "page 0 cannot be read");
        index->n_derived = 0;
        status = scan(handle, 0, 1, index, error);
    }
    return status == PW_OK && !first ? check_further(handle, index, error) : status;
}

/* Bytes of a page's plane, with all its samples. */
static uint64_t plane_bytes_of(const struct pw_tiff_index *index)
{
    const struct pw_tiff_form *form = &index->form;
    return pw_tiff_plane_row_bytes(form) * form->height +
           (form->planar ? index->sample_distance * (form->samples - 1u) : 0);
}

int pw_tiff_index_may_repeat(const struct pw_tiff_index *index, uint64_t n)
{
    const struct pw_tiff_page *page = &index->page[0];
    uint64_t bytes;
    if (!index->plain || !pw_mul_u64(plane_bytes_of(index), n, &bytes))
        return 0;
    return page->directory < page->data || page->directory - page->data >= bytes;
}

enum pw_status pw_tiff_index_repeat(struct pw_tiff *handle, struct pw_tiff_index *index, uint64_t n,
                                    struct pw_error *error)
{
    struct pw_tiff_page page = index->page[index->n_pages - 1];
    uint64_t plane_bytes = plane_bytes_of(index), total;
    if (!pw_mul_u64(plane_bytes, n, &total) || !pw_add_u64(total, page.data, &total) || total > handle->file_bytes)
        return pw_fail(error, PW_E_TRUNCATED,
                       "%s: %llu planes of %llu bytes from offset %llu on, the file ends at %llu", handle->path,
                       (unsigned long long)n, (unsigned long long)plane_bytes, (unsigned long long)page.data,
                       (unsigned long long)handle->file_bytes);
    enum pw_status status = PW_OK;
    for (uint64_t i = 1; i < n && status == PW_OK; i++) {
        page.data += plane_bytes;
        status = append(index, &page, error);
    }
    return status;
}

void pw_tiff_index_release(struct pw_tiff_index *index)
{
    for (uint32_t i = 0; i < index->n_files; i++)
        free(index->file[i].path);
    free(index->file);
    free(index->page);
    free(index->derived);
    free(index->wraps);
    free(index->description);
    memset(index, 0, sizeof *index);
}

enum pw_status pw_tiff_select(struct pw_tiff *handle, const struct pw_tiff_index *index,
                              const struct pw_tiff_page *page, struct pw_error *error)
{
    pw_tiff_forget(handle);
    mind_lsm(handle, index, page->wraps);
    if (!TIFFSetSubDirectory(handle->tif, page->directory))
        return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %u cannot be read", page->number);
    enum pw_status status = pw_tiff_codecs_mend(handle, error);
    if (status != PW_OK)
        return status;
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
            status = pw_tiff_index_take(handle, index, (uint32_t)index->n_directories++, error);
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
    whole.file[whole.n_files - 1].n_pages = 0;
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
