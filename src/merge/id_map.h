/*
 * merge/id_map - the final id of every local id of every tile.  doc/STAGE.md gives the layout.
 *
 * pw_resolve() makes it.  Local ids whose object does not exist (no voxel in any core) or was
 * dropped have id 0.
 *
 * Threads: reading from any.
 */
#ifndef PW_MERGE_ID_MAP_H
#define PW_MERGE_ID_MAP_H

#include "patchworks.h"
#include "sys/file.h"

/* An unlinked scratch file; ids of 4 bytes while they fit, else 8. */
struct pw_id_map {
    struct pw_scratch file;
    unsigned id_bytes;
    uint64_t *offset; /* n_tiles + 1 global label offsets */
    uint64_t n_objects;
    uint64_t n_dropped;      /* objects that the filter left out */
    uint64_t dropped_voxels; /* of those */
    uint64_t n_edges;        /* that were read from the edge file; repeats count */
    uint64_t scratch_bytes;  /* the most disk that resolving took, this file included */
};

/* Memory that stays while the id map is in use. */
uint64_t pw_id_map_memory_bytes(uint64_t n_tiles);

void pw_id_map_release(struct pw_id_map *map); /* safe on a zeroed map */

/* Ids of the local ids 1..n of tile, as 64 bits: id[0] is that of local id 1. */
enum pw_status pw_id_map_read(const struct pw_id_map *map, uint64_t tile, uint64_t *id, uint64_t n,
                              struct pw_error *error);

#endif
