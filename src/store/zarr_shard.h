/*
 * store/zarr_shard - where inner chunks are: the indexes of recently used shards.
 *
 * An index is read once, its checksum verified, and kept until others need the room.
 * The cache has a fixed size, which pw_shard_cache_memory_bytes() tells beforehand.
 *
 * Threads: any number; one lock, held while an index is read so that nobody reads it twice.
 */
#ifndef PW_STORE_ZARR_SHARD_H
#define PW_STORE_ZARR_SHARD_H

#include "store/kv.h"
#include "store/zarr_chain.h"

struct pw_shard_cache;

/* kv holds the shards, and outlives the cache. */
enum pw_status pw_shard_cache_new(const struct pw_zarr_sharding *sharding, const struct pw_kv *kv,
                                  struct pw_shard_cache **cache, struct pw_error *error);
void pw_shard_cache_free(struct pw_shard_cache *cache); /* NULL allowed */
size_t pw_shard_cache_memory_bytes(const struct pw_zarr_sharding *sharding);

/*
 * The place of inner chunk number (C order of the shard's grid) in the shard called
 * shard (any number that is the shard's own), whose key is extent->path.
 * PW_EMPTY: there is no such shard, or it does not hold the chunk.
 * Errors: PW_E_TRUNCATED, PW_E_CHECKSUM, PW_E_IO, naming the file.
 */
enum pw_status pw_shard_cache_find(struct pw_shard_cache *cache, uint64_t shard, uint64_t number,
                                   struct pw_extent *extent, struct pw_error *error);

#endif
