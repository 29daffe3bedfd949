#include "tile/loader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/error.h"
#include "tile/load_modes.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* ---- plan ------------------------------------------------------------- */

/* Looking at more tiles than this would take longer than what the exact number saves. */
#define TILES_LOOKED_AT 4096

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Chunks that the part of the volume which is cut into tiles touches along an axis. */
static uint64_t chunks_of_part(const struct pw_grid *grid, int axis, uint64_t chunk)
{
    return (grid->end[axis] - 1) / chunk - grid->start[axis] / chunk + 1;
}

/* The most chunks of extent chunk that any window touches on an axis; an upper bound where there are very many tiles. */
static uint64_t chunks_touched(const struct pw_grid *grid, int axis, uint64_t chunk)
{
    uint64_t first = grid->start[axis], last = grid->end[axis], tile = grid->tile[axis];
    uint64_t most = 0, tiles = grid->count[axis];
    uint64_t halo = tiles > 1 ? pw_min_u64(grid->halo[axis], last - first) : 0;
    for (uint64_t t = 0; t < tiles && tiles <= TILES_LOOKED_AT; t++) {
        uint64_t start = first + t * tile, end = pw_min_u64(start + tile, last);
        start -= pw_min_u64(halo, start - first);
        end += pw_min_u64(halo, last - end);
        most = pw_max_u64(most, (end - 1) / chunk - start / chunk + 1);
    }
    if (tiles <= TILES_LOOKED_AT)
        return most;
    /* Windows begin at first + t * tile - halo: in a chunk at multiples of the divisor, shifted; clipping only takes away. */
    uint64_t step = greatest_common_divisor(tile, chunk), all = chunks_of_part(grid, axis, chunk);
    uint64_t latest = chunk - step + (first % step + step - halo % step) % step;
    if (halo > (last - first - tile) / 2)
        return all;
    return pw_min_u64((latest + tile + 2 * halo - 1) / chunk + 1, all);
}

/*
 * Tiles come in raster order: between two tiles that share a chunk along the slowest
 * axis that shares any, every chunk along the faster axes passes by.
 */
uint32_t pw_load_plan_useful_chunks(const struct pw_volume *volume, const struct pw_grid *grid)
{
    uint64_t count = pw_volume_chunk_columns(volume);
    if (!(volume->source->capabilities & PW_SOURCE_CHUNKED))
        return 0;
    /* Of a chunk that holds several time points, all others of its time pass by before the next one needs it. */
    int shares = grid->times > 1 && volume->time_axis >= 0 && volume->source->info.chunk[volume->time_axis] > 1;
    for (int i = 0; i < 3; i++) {
        uint64_t chunk = volume->chunk[i];
        uint64_t n = shares ? chunks_of_part(grid, i, chunk) : chunks_touched(grid, i, chunk);
        shares |=
            grid->count[i] > 1 && (grid->halo[i] > 0 || grid->tile[i] % chunk != 0 || grid->start[i] % chunk != 0);
        if (!pw_mul_u64(count, n, &count))
            return UINT32_MAX;
    }
    return shares ? (uint32_t)pw_min_u64(count + 1, UINT32_MAX) : 0;
}

enum pw_status pw_load_plan_init(struct pw_load_plan *plan, const struct pw_volume *volume, const struct pw_grid *grid,
                                 enum pw_io_engine engine, uint32_t cached_chunks, struct pw_error *error)
{
    memset(plan, 0, sizeof *plan);
    plan->engine = engine;
    plan->io_depth = 32;
    pw_grid_window_max(grid, plan->window);
    if (volume->source->capabilities & PW_SOURCE_LINEAR) {
        pw_plan_linear(plan, volume, grid, engine);
        return PW_OK;
    }
    uint64_t touched[3], chunks = UINT64_MAX;
    for (int i = 0; i < 3; i++)
        touched[i] = chunks_touched(grid, i, volume->chunk[i]);
    plan->mode = PW_LOAD_CHUNKS;
    plan->window_bytes = plan->window[Z] * plan->window[Y] * plan->window[X] * volume->voxel_bytes * volume->n_channels;
    if (!pw_product_u64(touched, 3, &chunks) || !pw_mul_u64(chunks, pw_volume_chunk_columns(volume), &chunks) ||
        chunks > (uint32_t)1 << 24 || !pw_mul_u64(chunks, volume->source->stored_bytes_max, &plan->stored_bytes))
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
    return plan->window_bytes + pw_source_chunk_bytes(source) +
           (source->ops->decoder_memory_bytes != NULL ? source->ops->decoder_memory_bytes(source) : 0);
}

/* Stored chunks wait in the slot; their voxels go to the worker's window. Everything else goes into the slot itself. */
static uint64_t slot_bytes(const struct pw_load_plan *plan)
{
    return plan->mode == PW_LOAD_CHUNKS ? plan->stored_bytes : plan->window_bytes;
}

uint64_t pw_slot_memory_bytes(const struct pw_load_plan *plan, uint64_t least_bytes)
{
    return pw_max_u64(slot_bytes(plan), least_bytes) + plan->mapped_bytes +
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
    return pw_buffer_init(&slot->memory, pw_max_u64(slot_bytes(plan), least_bytes), "tile slot", error);
}

void pw_slot_destroy(struct pw_slot *slot)
{
    pw_buffer_release(&slot->memory);
    free(slot->use);
    slot->use = NULL;
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
        status = pw_map_linear(loader, error);
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
    enum pw_status status = pw_buffer_init(&scratch->window, loader->plan.window_bytes, "tile window", error);
    return status == PW_OK ? pw_buffer_init(&scratch->chunk, pw_source_chunk_bytes(source), "chunk buffer", error)
                           : status;
}

void pw_load_scratch_destroy(struct pw_load_scratch *scratch, const struct pw_loader *loader)
{
    if (scratch->decoder != NULL)
        loader->volume->source->ops->decoder_free(scratch->decoder);
    pw_buffer_release(&scratch->window);
    pw_buffer_release(&scratch->chunk);
    memset(scratch, 0, sizeof *scratch);
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
    slot->dense = loader->plan.mode == PW_LOAD_CHUNKS ? NULL : slot->memory.data;
    if (loader->plan.mode == PW_LOAD_CHUNKS)
        return pw_begin_chunks(loader, slot, error);
    return pw_begin_linear(loader, slot, error);
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
    slot->voxels = slot->dense;
    slot->stride_bytes[X] = voxel_bytes;
    slot->stride_bytes[Y] = (size_t)slot->window.shape[X] * voxel_bytes;
    slot->stride_bytes[Z] = (size_t)slot->window.shape[Y] * slot->stride_bytes[Y];
    slot->channel_stride_bytes = (size_t)slot->window.shape[Z] * slot->stride_bytes[Z];
}

enum pw_status pw_loader_finish(struct pw_loader *loader, struct pw_slot *slot, struct pw_load_scratch *scratch,
                                struct pw_error *error)
{
    if (loader->plan.mode == PW_LOAD_CHUNKS)
        slot->dense = scratch->window.data;
    set_dense(slot, loader->volume->voxel_bytes);
    if (loader->plan.mode == PW_LOAD_CHUNKS)
        return pw_finish_chunks(loader, slot, scratch, error);
    pw_finish_linear(loader, slot);
    return PW_OK;
}

void pw_loader_release(struct pw_loader *loader, struct pw_slot *slot)
{
    if (loader->plan.mode == PW_LOAD_MAP && !slot->constant)
        pw_release_linear(loader, slot);
}
