#include "tile/loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "sys/file.h"

enum { Z = 0, Y = 1, X = 2 };

/* A stretch of rows is read in pieces of this size, so that several are under way. */
#define ROW_READ_BYTES ((uint64_t)1 << 20)

/* ---- plan ------------------------------------------------------------- */

/* The most chunks of extent chunk that a window of that extent, moving in steps of tile, can touch on an axis. */
static uint64_t chunks_touched(uint64_t volume, uint64_t tile, uint64_t halo, uint64_t chunk)
{
    uint64_t most = 0;
    uint64_t tiles = pw_ceil_div(volume, tile);
    /* The pattern repeats after chunk tiles at the latest; looking at more would tell nothing new. */
    for (uint64_t t = 0; t < tiles && t <= chunk + 1; t++) {
        uint64_t start = t * tile, end = pw_min_u64(start + tile, volume);
        start -= pw_min_u64(halo, start);
        end = pw_min_u64(end + halo, volume);
        most = pw_max_u64(most, (end - 1) / chunk - start / chunk + 1);
    }
    return most;
}

/*
 * Tiles come in raster order: between two tiles that share a chunk along the slowest
 * axis that shares any, every chunk along the faster axes passes by.
 */
uint32_t pw_load_plan_useful_chunks(const struct pw_volume *volume, const struct pw_grid *grid)
{
    uint64_t count = 1;
    int shares = 0;
    if (!(volume->source->capabilities & PW_SOURCE_CHUNKED))
        return 0;
    for (int i = 0; i < 3; i++) {
        uint64_t chunk = volume->chunk[i];
        uint64_t n = shares ? pw_ceil_div(grid->volume[i], chunk)
                            : chunks_touched(grid->volume[i], grid->tile[i], grid->halo[i], chunk);
        shares |= grid->count[i] > 1 && (grid->halo[i] > 0 || grid->tile[i] % chunk != 0);
        if (!pw_mul_u64(count, n, &count))
            return UINT32_MAX;
    }
    return shares ? (uint32_t)pw_min_u64(count + 1, UINT32_MAX) : 0;
}

static int rows_are_whole(const struct pw_volume *volume, const struct pw_grid *grid)
{
    return grid->count[X] == 1 && volume->axis[X] >= 0 &&
           volume->source->linear.stride_bytes[volume->axis[X]] == volume->voxel_bytes;
}

static void plan_linear(struct pw_load_plan *plan, const struct pw_volume *volume, const struct pw_grid *grid,
                        enum pw_io_engine engine)
{
    const struct pw_linear *linear = &volume->source->linear;
    int stream = (volume->source->capabilities & PW_SOURCE_STREAM) != 0;
    uint64_t voxels = plan->window[Z] * plan->window[Y] * plan->window[X];
    /* A page brings its neighbours along: lending narrow rows keeps far more resident than the window. */
    int lend = !stream && (engine == PW_IO_MMAP || (engine == PW_IO_AUTO && rows_are_whole(volume, grid)));
    plan->mode = lend ? PW_LOAD_MAP : PW_LOAD_ROWS;
    if (lend) {
        uint64_t x_step = linear->stride_bytes[volume->axis[X]];
        uint64_t row = plan->window[X] * x_step + (rows_are_whole(volume, grid) ? 0 : (uint64_t)128 << 10);
        plan->mapped_bytes = plan->window[Z] * plan->window[Y] * row + ((uint64_t)256 << 10);
        plan->window_bytes = linear->swap || x_step != volume->voxel_bytes ? voxels * volume->voxel_bytes : 0;
    } else {
        plan->window_bytes = voxels * volume->voxel_bytes;
    }
}

enum pw_status pw_load_plan_init(struct pw_load_plan *plan, const struct pw_volume *volume, const struct pw_grid *grid,
                                 enum pw_io_engine engine, uint32_t cached_chunks, struct pw_error *error)
{
    memset(plan, 0, sizeof *plan);
    plan->engine = engine;
    plan->io_depth = 32;
    pw_grid_window_max(grid, plan->window);
    if (volume->source->capabilities & PW_SOURCE_LINEAR) {
        plan_linear(plan, volume, grid, engine);
        return PW_OK;
    }
    uint64_t touched[3], chunks = UINT64_MAX;
    for (int i = 0; i < 3; i++)
        touched[i] = chunks_touched(grid->volume[i], grid->tile[i], grid->halo[i], volume->chunk[i]);
    plan->mode = PW_LOAD_CHUNKS;
    plan->window_bytes = plan->window[Z] * plan->window[Y] * plan->window[X] * volume->voxel_bytes;
    if (!pw_product_u64(touched, 3, &chunks) || chunks > (uint32_t)1 << 24 ||
        !pw_mul_u64(chunks, volume->source->stored_bytes_max, &plan->stored_bytes))
        return pw_fail(error, PW_E_BUDGET, "a tile touches %llu chunks; use a smaller tile",
                       (unsigned long long)chunks);
    plan->chunks_per_tile = (uint32_t)chunks;
    uint32_t useful = pw_load_plan_useful_chunks(volume, grid);
    plan->cached_chunks = cached_chunks < useful ? cached_chunks : useful;
    return PW_OK;
}

uint64_t pw_loader_memory_bytes(const struct pw_load_plan *plan, const struct pw_volume *volume)
{
    uint64_t bytes = pw_io_memory_bytes(plan->engine, plan->io_depth);
    if (plan->cached_chunks > 0)
        bytes += pw_chunk_cache_memory_bytes(plan->cached_chunks, pw_source_chunk_bytes(volume->source));
    if (plan->mode == PW_LOAD_ROWS)
        bytes += plan->io_depth * sizeof(struct pw_read);
    return bytes;
}

uint64_t pw_load_scratch_memory_bytes(const struct pw_load_plan *plan, const struct pw_volume *volume)
{
    const struct pw_source *source = volume->source;
    if (plan->mode != PW_LOAD_CHUNKS)
        return 0;
    return pw_source_chunk_bytes(source) +
           (source->ops->decoder_memory_bytes != NULL ? source->ops->decoder_memory_bytes(source) : 0);
}

uint64_t pw_slot_memory_bytes(const struct pw_load_plan *plan, uint64_t least_bytes)
{
    return pw_max_u64(plan->window_bytes + plan->stored_bytes, least_bytes) + plan->mapped_bytes +
           plan->chunks_per_tile * sizeof(struct pw_chunk_use);
}

/* ---- making and freeing ----------------------------------------------- */

enum pw_status pw_slot_init(struct pw_slot *slot, const struct pw_load_plan *plan, uint64_t least_bytes,
                            struct pw_error *error)
{
    memset(slot, 0, sizeof *slot);
    slot->use = pw_alloc(plan->chunks_per_tile, sizeof *slot->use, error);
    if (slot->use == NULL)
        return PW_E_NOMEM;
    return pw_buffer_init(&slot->memory, pw_max_u64(plan->window_bytes + plan->stored_bytes, least_bytes), "tile slot",
                          error);
}

void pw_slot_destroy(struct pw_slot *slot)
{
    pw_buffer_release(&slot->memory);
    free(slot->use);
    slot->use = NULL;
}

static enum pw_status map_file(struct pw_loader *loader, struct pw_error *error)
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

enum pw_status pw_loader_init(struct pw_loader *loader, const struct pw_volume *volume, const struct pw_grid *grid,
                              const struct pw_load_plan *plan, struct pw_error *error)
{
    memset(loader, 0, sizeof *loader);
    loader->volume = volume;
    loader->grid = grid;
    loader->plan = *plan;
    enum pw_status status = pw_io_open(plan->engine, plan->io_depth, &loader->io, error);
    if (status == PW_OK && plan->mode == PW_LOAD_MAP)
        status = map_file(loader, error);
    if (status == PW_OK && plan->mode == PW_LOAD_ROWS) {
        loader->rows = pw_alloc(plan->io_depth, sizeof *loader->rows, error);
        status = loader->rows != NULL ? PW_OK : PW_E_NOMEM;
    }
    if (status == PW_OK && plan->cached_chunks > 0)
        status = pw_chunk_cache_new(plan->cached_chunks, pw_source_chunk_bytes(volume->source), &loader->cache, error);
    if (status != PW_OK)
        pw_loader_destroy(loader);
    return status;
}

void pw_loader_destroy(struct pw_loader *loader)
{
    pw_io_close(loader->io);
    pw_chunk_cache_free(loader->cache);
    if (loader->map != NULL)
        (void)munmap(loader->map, loader->map_bytes);
    free(loader->rows);
    memset(loader, 0, sizeof *loader);
}

enum pw_status pw_load_scratch_init(struct pw_load_scratch *scratch, const struct pw_loader *loader,
                                    struct pw_error *error)
{
    struct pw_source *source = loader->volume->source;
    memset(scratch, 0, sizeof *scratch);
    if (loader->plan.mode != PW_LOAD_CHUNKS)
        return PW_OK;
    if (source->ops->decoder_new != NULL) {
        enum pw_status status = source->ops->decoder_new(source, &scratch->decoder, error);
        if (status != PW_OK)
            return status;
    }
    return pw_buffer_init(&scratch->chunk, pw_source_chunk_bytes(source), "chunk buffer", error);
}

void pw_load_scratch_destroy(struct pw_load_scratch *scratch, const struct pw_loader *loader)
{
    if (scratch->decoder != NULL)
        loader->volume->source->ops->decoder_free(scratch->decoder);
    pw_buffer_release(&scratch->chunk);
    memset(scratch, 0, sizeof *scratch);
}

/* ---- stored chunks ---------------------------------------------------- */

static uint64_t chunk_key(const struct pw_source *source, const uint64_t *index)
{
    uint64_t key = 0;
    for (int a = 0; a < source->info.rank; a++)
        key = key * pw_ceil_div(source->info.shape[a], source->info.chunk[a]) + index[a];
    return key;
}

static enum pw_status fetch_chunk(struct pw_loader *loader, struct pw_slot *slot, struct pw_chunk_use *use,
                                  uint32_t number, struct pw_error *error)
{
    struct pw_source *source = loader->volume->source;
    struct pw_extent extent;
    enum pw_status status = source->ops->locate(source, use->index, &extent, error);
    if (status == PW_EMPTY) {
        use->empty = 1;
        return PW_OK;
    }
    if (status != PW_OK)
        return status;
    if (extent.length > source->stored_bytes_max)
        return pw_fail(error, PW_E_FORMAT, "%s: a chunk of %llu stored bytes, at most %llu can be right", source->path,
                       (unsigned long long)extent.length, (unsigned long long)source->stored_bytes_max);
    struct pw_read *read = &use->read;
    memset(read, 0, sizeof *read);
    read->fd = extent.fd;
    read->path = extent.fd < 0 ? extent.path : NULL;
    read->offset = extent.offset;
    read->length = (size_t)(extent.length != 0 ? extent.length : source->stored_bytes_max);
    read->buffer = (char *)slot->memory.data + loader->plan.window_bytes + number * source->stored_bytes_max;
    read->tag = slot;
    use->fetched = 1;
    slot->pending++;
    pw_io_submit(loader->io, read);
    read->path = NULL; /* the engine has opened it; extent is gone after this call */
    return PW_OK;
}

static enum pw_status begin_chunks(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error)
{
    const struct pw_source *source = loader->volume->source;
    struct pw_region region;
    uint64_t first[PW_MAX_RANK], index[PW_MAX_RANK], last[PW_MAX_RANK];
    pw_volume_region(loader->volume, &slot->window, &region);
    for (int a = 0; a < region.rank; a++) {
        first[a] = index[a] = region.start[a] / source->info.chunk[a];
        last[a] = (region.start[a] + region.shape[a] - 1) / source->info.chunk[a];
    }
    slot->n_uses = 0;
    for (;;) {
        struct pw_chunk_use *use = &slot->use[slot->n_uses];
        memset(use, 0, sizeof *use);
        memcpy(use->index, index, sizeof index);
        enum pw_claim claim = PW_CLAIM_FULL;
        if (loader->cache != NULL) {
            claim = pw_chunk_cache_claim(loader->cache, chunk_key(source, index), &use->entry);
            use->cached = claim != PW_CLAIM_FULL;
        }
        slot->n_uses++;
        if (claim != PW_CLAIM_SHARED) {
            enum pw_status status = fetch_chunk(loader, slot, use, slot->n_uses - 1, error);
            if (status != PW_OK) {
                if (use->cached)
                    pw_chunk_cache_publish(loader->cache, use->entry, PW_CHUNK_FAILED);
                return status;
            }
            if (use->empty && use->cached)
                pw_chunk_cache_publish(loader->cache, use->entry, PW_CHUNK_EMPTY);
        }
        int a = region.rank - 1;
        for (; a >= 0; a--) {
            if (++index[a] <= last[a])
                break;
            index[a] = first[a];
        }
        if (a < 0)
            return PW_OK;
    }
}

/* The status of a completed read: missing file, failed, or done. */
static enum pw_status read_status(const struct pw_source *source, const struct pw_chunk_use *use,
                                  struct pw_error *error)
{
    if (use->read.sys_errno == 0)
        return PW_OK;
    if (use->read.sys_errno == ENOENT)
        return PW_EMPTY;
    struct pw_extent extent;
    struct pw_source *located = (struct pw_source *)(uintptr_t)source;
    const char *path = source->path;
    if (source->ops->locate(located, use->index, &extent, NULL) == PW_OK && extent.fd < 0)
        path = extent.path;
    if (use->read.sys_errno == EFBIG)
        return pw_fail(error, PW_E_FORMAT, "%s: more than %llu bytes, too many for one chunk", path,
                       (unsigned long long)source->stored_bytes_max);
    return pw_fail_errno(error, PW_E_IO, use->read.sys_errno, "%s: cannot read", path);
}

/* Decodes a chunk that this tile has read: into the cache, the window itself, or the scratch chunk. */
static enum pw_status decode_use(struct pw_loader *loader, struct pw_slot *slot, struct pw_chunk_use *use,
                                 struct pw_load_scratch *scratch, struct pw_error *error)
{
    struct pw_source *source = loader->volume->source;
    struct pw_region region;
    pw_source_chunk_region(source, use->index, &region);
    int into_window = !use->cached && pw_volume_chunk_is_window(loader->volume, &region, &slot->window);
    void *target = use->cached    ? pw_chunk_cache_buffer(loader->cache, use->entry)
                   : into_window  ? slot->memory.data
                                  : scratch->chunk.data;
    enum pw_status status = read_status(source, use, error);
    if (status == PW_OK)
        status = source->ops->decode(source, scratch->decoder, use->index, use->read.data, use->read.got, target, error);
    slot->stored_read += use->read.got;
    pw_io_done(loader->io, &use->read);
    use->fetched = 0;
    use->empty = status == PW_EMPTY;
    if (use->cached)
        pw_chunk_cache_publish(loader->cache, use->entry,
                               status == PW_OK      ? PW_CHUNK_READY
                               : status == PW_EMPTY ? PW_CHUNK_EMPTY
                                                    : PW_CHUNK_FAILED);
    else if (status == PW_OK && !into_window)
        pw_volume_copy_chunk(loader->volume, &region, target, &slot->window, slot->memory.data);
    return status < 0 ? status : PW_OK;
}

/* Takes a cached chunk's voxels into the window. */
static enum pw_status copy_cached(struct pw_loader *loader, struct pw_slot *slot, struct pw_chunk_use *use,
                                  struct pw_error *error)
{
    enum pw_chunk_state state = pw_chunk_cache_await(loader->cache, use->entry);
    if (state == PW_CHUNK_FAILED)
        return pw_fail(error, PW_E_IO, "%s: a chunk of tile %llu could not be read", loader->volume->source->path,
                       (unsigned long long)slot->tile);
    use->empty = state == PW_CHUNK_EMPTY;
    if (!use->empty) {
        struct pw_region region;
        pw_source_chunk_region(loader->volume->source, use->index, &region);
        pw_volume_copy_chunk(loader->volume, &region, pw_chunk_cache_buffer(loader->cache, use->entry), &slot->window,
                             slot->memory.data);
    }
    return PW_OK;
}

static void fill_empty(struct pw_loader *loader, struct pw_slot *slot)
{
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < slot->n_uses; i++)
        n_empty += (uint32_t)slot->use[i].empty;
    slot->constant = n_empty == slot->n_uses;
    for (uint32_t i = 0; i < slot->n_uses && !slot->constant; i++)
        if (slot->use[i].empty) {
            struct pw_region region;
            pw_source_chunk_region(loader->volume->source, slot->use[i].index, &region);
            pw_volume_fill_chunk(loader->volume, &region, &slot->window, slot->memory.data);
        }
}

static enum pw_status finish_chunks(struct pw_loader *loader, struct pw_slot *slot, struct pw_load_scratch *scratch,
                                    struct pw_error *error)
{
    enum pw_status status = PW_OK;
    /* Everything that is ours is published before anything of others is waited for; see chunk_cache.h. */
    for (uint32_t i = 0; i < slot->n_uses; i++)
        if (slot->use[i].fetched) {
            enum pw_status s = decode_use(loader, slot, &slot->use[i], scratch, status == PW_OK ? error : NULL);
            if (status == PW_OK)
                status = s;
        }
    for (uint32_t i = 0; i < slot->n_uses; i++) {
        struct pw_chunk_use *use = &slot->use[i];
        if (!use->cached)
            continue;
        if (status == PW_OK)
            status = copy_cached(loader, slot, use, error);
        pw_chunk_cache_release(loader->cache, use->entry);
        use->cached = 0;
    }
    if (status == PW_OK)
        fill_empty(loader, slot);
    return status;
}

/* ---- uncompressed files ----------------------------------------------- */

/* Offset in the file of the window's voxel z, y and first x. */
static uint64_t row_offset(const struct pw_volume *volume, const struct pw_box *window, uint64_t z, uint64_t y)
{
    const struct pw_linear *linear = &volume->source->linear;
    struct pw_region region;
    struct pw_box at = {{window->start[Z] + z, window->start[Y] + y, window->start[X]}, {1, 1, 1}};
    uint64_t offset = linear->offset_bytes;
    pw_volume_region(volume, &at, &region);
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

static uint64_t axis_step(const struct pw_volume *volume, int i)
{
    return volume->axis[i] >= 0 ? volume->source->linear.stride_bytes[volume->axis[i]] : 0;
}

/* First byte and end of everything the window touches. */
static void window_range(const struct pw_volume *volume, const struct pw_box *window, uint64_t *first, uint64_t *end)
{
    *first = row_offset(volume, window, 0, 0);
    *end = row_offset(volume, window, window->shape[Z] - 1, window->shape[Y] - 1) + row_span(volume, window);
    if (*end < *first) { /* negative strides do not occur; an axis order with x slowest does */
        uint64_t swap = *first;
        *first = *end;
        *end = swap;
    }
}

/* Whether the range is a hole of a sparse file, which reads as zeros. */
static int is_hole(const struct pw_linear *linear, uint64_t first, uint64_t end)
{
    off_t data = lseek(linear->fd, (off_t)first, SEEK_DATA);
    return data < 0 ? errno == ENXIO && end <= linear->file_bytes : (uint64_t)data >= end;
}

static void gather_row(unsigned char *out, const unsigned char *in, uint64_t n, uint64_t step, size_t bytes)
{
    for (uint64_t i = 0; i < n; i++, in += step, out += bytes)
        memcpy(out, in, bytes);
}

/* One read per stretch of consecutive bytes, of bounded size, io_depth of them under way. */
struct row_reader {
    struct pw_loader *loader;
    unsigned used; /* reads handed out; beyond io_depth they are reused as they complete */
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
    while (bytes > 0 && *status == PW_OK) {
        uint64_t n = pw_min_u64(bytes, ROW_READ_BYTES);
        struct pw_read *read = take_read(reader, status, error);
        memset(read, 0, sizeof *read);
        read->fd = reader->loader->volume->source->linear.fd;
        read->offset = offset;
        read->length = (size_t)n;
        read->buffer = out;
        read->tag = reader;
        pw_io_submit(reader->loader->io, read);
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

/* Rows whose voxels stand apart in the file (interleaved samples): read the span, pick the voxels. */
static enum pw_status read_spaced_rows(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error)
{
    const struct pw_volume *volume = loader->volume;
    const struct pw_linear *linear = &volume->source->linear;
    const struct pw_box *w = &slot->window;
    unsigned char *out = slot->memory.data;
    uint64_t step = axis_step(volume, X), span = row_span(volume, w);
    void *row = pw_alloc(span, 1, error);
    if (row == NULL)
        return PW_E_NOMEM;
    enum pw_status status = PW_OK;
    for (uint64_t z = 0; z < w->shape[Z] && status == PW_OK; z++)
        for (uint64_t y = 0; y < w->shape[Y] && status == PW_OK; y++) {
            status = pw_file_read_exactly(linear->fd, row, (size_t)span, row_offset(volume, w, z, y),
                                          volume->source->path, error);
            gather_row(out, row, w->shape[X], step, volume->voxel_bytes);
            out += w->shape[X] * volume->voxel_bytes;
        }
    free(row);
    return status;
}

static enum pw_status read_rows(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error)
{
    const struct pw_volume *volume = loader->volume;
    const struct pw_box *w = &slot->window;
    uint64_t row = w->shape[X] * volume->voxel_bytes;
    unsigned char *out = slot->memory.data;
    if (axis_step(volume, X) != volume->voxel_bytes)
        return read_spaced_rows(loader, slot, error);
    int whole_planes = axis_step(volume, Y) == row;
    int whole_block = whole_planes && (w->shape[Z] == 1 || axis_step(volume, Z) == row * w->shape[Y]);
    struct row_reader reader = {loader, 0};
    enum pw_status status = PW_OK;
    if (whole_block) {
        read_stretch(&reader, row_offset(volume, w, 0, 0), out, row * w->shape[Y] * w->shape[Z], &status, error);
        return drain(&reader, status, error);
    }
    for (uint64_t z = 0; z < w->shape[Z] && status == PW_OK; z++) {
        if (whole_planes)
            read_stretch(&reader, row_offset(volume, w, z, 0), out + z * w->shape[Y] * row, row * w->shape[Y], &status,
                         error);
        else
            for (uint64_t y = 0; y < w->shape[Y] && status == PW_OK; y++)
                read_stretch(&reader, row_offset(volume, w, z, y), out + (z * w->shape[Y] + y) * row, row, &status,
                             error);
    }
    return drain(&reader, status, error);
}

static enum pw_status begin_linear(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error)
{
    const struct pw_volume *volume = loader->volume;
    struct pw_source *source = volume->source;
    uint64_t first, end;
    window_range(volume, &slot->window, &first, &end);
    if (source->capabilities & PW_SOURCE_STREAM) {
        enum pw_status status = source->ops->await(source, end, error);
        if (status != PW_OK)
            return status;
    } else if (is_hole(&source->linear, first, end)) {
        slot->constant = 1;
        return PW_OK;
    }
    slot->stored_read = pw_box_voxels(&slot->window) * volume->voxel_bytes;
    if (loader->plan.mode == PW_LOAD_ROWS)
        return read_rows(loader, slot, error);
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
    unsigned char *out = slot->memory.data;
    for (uint64_t z = 0; z < w->shape[Z]; z++)
        for (uint64_t y = 0; y < w->shape[Y]; y++) {
            gather_row(out, (const unsigned char *)loader->map + row_offset(volume, w, z, y), w->shape[X],
                       axis_step(volume, X), volume->voxel_bytes);
            out += w->shape[X] * volume->voxel_bytes;
        }
}

static void finish_linear(struct pw_loader *loader, struct pw_slot *slot)
{
    const struct pw_volume *volume = loader->volume;
    if (slot->constant)
        return;
    if (loader->plan.mode == PW_LOAD_MAP && loader->plan.window_bytes == 0) {
        slot->voxels = (const char *)loader->map + row_offset(volume, &slot->window, 0, 0);
        for (int i = 0; i < 3; i++)
            slot->stride_bytes[i] = (size_t)axis_step(volume, i);
        return;
    }
    if (loader->plan.mode == PW_LOAD_MAP)
        copy_mapped(loader, slot);
    if (volume->source->linear.swap)
        pw_swap_bytes(slot->memory.data, (size_t)pw_box_voxels(&slot->window), volume->voxel_bytes);
}

/* ---- both ------------------------------------------------------------- */

enum pw_status pw_loader_begin(struct pw_loader *loader, struct pw_slot *slot, uint64_t tile, struct pw_error *error)
{
    slot->sequence = loader->sequence++;
    slot->tile = tile;
    slot->window = pw_grid_window(loader->grid, tile);
    slot->pending = 0;
    slot->n_uses = 0;
    slot->constant = 0;
    slot->stored_read = 0;
    slot->record_bytes = 0;
    slot->voxels = NULL;
    if (loader->plan.mode == PW_LOAD_CHUNKS)
        return begin_chunks(loader, slot, error);
    return begin_linear(loader, slot, error);
}

int pw_loader_reap(struct pw_loader *loader)
{
    if (loader->plan.mode != PW_LOAD_CHUNKS)
        return 0;
    struct pw_read *read = pw_io_wait(loader->io);
    if (read == NULL)
        return 0;
    struct pw_slot *slot = read->tag;
    slot->pending--;
    return 1;
}

static void set_dense(struct pw_slot *slot, size_t voxel_bytes)
{
    slot->voxels = slot->memory.data;
    slot->stride_bytes[X] = voxel_bytes;
    slot->stride_bytes[Y] = (size_t)slot->window.shape[X] * voxel_bytes;
    slot->stride_bytes[Z] = (size_t)slot->window.shape[Y] * slot->stride_bytes[Y];
}

enum pw_status pw_loader_finish(struct pw_loader *loader, struct pw_slot *slot, struct pw_load_scratch *scratch,
                                struct pw_error *error)
{
    set_dense(slot, loader->volume->voxel_bytes);
    if (loader->plan.mode == PW_LOAD_CHUNKS)
        return finish_chunks(loader, slot, scratch, error);
    finish_linear(loader, slot);
    return PW_OK;
}

void pw_loader_release(struct pw_loader *loader, struct pw_slot *slot)
{
    if (loader->plan.mode != PW_LOAD_MAP || slot->constant)
        return;
    uint64_t first, end, page = (uint64_t)sysconf(_SC_PAGESIZE);
    window_range(loader->volume, &slot->window, &first, &end);
    first = first / page * page;
    /* The pages stay in the system's cache; this process no longer counts them. */
    (void)madvise((char *)loader->map + first, (size_t)(end - first), MADV_DONTNEED);
}
