#include "store/zarr_chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"

enum {
    INDEX_ENTRY_BYTES = 16,
    INDEX_SUM_BYTES = 4
};

/* What a codec may make of n bytes in the worst case, with room for encoders that are wasteful. */
static int grown(uint64_t n, uint64_t *out)
{
    return pw_add_u64(n, n / 8 + 1024, out);
}

static enum pw_status too_large(struct pw_error *error)
{
    return pw_fail(error, PW_E_FORMAT, "chunk shape overflows 64 bits");
}

static enum pw_status finish_sharding(struct pw_zarr_chain *chain, uint64_t *bound, struct pw_error *error)
{
    struct pw_zarr_sharding *sharding = chain->sharding;
    for (int i = 0; i < chain->rank; i++) {
        uint64_t inner = sharding->inner.shape[i];
        if (inner == 0 || chain->stored_shape[i] % inner != 0)
            return pw_fail(error, PW_E_FORMAT, "inner chunk extent %llu does not divide the shard's %llu (axis %d)",
                           (unsigned long long)inner, (unsigned long long)chain->stored_shape[i], i);
        sharding->grid[i] = chain->stored_shape[i] / inner;
    }
    if (!pw_product_u64(sharding->grid, chain->rank, &sharding->count) || sharding->count > PW_ZARR_SHARD_CHUNKS_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "a shard of more than %llu inner chunks",
                       (unsigned long long)PW_ZARR_SHARD_CHUNKS_MAX);
    sharding->index_bytes = sharding->count * INDEX_ENTRY_BYTES + (sharding->index_checksum ? INDEX_SUM_BYTES : 0);
    enum pw_status status = pw_zarr_chain_finish(&sharding->inner, error);
    if (status != PW_OK)
        return status;
    if (!pw_mul_u64(sharding->inner.bound[sharding->inner.n_steps], sharding->count, bound) ||
        !pw_add_u64(*bound, sharding->index_bytes, bound))
        return too_large(error);
    return PW_OK;
}

enum pw_status pw_zarr_chain_finish(struct pw_zarr_chain *chain, struct pw_error *error)
{
    uint64_t elements;
    chain->transposed = 0;
    for (int i = 0; i < chain->rank; i++) {
        chain->stored_shape[i] = chain->shape[chain->order[i]];
        chain->transposed |= chain->order[i] != i;
    }
    if (!pw_product_u64(chain->shape, chain->rank, &elements) ||
        !pw_mul_u64(elements, chain->element_bytes, &chain->voxel_bytes) || chain->voxel_bytes > (uint64_t)INT64_MAX)
        return too_large(error);
    chain->bound[0] = chain->voxel_bytes;
    if (chain->sharding != NULL) {
        enum pw_status status = finish_sharding(chain, &chain->bound[0], error);
        if (status != PW_OK)
            return status;
    }
    for (int k = 0; k < chain->n_steps; k++) {
        const struct pw_zarr_step *step = &chain->step[k];
        if (step->codec == NULL && step->checksum == NULL) {
            if (!pw_filter_encoded_bytes(&step->filter, chain->bound[k], &chain->bound[k + 1]))
                return pw_fail(error, PW_E_FORMAT, "chunks of %llu bytes are no whole elements of a filter",
                               (unsigned long long)chain->bound[k]);
        } else if (!grown(chain->bound[k], &chain->bound[k + 1])) {
            return too_large(error);
        }
    }
    return PW_OK;
}

void pw_zarr_chain_release(struct pw_zarr_chain *chain)
{
    if (chain->sharding != NULL)
        pw_zarr_chain_release(&chain->sharding->inner);
    free(chain->sharding);
    chain->sharding = NULL;
}

void pw_zarr_chain_unit(const struct pw_zarr_chain *chain, struct pw_zarr_chain *unit)
{
    const struct pw_zarr_chain *inner = &chain->sharding->inner;
    *unit = *inner;
    unit->transposed = 0;
    for (int i = 0; i < chain->rank; i++) {
        unit->shape[chain->order[i]] = inner->shape[i];
        unit->order[i] = chain->order[inner->order[i]];
        unit->transposed |= unit->order[i] != i;
    }
}

enum pw_status pw_zarr_shard_index(const struct pw_zarr_sharding *sharding, const void *block, uint64_t *entries,
                                   struct pw_error *error)
{
    size_t n = (size_t)sharding->index_bytes;
    const unsigned char *index = block;
    if (sharding->index_checksum) {
        enum pw_status status = pw_checksum_verify(pw_checksum_find("crc32c"), 0, &index, &n, error);
        if (status != PW_OK)
            return status;
    }
    memcpy(entries, index, n);
    if (sharding->index_swap)
        pw_swap_bytes(entries, n / sizeof *entries, sizeof *entries);
    return PW_OK;
}
