/*
 * Decoding one chunk.  The usual chain (elements in native order, one codec) decodes
 * straight into the voxels; everything else goes through scratch that is reserved
 * when the unpacker is made, one level of it for each level of sharding.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/region.h"
#include "store/elements.h"
#include "store/zarr_chain.h"

struct level {
    const struct pw_zarr_chain *chain;
    unsigned char *bytes[2];      /* between two steps, in turn */
    unsigned char *stored_voxels; /* before the axes are exchanged */
    uint64_t *index;              /* of a shard */
    unsigned char *inner_voxels;  /* one inner chunk */
};

struct pw_zarr_unpacker {
    struct pw_zarr_chain chain; /* a copy; sharding is borrowed from the source's */
    uint64_t fill;
    struct pw_codec_state state;
    struct level level[PW_ZARR_NESTING_MAX + 1];
    struct pw_buffer buffer; /* all scratch */
};

/* Whether step k cannot decode straight into the voxels. */
static int needs_scratch(const struct pw_zarr_chain *chain, int k)
{
    return chain->step[k].checksum == NULL && (k > 0 || chain->sharding != NULL);
}

/* Sizes of a level's scratch, in the order of struct level. */
struct sizes {
    uint64_t bytes[2], stored_voxels, index, inner_voxels;
};

static struct sizes level_sizes(const struct pw_zarr_chain *chain)
{
    struct sizes sizes = {0};
    int turn = 0;
    for (int k = chain->n_steps - 1; k >= 0; k--)
        if (needs_scratch(chain, k)) {
            sizes.bytes[turn] = pw_max_u64(sizes.bytes[turn], chain->bound[k]);
            turn = !turn;
        }
    if (chain->transposed)
        sizes.stored_voxels = chain->voxel_bytes;
    if (chain->sharding != NULL) {
        sizes.index = chain->sharding->count * 2 * sizeof(uint64_t);
        sizes.inner_voxels = chain->sharding->inner.voxel_bytes;
    }
    return sizes;
}

static uint64_t rounded(uint64_t n)
{
    return (n + 63) & ~(uint64_t)63; /* parts begin on cache lines */
}

static uint64_t scratch_bytes(const struct pw_zarr_chain *chain)
{
    uint64_t sum = 0;
    for (; chain != NULL; chain = chain->sharding != NULL ? &chain->sharding->inner : NULL) {
        struct sizes s = level_sizes(chain);
        sum += rounded(s.bytes[0]) + rounded(s.bytes[1]) + rounded(s.stored_voxels) + rounded(s.index) +
               rounded(s.inner_voxels);
    }
    return sum;
}

uint64_t pw_zarr_unpacker_memory_bytes(const struct pw_zarr_chain *chain)
{
    uint64_t codecs = 0;
    for (const struct pw_zarr_chain *c = chain; c != NULL; c = c->sharding != NULL ? &c->sharding->inner : NULL)
        for (int k = 0; k < c->n_steps; k++)
            if (c->step[k].codec != NULL && c->step[k].codec->decode_memory_bytes != NULL)
                codecs = pw_max_u64(codecs, c->step[k].codec->decode_memory_bytes((size_t)c->bound[k]));
    return sizeof(struct pw_zarr_unpacker) + scratch_bytes(chain) + codecs + pw_codec_decode_memory_bytes();
}

static unsigned char *take(unsigned char **next, uint64_t n)
{
    unsigned char *part = *next;
    *next += rounded(n);
    return n > 0 ? part : NULL;
}

enum pw_status pw_zarr_unpacker_new(const struct pw_zarr_chain *chain, uint64_t fill,
                                    struct pw_zarr_unpacker **unpacker, struct pw_error *error)
{
    struct pw_zarr_unpacker *u = pw_alloc(1, sizeof *u, error);
    if (u == NULL)
        return PW_E_NOMEM;
    u->chain = *chain;
    u->fill = fill;
    enum pw_status status = pw_buffer_init(&u->buffer, scratch_bytes(chain), "zarr decoding scratch", error);
    if (status != PW_OK) {
        free(u);
        return status;
    }
    unsigned char *next = u->buffer.data;
    const struct pw_zarr_chain *c = &u->chain;
    for (int depth = 0; c != NULL; depth++, c = c->sharding != NULL ? &c->sharding->inner : NULL) {
        struct sizes sizes = level_sizes(c);
        struct level *level = &u->level[depth];
        level->chain = c;
        level->bytes[0] = take(&next, sizes.bytes[0]);
        level->bytes[1] = take(&next, sizes.bytes[1]);
        level->stored_voxels = take(&next, sizes.stored_voxels);
        level->index = (uint64_t *)(void *)take(&next, sizes.index);
        level->inner_voxels = take(&next, sizes.inner_voxels);
    }
    *unpacker = u;
    return PW_OK;
}

void pw_zarr_unpacker_free(struct pw_zarr_unpacker *unpacker)
{
    if (unpacker == NULL)
        return;
    pw_codec_state_release(&unpacker->state);
    pw_buffer_release(&unpacker->buffer);
    free(unpacker);
}

/* Undoes a codec or filter: n bytes at block into out, at most *size bytes. */
static enum pw_status undo_step(struct pw_zarr_unpacker *u, const struct pw_zarr_step *step, const unsigned char *block,
                                size_t n, unsigned char *out, size_t *size, struct pw_error *error)
{
    return step->codec != NULL ? step->codec->decode_some(&u->state, block, n, out, size, error)
                               : pw_filter_decode(&step->filter, block, n, out, size, error);
}

/*
 * Undoes the steps.  *block, *n become the bytes before the first of them; when that
 * one can decode into direct, which takes the exact voxel bytes, *block is direct.
 */
static enum pw_status unpack_bytes(struct pw_zarr_unpacker *u, const struct level *level, const unsigned char **block,
                                   size_t *n, unsigned char *direct, struct pw_error *error)
{
    const struct pw_zarr_chain *chain = level->chain;
    enum pw_status status = PW_OK;
    int turn = 0;
    for (int k = chain->n_steps - 1; k >= 0 && status == PW_OK; k--) {
        const struct pw_zarr_step *step = &chain->step[k];
        size_t size = (size_t)chain->bound[k];
        if (step->checksum != NULL) {
            status = pw_checksum_verify(step->checksum, step->checksum_at_start, block, n, error);
        } else if (needs_scratch(chain, k)) {
            status = undo_step(u, step, *block, *n, level->bytes[turn], &size, error);
            *block = level->bytes[turn];
            *n = size;
            turn = !turn;
        } else {
            size = (size_t)chain->voxel_bytes;
            if (step->codec != NULL)
                status = step->codec->decode(&u->state, *block, *n, direct, size, error);
            else
                status = undo_step(u, step, *block, *n, direct, &size, error);
            *block = direct;
            *n = size;
        }
    }
    return status;
}

static enum pw_status unpack_level(struct pw_zarr_unpacker *u, int depth, const unsigned char *block, size_t n,
                                   unsigned char *voxels, struct pw_error *error);

/* One inner chunk of a shard in memory into its place of voxels, the shard's stored shape. */
static enum pw_status unpack_inner(struct pw_zarr_unpacker *u, int depth, const unsigned char *shard, size_t n,
                                   uint64_t number, unsigned char *voxels, struct pw_error *error)
{
    const struct level *level = &u->level[depth];
    const struct pw_zarr_sharding *sharding = level->chain->sharding;
    const struct pw_zarr_chain *inner = &sharding->inner;
    uint64_t offset = level->index[2 * number], length = level->index[2 * number + 1], rest = number;
    if (offset == PW_ZARR_EMPTY && length == PW_ZARR_EMPTY) {
        pw_elements_fill(level->inner_voxels, inner->voxel_bytes / inner->element_bytes, u->fill, inner->element_bytes);
    } else {
        if (length > n || offset > n - length)
            return pw_fail(error, PW_E_TRUNCATED, "inner chunk %llu at %llu+%llu leaves the shard of %zu bytes",
                           (unsigned long long)number, (unsigned long long)offset, (unsigned long long)length, n);
        enum pw_status status = unpack_level(u, depth + 1, shard + offset, (size_t)length, level->inner_voxels, error);
        if (status != PW_OK)
            return status;
    }
    struct pw_region part = {.rank = inner->rank}, whole = {.rank = inner->rank};
    for (int i = inner->rank - 1; i >= 0; i--) {
        part.start[i] = rest % sharding->grid[i] * inner->shape[i];
        part.shape[i] = inner->shape[i];
        whole.shape[i] = level->chain->stored_shape[i];
        rest /= sharding->grid[i];
    }
    pw_region_copy(&part, &part, level->inner_voxels, &whole, voxels, inner->element_bytes);
    return PW_OK;
}

static enum pw_status unpack_shard(struct pw_zarr_unpacker *u, int depth, const unsigned char *shard, size_t n,
                                   unsigned char *voxels, struct pw_error *error)
{
    const struct pw_zarr_sharding *sharding = u->level[depth].chain->sharding;
    if (n < sharding->index_bytes)
        return pw_fail(error, PW_E_TRUNCATED, "shard of %zu bytes cannot hold its index of %llu", n,
                       (unsigned long long)sharding->index_bytes);
    const unsigned char *index = sharding->index_at_start ? shard : shard + (n - (size_t)sharding->index_bytes);
    enum pw_status status = pw_zarr_shard_index(sharding, index, u->level[depth].index, error);
    for (uint64_t i = 0; i < sharding->count && status == PW_OK; i++)
        status = unpack_inner(u, depth, shard, n, i, voxels, error);
    return status;
}

static enum pw_status unpack_level(struct pw_zarr_unpacker *u, int depth, const unsigned char *block, size_t n,
                                   unsigned char *voxels, struct pw_error *error)
{
    const struct level *level = &u->level[depth];
    const struct pw_zarr_chain *chain = level->chain;
    unsigned char *target = chain->transposed ? level->stored_voxels : voxels;
    enum pw_status status = unpack_bytes(u, level, &block, &n, target, error);
    if (status != PW_OK)
        return status;
    if (chain->sharding != NULL) {
        status = unpack_shard(u, depth, block, n, target, error);
        if (status != PW_OK)
            return status;
        block = target;
    } else if (n != chain->voxel_bytes) {
        return pw_fail(error, n < chain->voxel_bytes ? PW_E_TRUNCATED : PW_E_FORMAT, "holds %zu bytes instead of %llu",
                       n, (unsigned long long)chain->voxel_bytes);
    }
    if (chain->transposed)
        pw_elements_transpose(chain->rank, chain->shape, chain->order, block, voxels, chain->element_bytes);
    else if (block != voxels)
        memcpy(voxels, block, n);
    if (chain->swap && chain->sharding == NULL)
        pw_swap_bytes(voxels, (size_t)chain->voxel_bytes / chain->element_bytes, chain->element_bytes);
    return PW_OK;
}

enum pw_status pw_zarr_unpack(struct pw_zarr_unpacker *unpacker, const void *stored, size_t n, void *voxels,
                              struct pw_error *error)
{
    return unpack_level(unpacker, 0, stored, n, voxels, error);
}
