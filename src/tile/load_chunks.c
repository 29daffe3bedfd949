/* PW_LOAD_CHUNKS: stored chunks are read here, decoded by whoever finishes the tile. */
#include <errno.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "tile/load_modes.h"

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
    read->buffer = (char *)slot->memory.data + number * source->stored_bytes_max;
    read->tag = slot;
    use->fetched = 1;
    slot->pending++;
    pw_io_submit(loader->io, read);
    read->path = NULL; /* the engine has opened it; extent is gone after this call */
    return PW_OK;
}

/* Claims chunk index for the tile, and begins to read it when no other tile does. */
static enum pw_status begin_chunk(struct pw_loader *loader, struct pw_slot *slot, const uint64_t *index,
                                  struct pw_error *error)
{
    struct pw_chunk_use *use = &slot->use[slot->n_uses];
    memset(use, 0, sizeof *use);
    memcpy(use->index, index, sizeof use->index);
    enum pw_claim claim = PW_CLAIM_FULL;
    if (loader->cache != NULL) {
        claim = pw_chunk_cache_claim(loader->cache, chunk_key(loader->volume->source, index), &use->entry);
        use->cached = claim != PW_CLAIM_FULL;
    }
    slot->n_uses++;
    if (claim == PW_CLAIM_SHARED)
        return PW_OK;
    enum pw_status status = fetch_chunk(loader, slot, use, slot->n_uses - 1, error);
    if (status != PW_OK) {
        if (use->cached)
            pw_chunk_cache_fail(loader->cache, use->entry, error);
        return status;
    }
    if (use->empty && use->cached)
        pw_chunk_cache_publish(loader->cache, use->entry, PW_CHUNK_EMPTY);
    return PW_OK;
}

/* The chunks of one channel of the window, and of those that lie in them too. */
static enum pw_status begin_channel(struct pw_loader *loader, struct pw_slot *slot, uint32_t channel,
                                    struct pw_error *error)
{
    const struct pw_source *source = loader->volume->source;
    struct pw_region region;
    uint64_t first[PW_MAX_RANK] = {0}, index[PW_MAX_RANK] = {0}, last[PW_MAX_RANK] = {0};
    pw_volume_region_of(loader->volume, &slot->window, channel, &region);
    for (int a = 0; a < region.rank; a++) {
        first[a] = index[a] = region.start[a] / source->info.chunk[a];
        last[a] = (region.start[a] + region.shape[a] - 1) / source->info.chunk[a];
    }
    for (;;) {
        enum pw_status status = begin_chunk(loader, slot, index, error);
        if (status != PW_OK)
            return status;
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

enum pw_status pw_begin_chunks(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    slot->n_uses = 0;
    for (uint32_t channel = 0; channel < loader->volume->n_channels && status == PW_OK; channel++)
        if (!pw_volume_shares_chunks(loader->volume, channel))
            status = begin_channel(loader, slot, channel, error);
    return status;
}

/* The status of a completed read: missing file, failed, or done. */
static enum pw_status read_status(const struct pw_source *source, const struct pw_chunk_use *use,
                                  struct pw_error *error)
{
    if (use->read.sys_errno == 0)
        return PW_OK;
    if (use->read.sys_errno == ENOENT && !(source->capabilities & PW_SOURCE_WHOLE))
        return PW_EMPTY;
    struct pw_extent extent;
    struct pw_source *located = (struct pw_source *)(uintptr_t)source;
    const char *path = source->path;
    if (source->ops->locate(located, use->index, &extent, NULL) == PW_OK && extent.fd < 0)
        path = extent.path;
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
    void *target = use->cached   ? pw_chunk_cache_buffer(loader->cache, use->entry)
                   : into_window ? slot->dense
                                 : scratch->chunk.data;
    enum pw_status status = read_status(source, use, error);
    if (status == PW_OK)
        status =
            source->ops->decode(source, scratch->decoder, use->index, use->read.data, use->read.got, target, error);
    slot->stored_read += use->read.got;
    pw_io_done(loader->io, &use->read);
    use->fetched = 0;
    use->empty = status == PW_EMPTY;
    if (use->cached && status < 0)
        pw_chunk_cache_fail(loader->cache, use->entry, error);
    else if (use->cached)
        pw_chunk_cache_publish(loader->cache, use->entry, status == PW_OK ? PW_CHUNK_READY : PW_CHUNK_EMPTY);
    else if (status == PW_OK && !into_window)
        pw_volume_copy_chunk(loader->volume, &region, target, &slot->window, slot->dense);
    return status < 0 ? status : PW_OK;
}

/* Takes a cached chunk's voxels into the window. */
static enum pw_status copy_cached(struct pw_loader *loader, struct pw_slot *slot, struct pw_chunk_use *use,
                                  struct pw_error *error)
{
    enum pw_chunk_state state = pw_chunk_cache_await(loader->cache, use->entry);
    if (state == PW_CHUNK_FAILED)
        return pw_chunk_cache_failure(loader->cache, error);
    use->empty = state == PW_CHUNK_EMPTY;
    if (!use->empty) {
        struct pw_region region;
        pw_source_chunk_region(loader->volume->source, use->index, &region);
        pw_volume_copy_chunk(loader->volume, &region, pw_chunk_cache_buffer(loader->cache, use->entry), &slot->window,
                             slot->dense);
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
            pw_volume_fill_chunk(loader->volume, &region, &slot->window, slot->dense);
        }
}

enum pw_status pw_finish_chunks(struct pw_loader *loader, struct pw_slot *slot, struct pw_load_scratch *scratch,
                                struct pw_error *error)
{
    enum pw_status status = PW_OK;
    /* Everything that is ours is published before anything of others is waited for; see chunk_cache.h. */
    for (uint32_t i = 0; i < slot->n_uses; i++)
        if (slot->use[i].fetched) {
            struct pw_error own = {0};
            enum pw_status s = decode_use(loader, slot, &slot->use[i], scratch, &own);
            if (status == PW_OK && s != PW_OK)
                *error = own;
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
