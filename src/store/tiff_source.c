#include "store/tiff_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

struct pw_tiff_place pw_tiff_place_of(const struct pw_tiff_source *tiff, const uint64_t *chunk_index)
{
    struct pw_tiff_place place = {0};
    uint64_t plane = 0;
    for (int i = 0; i < tiff->stack.rank; i++)
        plane = plane * tiff->stack.size[i] + chunk_index[i];
    place.page = tiff->stack.page_of_plane != NULL ? tiff->stack.page_of_plane[plane] : plane;
    if (tiff->index.form.planar)
        place.sample = chunk_index[tiff->axes.sample];
    place.row = chunk_index[tiff->axes.y];
    place.column = chunk_index[tiff->axes.x];
    return place;
}

enum pw_status pw_tiff_extent(const struct pw_tiff_source *tiff, uint64_t page, uint64_t offset, uint64_t length,
                              struct pw_extent *extent, struct pw_error *error)
{
    extent->fd = tiff->fd;
    extent->path[0] = '\0';
    extent->offset = offset;
    extent->length = length;
    if (tiff->fd >= 0)
        return PW_OK;
    const char *path = tiff->index.file[tiff->index.page[page].file].path;
    size_t n = strlen(path);
    if (n >= sizeof extent->path)
        return pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is longer than %zu bytes", path, sizeof extent->path - 1);
    memcpy(extent->path, path, n + 1);
    return PW_OK;
}

void pw_tiff_source_close(struct pw_source *source)
{
    struct pw_tiff_source *tiff = (struct pw_tiff_source *)source;
    if (tiff == NULL)
        return;
    pw_tiff_cursor_release(&tiff->locator);
    pw_tiff_stack_release(&tiff->stack);
    pw_tiff_index_release(&tiff->index);
    if (tiff->lock_made)
        pthread_mutex_destroy(&tiff->lock);
    if (tiff->fd >= 0)
        (void)close(tiff->fd);
    free(tiff);
}

const char *pw_tiff_source_file(const struct pw_source *source, uint64_t i)
{
    const struct pw_tiff_index *index = &((const struct pw_tiff_source *)source)->index;
    return i < index->n_files ? index->file[i].path : NULL;
}

static const struct pw_source_ops linear_ops = {
    .format = "tiff", .close = pw_tiff_source_close, .file = pw_tiff_source_file};

struct pw_tiff_source *pw_tiff_source_new(const char *path, struct pw_error *error)
{
    struct pw_tiff_source *tiff = pw_alloc(1, sizeof *tiff, error);
    if (tiff == NULL)
        return NULL;
    tiff->fd = tiff->base.linear.fd = -1;
    tiff->base.ops = &linear_ops;
    size_t n = strnlen(path, sizeof tiff->base.path - 1);
    memcpy(tiff->base.path, path, n);
    if (pthread_mutex_init(&tiff->lock, NULL) != 0) {
        (void)pw_fail(error, PW_E_NOMEM, "out of memory for a lock");
        free(tiff);
        return NULL;
    }
    tiff->lock_made = 1;
    return tiff;
}

/* The one file of the image is long enough for all planes. */
static enum pw_status use_linear(struct pw_tiff_source *tiff, struct pw_error *error)
{
    struct pw_source *base = &tiff->base;
    struct stat info;
    if (fstat(tiff->fd, &info) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot tell its size", base->path);
    if (base->linear.file_bytes > (uint64_t)info.st_size)
        return pw_fail(error, PW_E_TRUNCATED, "%s: %llu planes end at byte %llu, the file at %llu", base->path,
                       (unsigned long long)tiff->stack.n_planes, (unsigned long long)base->linear.file_bytes,
                       (unsigned long long)info.st_size);
    base->linear.fd = tiff->fd;
    base->capabilities = PW_SOURCE_LINEAR;
    base->ops = &linear_ops;
    pw_tiff_chunk_rows(tiff);
    return PW_OK;
}

enum pw_status pw_tiff_source_finish(struct pw_tiff_source *tiff, struct pw_error *error)
{
    struct pw_source *base = &tiff->base;
    tiff->locator.shared_fd = tiff->fd;
    base->fill = pw_tiff_nodata_bits(tiff->index.nodata, base->info.dtype);
    if (pw_tiff_linear(&tiff->index, &tiff->stack, &tiff->axes, &base->info, &base->linear))
        return use_linear(tiff, error);
    base->capabilities = tiff->fd < 0 ? PW_SOURCE_CHUNKED | PW_SOURCE_WHOLE : PW_SOURCE_CHUNKED;
    if (tiff->index.plain)
        pw_tiff_use_rows(tiff);
    else
        pw_tiff_use_blocks(tiff);
    return PW_OK;
}
