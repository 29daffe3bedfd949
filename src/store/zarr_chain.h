/*
 * store/zarr_chain - how a zarr chunk becomes bytes: axes exchanged, elements laid
 * out (or a shard of smaller chunks made), bytes packed by codecs in turn.
 *
 * v2 and v3 metadata both end as one pw_zarr_chain.  The parser fills what it read
 * and calls pw_zarr_chain_finish(), which checks every size and computes the rest.
 *
 *     struct pw_zarr_unpacker *unpacker;               one per thread: codec contexts and scratch
 *     pw_zarr_unpacker_new(&chain, fill, &unpacker, error);
 *     pw_zarr_unpack(unpacker, stored, n, voxels, error);
 *
 * Ownership: a chain owns its sharding; pw_zarr_chain_release() frees it, and is safe on a zeroed chain.
 * Errors: PW_E_FORMAT, PW_E_UNSUPPORTED, PW_E_TRUNCATED, PW_E_CHECKSUM, PW_E_NOMEM;
 * messages do not name the file or chunk, the caller does.
 * Threads: a chain is constant once finished; an unpacker belongs to one thread.
 */
#ifndef PW_STORE_ZARR_CHAIN_H
#define PW_STORE_ZARR_CHAIN_H

#include "codec/checksum.h"
#include "codec/codec.h"
#include "codec/filter.h"
#include "patchworks.h"

#define PW_ZARR_STEPS_MAX 12
#define PW_ZARR_NESTING_MAX 3                          /* shards within shards */
#define PW_ZARR_SHARD_CHUNKS_MAX ((uint64_t)1 << 20)   /* inner chunks of one shard: an index of 16 MiB */
#define PW_ZARR_CHUNK_BYTES_MAX ((uint64_t)0x7fffffff) /* of a chunk that is decoded as one */
#define PW_ZARR_EMPTY UINT64_MAX                       /* offset and length of a chunk that a shard does not hold */

struct pw_zarr_sharding;

/* One step of encoding that turns bytes into bytes: a codec, a checksum, or else a filter. */
struct pw_zarr_step {
    const struct pw_codec *codec;
    const struct pw_checksum *checksum;
    int checksum_at_start;
    struct pw_filter filter;
};

struct pw_zarr_chain {
    /* filled by the parser */
    int rank;
    uint64_t shape[PW_MAX_RANK]; /* of the chunk, array axes */
    int order[PW_MAX_RANK];      /* stored axis i is array axis order[i] */
    size_t element_bytes;
    int swap;                          /* elements are in the other byte order */
    struct pw_zarr_sharding *sharding; /* NULL: the elements themselves */
    int n_steps;                       /* in the order of encoding */
    struct pw_zarr_step step[PW_ZARR_STEPS_MAX];

    /* computed by pw_zarr_chain_finish() */
    int transposed;
    uint64_t stored_shape[PW_MAX_RANK];
    uint64_t voxel_bytes;
    uint64_t bound[PW_ZARR_STEPS_MAX + 1]; /* most bytes before step k; the last: of what is stored */
};

struct pw_zarr_sharding {
    struct pw_zarr_chain inner;
    int index_at_start;
    int index_swap;
    int index_checksum; /* crc32c after the index */

    /* computed */
    uint64_t grid[PW_MAX_RANK]; /* inner chunks along each stored axis */
    uint64_t count;
    uint64_t index_bytes;
};

enum pw_status pw_zarr_chain_finish(struct pw_zarr_chain *chain, struct pw_error *error);
void pw_zarr_chain_release(struct pw_zarr_chain *chain);

/*
 * The chain of a shard's inner chunks seen from the array: unit (which borrows from
 * chain) decodes one of them.  Only for a chain with sharding and no step after it.
 */
void pw_zarr_chain_unit(const struct pw_zarr_chain *chain, struct pw_zarr_chain *unit);

/* Checks the index_bytes at block and makes 2 * count numbers of it: offset, length of each inner chunk. */
enum pw_status pw_zarr_shard_index(const struct pw_zarr_sharding *sharding, const void *block, uint64_t *entries,
                                   struct pw_error *error);

struct pw_zarr_unpacker;

enum pw_status pw_zarr_unpacker_new(const struct pw_zarr_chain *chain, uint64_t fill,
                                    struct pw_zarr_unpacker **unpacker, struct pw_error *error);
void pw_zarr_unpacker_free(struct pw_zarr_unpacker *unpacker); /* NULL allowed */
uint64_t pw_zarr_unpacker_memory_bytes(const struct pw_zarr_chain *chain);

/* Decodes n stored bytes into the chunk's voxels, C order, native. */
enum pw_status pw_zarr_unpack(struct pw_zarr_unpacker *unpacker, const void *stored, size_t n, void *voxels,
                              struct pw_error *error);

#endif
