/*
 * PW_LOAD_ROWS and PW_LOAD_MAP: an uncompressed file, read in stretches straight into the window, or
 * mapped and lent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "sys/file.h"
#include "tile/load_modes.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* A stretch of rows is read in pieces of this size, so that several are under way. */
#define ROW_READ_BYTES ((uint64_t)1 << 20)

#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)

static int rows_are_whole(const struct pw_volume *volume, const struct pw_grid *grid)
{
    return grid->count[X] == 1 && grid->end[X] - grid->start[X] == grid->volume[X] && volume->axis[X] >= 0 &&
           volume->source->linear.stride_bytes[volume->axis[X]] == volume->voxel_bytes;
}

/* Whether the file's bytes can be used as voxels where they are: right byte order, aligned. */
static int can_be_lent(const struct pw_volume *volume)
{
    const struct pw_linear *linear = &volume->source->linear;
    uint64_t misaligned = linear->offset_bytes % volume->voxel_bytes;
    for (int a = 0; a < volume->source->info.rank; a++)
        misaligned |= linear->stride_bytes[a] % volume->voxel_bytes;
    return !linear->swap && misaligned == 0;
}

static uint64_t axis_step(const struct pw_volume *volume, int i)
{
    return volume->axis[i] >= 0 ? volume->source->linear.stride_bytes[volume->axis[i]] : 0;
}

/* Stretches of consecutive bytes that a window of whole rows is made of. */
static uint64_t count_stretches(const struct pw_volume *volume, const uint64_t window[3])
{
    uint64_t row = window[X] * volume->voxel_bytes;
    if (window[Y] > 1 && axis_step(volume, Y) != row)
        return window[Z] * window[Y];
    return window[Z] == 1 || axis_step(volume, Z) == row * window[Y] ? 1 : window[Z];
}

/*
 * The most of a file that a mapped window keeps resident.  The page cache holds large pieces together, and touching one byte of
 * one maps all of it: at either end of every stretch up to a huge page.
 */
static uint64_t mapped_bytes(const struct pw_volume *volume, const uint64_t window[3], uint64_t bytes)
{
    uint64_t around;
    if (!pw_mul_u64(count_stretches(volume, window), 2 * HUGE_PAGE_BYTES, &around) ||
        !pw_add_u64(bytes, around, &bytes))
        return volume->source->linear.file_bytes;
    return pw_min_u64(bytes, volume->source->linear.file_bytes);
}

void pw_plan_linear(struct pw_load_plan *plan, const struct pw_volume *volume, const struct pw_grid *grid,
                    enum pw_io_engine engine)
{
    int stream = (volume->source->capabilities & PW_SOURCE_STREAM) != 0;
    int may_map = engine == PW_IO_MMAP || engine == PW_IO_AUTO;
    uint64_t bytes = plan->window[Z] * plan->window[Y] * plan->window[X] * volume->voxel_bytes * volume->n_channels;
    /* A mapped page brings its neighbours along: lending short stretches would keep far more resident than the window. */
    uint64_t mapped = mapped_bytes(volume, plan->window, bytes);
    int lend = !stream && may_map && volume->n_channels == 1 && rows_are_whole(volume, grid) &&
               mapped - bytes <= pw_max_u64(bytes / 2, 2 * HUGE_PAGE_BYTES);
    plan->mode = lend ? PW_LOAD_MAP : PW_LOAD_ROWS;
    plan->window_bytes = lend && can_be_lent(volume) ? 0 : bytes;
    if (lend)
        plan->mapped_bytes = mapped;
    if (engine == PW_IO_MMAP)
        plan->io_depth = 1; /* a lent stretch is resident until it is copied: one at a time */
}

enum pw_status pw_map_linear(struct pw_loader *loader, struct pw_error *error)
{
    const struct pw_linear *linear = &loader->volume->source->linear;
    size_t bytes;
    if (!pw_to_size(linear->file_bytes, &bytes))
        return pw_fail(error, PW_E_RANGE, "%s: too large to map", loader->volume->source->path);
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, linear->fd, 0);
    if (map == MAP_FAILED)
        return pw_fail_errno(error, PW_E_NOMEM, errno, "%s: cannot map %zu bytes; use --io sync",
                             loader->volume->source->path, bytes);
    loader->map = map;
    loader->map_bytes = bytes;
    return PW_OK;
}

/* Offset in the file of the window's voxel z, y and first x of a channel. */
static uint64_t row_offset(const struct pw_volume *volume, const struct pw_box *window, uint32_t channel, uint64_t z,
                           uint64_t y)
{
    const struct pw_linear *linear = &volume->source->linear;
    struct pw_region region;
    struct pw_box at = {{window->start[Z] + z, window->start[Y] + y, window->start[X]}, {1, 1, 1}};
    uint64_t offset = linear->offset_bytes;
    pw_volume_region_of(volume, &at, channel, &region);
    for (int a = 0; a < region.rank; a++)
        offset += region.start[a] * linear->stride_bytes[a];
    return offset;
}

/* Bytes in the file from a row's first voxel to the end of its last. */
static uint64_t row_span(const struct pw_volume *volume, const struct pw_box *window)
{
    uint64_t step = volume->source->linear.stride_bytes[volume->axis[X]];
    return (window->shape[X] - 1) * step + volume->voxel_bytes;
}

/* First byte and end of everything that a channel of the window touches. */
static void channel_range(const struct pw_volume *volume, const struct pw_box *window, uint32_t channel,
                          uint64_t *first, uint64_t *end)
{
    *first = row_offset(volume, window, channel, 0, 0);
    *end = row_offset(volume, window, channel, window->shape[Z] - 1, window->shape[Y] - 1) + row_span(volume, window);
    if (*end < *first) { /* negative strides do not occur; an axis order with x slowest does */
        uint64_t swap = *first;
        *first = *end;
        *end = swap;
    }
}

/* The same of all channels. */
static void window_range(const struct pw_volume *volume, const struct pw_box *window, uint64_t *first, uint64_t *end)
{
    channel_range(volume, window, 0, first, end);
    for (uint32_t channel = 1; channel < volume->n_channels; channel++) {
        uint64_t own_first, own_end;
        channel_range(volume, window, channel, &own_first, &own_end);
        *first = pw_min_u64(*first, own_first);
        *end = pw_max_u64(*end, own_end);
    }
}

/*
 * The data and the hole of a sparse file around the offset asked last.  Holes read as zeros, and a system that
 * reads them fills its cache with pages of nothing.
 */
struct extents {
    const struct pw_linear *linear;
    uint64_t from;      /* what follows holds for offsets from here on */
    uint64_t next_data; /* [from, next_data) is a hole */
    uint64_t data_end;  /* [next_data, data_end) is data */
};

static void find_extents(struct extents *extents, uint64_t offset)
{
    off_t data = lseek(extents->linear->fd, (off_t)offset, SEEK_DATA);
    off_t hole = data < 0 ? -1 : lseek(extents->linear->fd, data, SEEK_HOLE);
    extents->from = offset;
    if (data < 0) {
        /* ENXIO: a hole up to the end of the file; anything else: a file system that cannot tell. */
        extents->next_data = errno == ENXIO ? extents->linear->file_bytes : offset;
        extents->data_end = errno == ENXIO ? extents->next_data : UINT64_MAX;
    } else {
        extents->next_data = (uint64_t)data;
        extents->data_end = hole < 0 ? UINT64_MAX : (uint64_t)hole;
    }
}

/* Whether [offset, end) is a hole. */
static int is_hole(struct extents *extents, uint64_t offset, uint64_t end)
{
    if (offset < extents->from || offset >= extents->data_end)
        find_extents(extents, offset);
    return end <= extents->next_data;
}

static void gather_row(unsigned char *out, const unsigned char *in, uint64_t n, uint64_t step, size_t bytes)
{
    for (uint64_t i = 0; i < n; i++, in += step, out += bytes)
        memcpy(out, in, bytes);
}

/* One read per stretch of consecutive bytes, of bounded size, io_depth of them under way. */
struct row_reader {
    struct pw_loader *loader;
    struct extents extents;
    uint64_t n_read; /* bytes that were not in a hole */
    unsigned used;   /* reads handed out; beyond io_depth they are reused as they complete */
};

static struct pw_read *take_read(struct row_reader *reader, enum pw_status *status, struct pw_error *error)
{
    struct pw_loader *loader = reader->loader;
    if (reader->used < loader->plan.io_depth)
        return &loader->rows[reader->used++];
    struct pw_read *read = pw_io_wait(loader->io);
    const char *path = loader->volume->source->path;
    if (*status == PW_OK && read->sys_errno != 0)
        *status = pw_fail_errno(error, PW_E_IO, read->sys_errno, "%s: cannot read at offset %llu", path,
                                (unsigned long long)read->offset);
    else if (*status == PW_OK && read->got < read->length)
        *status = pw_fail(error, PW_E_TRUNCATED, "%s: ends at offset %llu; it was longer when it was opened", path,
                          (unsigned long long)(read->offset + read->got));
    if (read->data != read->buffer && *status == PW_OK)
        memcpy(read->buffer, read->data, read->got); /* an engine that lends its mapping */
    pw_io_done(loader->io, read);
    return read;
}

static void read_stretch(struct row_reader *reader, uint64_t offset, unsigned char *out, uint64_t bytes,
                         enum pw_status *status, struct pw_error *error)
{
    int sparse = !(reader->loader->volume->source->capabilities & PW_SOURCE_STREAM);
    while (bytes > 0 && *status == PW_OK) {
        uint64_t n = pw_min_u64(bytes, ROW_READ_BYTES);
        if (sparse && is_hole(&reader->extents, offset, offset + n)) {
            memset(out, 0, (size_t)n);
            offset += n;
            out += n;
            bytes -= n;
            continue;
        }
        struct pw_read *read = take_read(reader, status, error);
        memset(read, 0, sizeof *read);
        read->fd = reader->loader->volume->source->linear.fd;
        read->offset = offset;
        read->length = (size_t)n;
        read->buffer = out;
        read->tag = reader;
        pw_io_submit(reader->loader->io, read);
        reader->n_read += n;
        offset += n;
        out += n;
        bytes -= n;
    }
}

static enum pw_status drain(struct row_reader *reader, enum pw_status status, struct pw_error *error)
{
    unsigned n = reader->used;
    reader->used = reader->loader->plan.io_depth; /* from here take_read() only waits */
    for (unsigned i = 0; i < n; i++)
        (void)take_read(reader, &status, error);
    return status;
}

static uint64_t slot_channel_bytes(const struct pw_volume *volume, const struct pw_slot *slot)
{
    return pw_box_voxels(&slot->window) * volume->voxel_bytes;
}

/* Rows whose voxels stand apart in the file (interleaved samples): read the span, pick the voxels. */
static enum pw_status read_spaced_rows(struct pw_loader *loader, struct pw_slot *slot, uint32_t channel,
                                       struct pw_error *error)
{
    const struct pw_volume *volume = loader->volume;
    const struct pw_linear *linear = &volume->source->linear;
    const struct pw_box *w = &slot->window;
    unsigned char *out = (unsigned char *)slot->dense + channel * slot_channel_bytes(volume, slot);
    uint64_t step = axis_step(volume, X), span = row_span(volume, w);
    void *row = pw_alloc(span, 1, error);
    if (row == NULL)
        return PW_E_NOMEM;
    enum pw_status status = PW_OK;
    for (uint64_t z = 0; z < w->shape[Z] && status == PW_OK; z++)
        for (uint64_t y = 0; y < w->shape[Y] && status == PW_OK; y++) {
            status = pw_file_read_exactly(linear->fd, row, (size_t)span, row_offset(volume, w, channel, z, y),
                                          volume->source->path, error);
            gather_row(out, row, w->shape[X], step, volume->voxel_bytes);
            out += w->shape[X] * volume->voxel_bytes;
        }
    free(row);
    return status;
}

static enum pw_status read_rows(struct pw_loader *loader, struct pw_slot *slot, uint32_t channel,
                                struct pw_error *error)
{
    const struct pw_volume *volume = loader->volume;
    const struct pw_box *w = &slot->window;
    uint64_t row = w->shape[X] * volume->voxel_bytes;
    unsigned char *out = (unsigned char *)slot->dense + channel * slot_channel_bytes(volume, slot);
    if (axis_step(volume, X) != volume->voxel_bytes)
        return read_spaced_rows(loader, slot, channel, error);
    int whole_planes = axis_step(volume, Y) == row;
    int whole_block = whole_planes && (w->shape[Z] == 1 || axis_step(volume, Z) == row * w->shape[Y]);
    struct row_reader reader = {.loader = loader, .extents = {.linear = &volume->source->linear}};
    enum pw_status status = PW_OK;
    if (whole_block) {
        read_stretch(&reader, row_offset(volume, w, channel, 0, 0), out, row * w->shape[Y] * w->shape[Z], &status,
                     error);
        slot->stored_read += reader.n_read;
        return drain(&reader, status, error);
    }
    for (uint64_t z = 0; z < w->shape[Z] && status == PW_OK; z++) {
        if (whole_planes)
            read_stretch(&reader, row_offset(volume, w, channel, z, 0), out + z * w->shape[Y] * row, row * w->shape[Y],
                         &status, error);
        else
            for (uint64_t y = 0; y < w->shape[Y] && status == PW_OK; y++)
                read_stretch(&reader, row_offset(volume, w, channel, z, y), out + (z * w->shape[Y] + y) * row, row,
                             &status, error);
    }
    slot->stored_read += reader.n_read;
    return drain(&reader, status, error);
}

enum pw_status pw_begin_linear(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error)
{
    const struct pw_volume *volume = loader->volume;
    struct pw_source *source = volume->source;
    uint64_t first, end;
    window_range(volume, &slot->window, &first, &end);
    if (source->capabilities & PW_SOURCE_STREAM) {
        enum pw_status status = source->ops->await(source, end, error);
        if (status != PW_OK)
            return status;
    } else {
        struct extents extents = {.linear = &source->linear};
        slot->constant = is_hole(&extents, first, end);
        if (slot->constant)
            return PW_OK;
    }
    slot->stored_read = 0;
    enum pw_status status = PW_OK;
    for (uint32_t channel = 0; channel < volume->n_channels && loader->plan.mode == PW_LOAD_ROWS; channel++)
        if (status == PW_OK)
            status = read_rows(loader, slot, channel, error);
    if (loader->plan.mode == PW_LOAD_ROWS)
        return status;
    slot->stored_read = slot_channel_bytes(volume, slot);
    if (rows_are_whole(volume, loader->grid)) {
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        uint64_t start = first / page * page;
        (void)madvise((char *)loader->map + start, (size_t)(end - start), MADV_WILLNEED);
    }
    return PW_OK;
}

/* Copies the mapped window into the slot, for files whose bytes cannot be lent as they are. */
static void copy_mapped(struct pw_loader *loader, struct pw_slot *slot)
{
    const struct pw_volume *volume = loader->volume;
    const struct pw_box *w = &slot->window;
    unsigned char *out = slot->dense;
    for (uint64_t z = 0; z < w->shape[Z]; z++)
        for (uint64_t y = 0; y < w->shape[Y]; y++) {
            gather_row(out, (const unsigned char *)loader->map + row_offset(volume, w, 0, z, y), w->shape[X],
                       axis_step(volume, X), volume->voxel_bytes);
            out += w->shape[X] * volume->voxel_bytes;
        }
}

void pw_finish_linear(struct pw_loader *loader, struct pw_slot *slot)
{
    const struct pw_volume *volume = loader->volume;
    if (slot->constant)
        return;
    if (loader->plan.mode == PW_LOAD_MAP && loader->plan.window_bytes == 0) {
        slot->voxels = (const char *)loader->map + row_offset(volume, &slot->window, 0, 0, 0);
        for (int i = 0; i < 3; i++)
            slot->stride_bytes[i] = (size_t)axis_step(volume, i);
        return;
    }
    if (loader->plan.mode == PW_LOAD_MAP)
        copy_mapped(loader, slot);
    if (volume->source->linear.swap)
        pw_swap_bytes(slot->dense, (size_t)(pw_box_voxels(&slot->window) * volume->n_channels), volume->voxel_bytes);
}

void pw_release_linear(struct pw_loader *loader, struct pw_slot *slot)
{
    uint64_t first, end, page = (uint64_t)sysconf(_SC_PAGESIZE);
    window_range(loader->volume, &slot->window, &first, &end);
    first = first / page * page;
    /* The pages stay in the system's cache; this process no longer counts them. */
    (void)madvise((char *)loader->map + first, (size_t)(end - first), MADV_DONTNEED);
}
