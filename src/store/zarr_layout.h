/*
 * store/zarr_layout - chunks and shards of a label volume.
 *
 * What the caller asked for is taken; the rest is chosen: chunks of about a million
 * voxels that line up with the pipeline's tiles, shards of up to 8192 x 8192 or
 * 512 x 512 x 512 voxels, smaller where fewer than 16 units would be left for the threads.
 * Threads: pure functions.
 */
#ifndef PW_STORE_ZARR_LAYOUT_H
#define PW_STORE_ZARR_LAYOUT_H

#include "store/sink.h"

struct pw_zarr_layout {
    int version;       /* of zarr: 2 or 3 */
    uint64_t chunk[3]; /* z y x */
    uint64_t unit[3];  /* written by one thread: a shard, or with version 2 some chunks */
};

/*
 * Errors: PW_E_ARGUMENT for a chunk that does not divide its shard, a chunk above
 * 1 GiB, shards of version 2 or a shard of more than 2^20 chunks.
 */
enum pw_status pw_zarr_layout_choose(const struct pw_sink_request *request, int version, struct pw_zarr_layout *layout,
                                     struct pw_error *error);

/* The same for a smaller level of the image: chunks and units no larger than the level. */
void pw_zarr_layout_of_level(const struct pw_zarr_layout *layout, const uint64_t shape[3],
                             struct pw_zarr_layout *level);

#endif
