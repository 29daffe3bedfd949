/*
 * A zarr array as a source.  The decode unit is the chunk, or the inner chunk of
 * shards; only shards with a codec after them are decoded whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/source.h"
#include "store/zarr_collection.h"
#include "store/zarr_ngff.h"
#include "store/zarr_open.h"
#include "store/zarr_shard.h"

#define STORED_SLACK_BYTES ((uint64_t)64 << 10)

struct zarr_source {
    struct pw_source base;
    const struct pw_kv *kv;
    int deflates; /* some chunks are deflated entries of a zip archive */
    struct pw_zarr_target target;
    struct pw_zarr_chain unit;    /* borrows from target.array.chain */
    struct pw_shard_cache *cache; /* NULL: chunks are files */
};

struct pw_decoder {
    struct pw_zarr_unpacker *unpacker;
    struct pw_codec_state state; /* to inflate entries of an archive, into inflated */
    struct pw_buffer inflated;
};

static const struct zarr_source *zarr_const(const struct pw_source *source)
{
    return (const struct zarr_source *)source;
}

static void index_text(int rank, const uint64_t *index, char text[PW_ZARR_KEY_BYTES])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, PW_ZARR_KEY_BYTES - used, "%s%llu", i > 0 ? "," : "",
                                 (unsigned long long)index[i]);
}

/* Which shard holds the chunk, as index and number, and which of its inner chunks it is. */
static void place_in_shard(const struct zarr_source *zarr, const uint64_t *chunk_index, uint64_t *shard_index,
                           uint64_t *shard, uint64_t *number)
{
    const struct pw_zarr_chain *chain = &zarr->target.array.chain;
    const struct pw_image_info *info = &zarr->base.info;
    uint64_t within[PW_MAX_RANK];
    *shard = 0;
    *number = 0;
    for (int i = 0; i < info->rank; i++) {
        uint64_t ratio = info->shard[i] / info->chunk[i];
        shard_index[i] = chunk_index[i] / ratio;
        within[i] = chunk_index[i] % ratio;
        *shard = *shard * pw_ceil_div(info->shape[i], info->shard[i]) + shard_index[i];
    }
    for (int i = 0; i < info->rank; i++)
        *number = *number * chain->sharding->grid[i] + within[chain->order[i]];
}

static enum pw_status zarr_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                  struct pw_error *error)
{
    const struct zarr_source *zarr = zarr_const(source);
    uint64_t shard_index[PW_MAX_RANK], shard = 0, number = 0;
    char key[PW_ZARR_KEY_BYTES];
    extent->fd = -1;
    extent->offset = 0;
    extent->length = 0;
    if (zarr->cache != NULL)
        place_in_shard(zarr, chunk_index, shard_index, &shard, &number);
    pw_zarr_array_key(&zarr->target.array, zarr->cache != NULL ? shard_index : chunk_index, key);
    enum pw_status status = pw_zarr_join(zarr->target.directory, key, extent->path, error);
    if (status == PW_OK && zarr->cache == NULL)
        return zarr->kv->ops->locate(zarr->kv, extent, error);
    if (status == PW_OK)
        status = pw_shard_cache_find(zarr->cache, shard, number, extent, error);
    if (status == PW_OK && extent->length >= source->stored_bytes_max)
        return pw_fail(error, PW_E_FORMAT, "%s: inner chunk %llu is stored in %llu bytes, it decodes to %llu",
                       extent->path, (unsigned long long)number, (unsigned long long)extent->length,
                       (unsigned long long)zarr->unit.voxel_bytes);
    return status;
}

static void zarr_decoder_free(struct pw_decoder *decoder)
{
    if (decoder == NULL)
        return;
    pw_zarr_unpacker_free(decoder->unpacker);
    pw_codec_state_release(&decoder->state);
    pw_buffer_release(&decoder->inflated);
    free(decoder);
}

static enum pw_status zarr_decoder_new(struct pw_source *source, struct pw_decoder **decoder, struct pw_error *error)
{
    const struct zarr_source *zarr = zarr_const(source);
    struct pw_decoder *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_zarr_unpacker_new(&zarr->unit, source->fill, &made->unpacker, error);
    if (status == PW_OK && zarr->deflates)
        status = pw_buffer_init(&made->inflated, source->stored_bytes_max, "inflated chunk", error);
    if (status != PW_OK) {
        zarr_decoder_free(made);
        return status;
    }
    *decoder = made;
    return PW_OK;
}

/*
 * The shard cache and an archive's directory are there once for all decoders; counted with each, because a source has
 * no other place to say it.
 */
static size_t zarr_decoder_memory_bytes(const struct pw_source *source)
{
    const struct zarr_source *zarr = zarr_const(source);
    size_t cache = zarr->cache != NULL ? pw_shard_cache_memory_bytes(zarr->target.array.chain.sharding) : 0;
    size_t inflated = zarr->deflates ? (size_t)source->stored_bytes_max + pw_codec_decode_memory_bytes() : 0;
    return sizeof(struct pw_decoder) + (size_t)pw_zarr_unpacker_memory_bytes(&zarr->unit) + cache + inflated +
           zarr->kv->ops->memory_bytes(zarr->kv);
}

/* Inflates an entry of an archive when it is deflated: *stored and *n become what the chunk's codecs made. */
static enum pw_status inflate(const struct zarr_source *zarr, struct pw_decoder *decoder, const uint64_t *chunk_index,
                              const void **stored, size_t *n, struct pw_error *error)
{
    char key[PW_ZARR_KEY_BYTES], path[4096];
    size_t size = (size_t)zarr->base.stored_bytes_max;
    if (!zarr->deflates)
        return PW_OK;
    pw_zarr_array_key(&zarr->target.array, chunk_index, key);
    enum pw_status status = pw_zarr_join(zarr->target.directory, key, path, error);
    if (status == PW_OK)
        status =
            zarr->kv->ops->inflate(zarr->kv, path, &decoder->state, *stored, *n, decoder->inflated.data, &size, error);
    if (status == PW_OK) {
        *stored = decoder->inflated.data;
        *n = size;
    }
    return status == PW_EMPTY ? PW_OK : status;
}

static enum pw_status zarr_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                  const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    struct pw_error inner = {0};
    char text[PW_ZARR_KEY_BYTES];
    enum pw_status status = inflate(zarr_const(source), decoder, chunk_index, &stored, &n, error);
    if (status != PW_OK)
        return status;
    if (n >= source->stored_bytes_max)
        status = pw_fail(&inner, PW_E_FORMAT, "stored in %zu bytes or more, it decodes to %llu", n,
                         (unsigned long long)pw_source_chunk_bytes(source));
    else
        status = pw_zarr_unpack(decoder->unpacker, stored, n, voxels, &inner);
    if (status == PW_OK)
        return PW_OK;
    index_text(source->info.rank, chunk_index, text);
    return pw_fail(error, status, "%s: chunk (%s): %s", source->path, text, inner.message);
}

static void zarr_close(struct pw_source *source)
{
    struct zarr_source *zarr = (struct zarr_source *)source;
    pw_shard_cache_free(zarr->cache);
    pw_zarr_target_release(&zarr->target);
    pw_kv_close(zarr->kv);
    free(zarr);
}

static const struct pw_source_ops zarr_ops = {
    .format = "zarr",
    .locate = zarr_locate,
    .decoder_new = zarr_decoder_new,
    .decoder_free = zarr_decoder_free,
    .decoder_memory_bytes = zarr_decoder_memory_bytes,
    .decode = zarr_decode,
    .close = zarr_close,
};

/* Whether decoding a chunk is to copy it. */
static int is_plain(const struct zarr_source *zarr)
{
    const struct pw_zarr_chain *unit = &zarr->unit;
    return unit->n_steps == 0 && unit->sharding == NULL && !unit->transposed && !unit->swap && !zarr->deflates;
}

/* Chooses the decode unit and makes sure that a decoder for it has a bounded size. */
static enum pw_status prepare_unit(struct zarr_source *zarr, struct pw_error *error)
{
    struct pw_zarr_chain *chain = &zarr->target.array.chain;
    struct pw_source *base = &zarr->base;
    zarr->deflates = zarr->kv->ops->deflates != NULL && zarr->kv->ops->deflates(zarr->kv, zarr->target.directory);
    int inner = chain->sharding != NULL && chain->n_steps == 0 && !zarr->deflates;
    if (inner)
        pw_zarr_chain_unit(chain, &zarr->unit);
    else
        zarr->unit = *chain;
    memcpy(base->info.chunk, zarr->unit.shape, sizeof base->info.chunk);
    memcpy(base->info.shard, chain->shape, sizeof base->info.shard);
    uint64_t bound = zarr->unit.bound[zarr->unit.n_steps];
    if (zarr->unit.voxel_bytes > PW_ZARR_CHUNK_BYTES_MAX || bound > 2 * PW_ZARR_CHUNK_BYTES_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: %s of %llu bytes are not supported, at most %llu are%s",
                       zarr->target.directory, chain->sharding != NULL && !inner ? "whole shards" : "chunks",
                       (unsigned long long)zarr->unit.voxel_bytes, (unsigned long long)PW_ZARR_CHUNK_BYTES_MAX,
                       zarr->deflates ? "; pack the archive without compression (zip -0)" : "");
    base->stored_bytes_max = bound + STORED_SLACK_BYTES;
    base->capabilities = PW_SOURCE_CHUNKED | (is_plain(zarr) ? PW_SOURCE_PLAIN : 0);
    return inner ? pw_shard_cache_new(chain->sharding, zarr->kv, &zarr->cache, error) : PW_OK;
}

static enum pw_status open_target(struct zarr_source *zarr, const char *path, int level, struct pw_error *error)
{
    enum pw_status status = pw_zarr_target_open(zarr->kv, path, level, &zarr->target, error);
    if (status == PW_E_NOT_FOUND && zarr->kv != &pw_kv_dir) {
        char names[300];
        int n = pw_zarr_children(zarr->kv, path, names, sizeof names);
        status = pw_fail(error, PW_E_FORMAT, "%s: nothing in this zip archive is zarr metadata%s%s", path,
                         n > 0 ? " there; open one of those in it: " : "; unpack it to read what it holds", names);
    }
    return status;
}

/* One image of a store of several; what is no group with metadata is left to who opens it. */
static enum pw_status choose_member(struct zarr_source *zarr, const char *path, const struct pw_open_options *options,
                                    struct pw_zarr_member *member, struct pw_error *error)
{
    enum pw_status status = pw_zarr_choose_member(zarr->kv, path, options, member, error);
    return status == PW_E_NOT_FOUND ? PW_OK : status;
}

static enum pw_status zarr_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                struct pw_error *error)
{
    struct zarr_source *zarr = pw_alloc(1, sizeof *zarr, error);
    if (zarr == NULL)
        return PW_E_NOMEM;
    struct pw_zarr_member member = {0};
    enum pw_status status = pw_kv_open(path, &zarr->kv, error);
    if (status == PW_OK)
        status = choose_member(zarr, path, options, &member, error);
    if (status == PW_OK)
        status = open_target(zarr, member.path, options != NULL ? options->level : 0, error);
    if (status == PW_OK && strlen(zarr->target.directory) + PW_ZARR_KEY_BYTES + 2 > sizeof zarr->base.path)
        status = pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is too long for chunk keys after it", path);
    if (status == PW_OK) {
        struct pw_source *base = &zarr->base;
        base->ops = &zarr_ops;
        memcpy(base->path, zarr->target.directory, sizeof base->path);
        base->info = zarr->target.info;
        base->info.label_names = (const char *const *)zarr->target.label_names;
        base->fill = zarr->target.array.fill;
        status = prepare_unit(zarr, error);
    }
    if (status == PW_OK) {
        (void)snprintf(zarr->base.group, sizeof zarr->base.group, "%s", member.path);
        zarr->base.info.series = member.series;
        zarr->base.series_names = member.series_names;
        zarr->base.channel_names = zarr->target.channel_names;
        memset(&zarr->target.channel_names, 0, sizeof zarr->target.channel_names);
        zarr->base.channel_shows = zarr->target.channel_shows;
        memset(&zarr->target.channel_shows, 0, sizeof zarr->target.channel_shows);
    } else {
        pw_zarr_member_release(&member);
        zarr_close(&zarr->base);
        return status;
    }
    *source = &zarr->base;
    return PW_OK;
}

/* A directory with metadata, or anything that is or leads into a zip archive. */
static int zarr_recognise(const char *path, const unsigned char *head, size_t n)
{
    (void)head;
    return n == 0 ? pw_zarr_node_exists(path) : pw_kv_is_zip(path);
}

const struct pw_format pw_format_zarr = {
    .name = "zarr",
    .has_series = 1,
    .has_wells = 1,
    .recognise = zarr_recognise,
    .open = zarr_open,
};
