#include "store/tiff_levels.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "store/tiff_form.h"

/* Where the directories of the levels above 0 of a page are. */
struct below {
    uint64_t directory[PW_MAX_LEVELS];
    int n;
};

/* The reduced copies in the SubIFDs of the current page, the largest first as they are written. */
static enum pw_status list_below(struct pw_tiff *handle, struct below *below, struct pw_error *error)
{
    const uint64_t *listed = NULL;
    uint64_t directory[PW_MAX_LEVELS];
    uint16_t n = 0;
    below->n = 0;
    if (!TIFFGetField(handle->tif, TIFFTAG_SUBIFD, &n, &listed))
        return PW_OK;
    /* The list belongs to the current directory, which is about to change. */
    n = (uint16_t)pw_min_u64(n, PW_MAX_LEVELS - 1);
    memcpy(directory, listed, n * sizeof *directory);
    for (uint16_t i = 0; i < n; i++) {
        pw_tiff_forget(handle);
        if (!TIFFSetSubDirectory(handle->tif, directory[i]))
            return pw_tiff_fail(handle, error, PW_E_FORMAT, "the directory at offset %llu cannot be read",
                                (unsigned long long)directory[i]);
        if (pw_tiff_is_reduced(handle->tif))
            below->directory[below->n++] = directory[i];
    }
    return PW_OK;
}

static enum pw_status find_below(struct pw_tiff_source *tiff, struct pw_tiff_cursor *cursor, uint64_t page,
                                 struct below *below, struct pw_error *error)
{
    const struct pw_tiff_index *index = &tiff->index;
    enum pw_status status = pw_tiff_cursor_seek(cursor, index, page, error);
    if (status != PW_OK)
        return status;
    status = list_below(cursor->handle, below, error);
    cursor->page_is_chosen = 0;
    if (status != PW_OK || below->n > 0 || index->n_pages > 1)
        return status;
    for (uint64_t i = 0; i < index->n_derived && below->n < PW_MAX_LEVELS - 1; i++)
        below->directory[below->n++] = index->derived[i].directory;
    return PW_OK;
}

/* Copies are made by whole numbers, and sizes rounded up or down; otherwise the ratio is all there is. */
static double step_of(uint64_t whole, uint64_t reduced)
{
    double ratio = (double)whole / (double)reduced;
    uint64_t factor = (uint64_t)(ratio + 0.5);
    for (uint64_t f = factor > 1 ? factor - 1 : 1; f <= factor + 1; f++)
        if (whole / f == reduced || pw_ceil_div(whole, f) == reduced)
            return (double)f;
    return ratio;
}

static void add_level(struct pw_tiff_source *tiff, const struct pw_tiff_form *form)
{
    struct pw_image_info *info = &tiff->base.info;
    int level = info->n_levels++;
    memcpy(info->level_shape[level], info->level_shape[0], sizeof info->level_shape[0]);
    memcpy(info->level_scale[level], info->level_scale[0], sizeof info->level_scale[0]);
    info->level_shape[level][tiff->axes.y] = form->height;
    info->level_shape[level][tiff->axes.x] = form->width;
    info->level_scale[level][tiff->axes.y] *= step_of(tiff->index.form.height, form->height);
    info->level_scale[level][tiff->axes.x] *= step_of(tiff->index.form.width, form->width);
}

static int is_smaller(const struct pw_tiff_form *form, const struct pw_tiff_form *than)
{
    return form->samples == than->samples && form->planar == than->planar && form->kind == than->kind &&
           form->bits == than->bits && form->width <= than->width && form->height <= than->height &&
           (form->width < than->width || form->height < than->height);
}

/* Keeps of below those copies that are levels: of the same samples, each smaller than the one before. */
static enum pw_status describe_levels(struct pw_tiff_source *tiff, struct pw_tiff *handle, struct below *below,
                                      struct pw_error *error)
{
    struct pw_tiff_form before = tiff->index.form, form;
    int kept = 0;
    for (int i = 0; i < below->n; i++) {
        pw_tiff_forget(handle);
        if (!TIFFSetSubDirectory(handle->tif, below->directory[i]))
            return pw_tiff_fail(handle, error, PW_E_FORMAT, "the directory at offset %llu cannot be read",
                                (unsigned long long)below->directory[i]);
        /* A thumbnail of another kind is no level. */
        if (pw_tiff_form_read(handle, 0, &form, NULL) != PW_OK || !is_smaller(&form, &before))
            continue;
        add_level(tiff, &form);
        below->directory[kept++] = below->directory[i];
        before = form;
    }
    below->n = kept;
    return PW_OK;
}

/* The number of a level above 0 among a page's copies, once `first`, those of the first page, are known. */
static enum pw_status take_level(struct pw_tiff_source *tiff, struct pw_tiff_cursor *cursor, uint64_t page,
                                 const struct below *first, int level, struct pw_tiff_index *lower,
                                 struct pw_error *error)
{
    struct below below = *first;
    const struct pw_tiff_page *of = &tiff->index.page[page];
    enum pw_status status = page == 0 ? pw_tiff_cursor_seek(cursor, &tiff->index, page, error)
                                      : find_below(tiff, cursor, page, &below, error);
    cursor->page_is_chosen = 0;
    if (status != PW_OK)
        return status;
    pw_tiff_forget(cursor->handle);
    if (level > below.n || !TIFFSetSubDirectory(cursor->handle->tif, below.directory[level - 1]))
        return pw_tiff_fail(cursor->handle, error, PW_E_FORMAT, "page %u has no level %d", of->number, level);
    lower->adding = of->file;
    status = pw_tiff_index_take(cursor->handle, lower, of->number, error);
    if (status == PW_OK && lower->n_pages != page + 1)
        status = pw_fail(error, PW_E_FORMAT, "%s: level %d of page %u is not like that of the first",
                         cursor->handle->path, level, of->number);
    return status;
}

/* Puts the pages of the level into the index. */
static enum pw_status switch_to(struct pw_tiff_source *tiff, struct pw_tiff_cursor *cursor, const struct below *first,
                                int level, struct pw_error *error)
{
    struct pw_tiff_index lower = tiff->index;
    struct pw_image_info *info = &tiff->base.info;
    enum pw_status status = PW_OK;
    lower.page = NULL;
    lower.n_pages = lower.capacity = 0;
    lower.block_bytes_max = 0;
    lower.reversed_bits = 0;
    for (uint32_t i = 0; i < lower.n_files; i++)
        lower.file[i].n_pages = 0;
    for (uint64_t i = 0; i < tiff->index.n_pages && status == PW_OK; i++)
        status = take_level(tiff, cursor, i, first, level, &lower, error);
    if (status != PW_OK) {
        free(lower.page);
        return status;
    }
    free(tiff->index.page);
    tiff->index = lower;
    info->level = level;
    memcpy(info->shape, info->level_shape[level], sizeof info->shape);
    for (int i = 0; i < info->rank; i++)
        info->axis[i].scale = info->level_scale[level][i];
    return PW_OK;
}

enum pw_status pw_tiff_levels(struct pw_tiff_source *tiff, int level, struct pw_error *error)
{
    struct pw_tiff_cursor cursor = {.shared_fd = tiff->fd};
    struct below below = {.n = 0};
    enum pw_status status = find_below(tiff, &cursor, 0, &below, error);
    if (status == PW_OK)
        status = describe_levels(tiff, cursor.handle, &below, error);
    if (status == PW_OK && (level < 0 || level > below.n))
        status =
            pw_fail(error, PW_E_ARGUMENT, "%s: there is no level %d; the last is %d", tiff->base.path, level, below.n);
    if (status == PW_OK && level > 0)
        status = switch_to(tiff, &cursor, &below, level, error);
    pw_tiff_cursor_release(&cursor);
    return status;
}
