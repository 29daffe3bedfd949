/*
 * merge/resolve - from edges and label tables to the final number of every local id.
 *
 *     edge file -> (global label, global label), sorted, repeats dropped
 *       -> union-find over the labels that occur in edges, towards the smaller
 *       -> first voxel of each object (the least of its labels')
 *       -> objects sorted by first voxel: rank = id, 1..N, raster order
 *       -> id map: for each tile in order the id of each local id
 *
 * A global label is offset[tile] + local id - 1, with offset the number of labels of all
 * tiles before.  Labels without an edge are objects by themselves and never enter
 * the union-find, so its memory grows with the labels on seams, not with all.
 *
 * Memory: never more than memory_bytes. Sorting spills to disk, whatever the number of labels and edges; the
 * union-find is in memory, 20 bytes for each label that lies on a seam, in half of memory_bytes.  More of them are
 * refused (PW_E_BUDGET).
 * Threads: one.
 */
#ifndef PW_MERGE_RESOLVE_H
#define PW_MERGE_RESOLVE_H

#include "merge/edges.h"
#include "merge/stage.h"
#include "tile/grid.h"

/* The id map, an unlinked scratch file; ids of 4 bytes while they fit, else 8. */
struct pw_id_map {
    struct pw_scratch file;
    unsigned id_bytes;
    uint64_t *offset; /* n_tiles + 1 global label offsets */
    uint64_t n_objects;
    uint64_t n_edges; /* distinct */
};

/* Memory that stays while the id map is in use. */
uint64_t pw_id_map_memory_bytes(uint64_t n_tiles);

enum pw_status pw_resolve(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_edge_file *edges,
                          const struct pw_rule *rule, uint64_t memory_bytes, const char *scratch_dir,
                          struct pw_id_map *map, struct pw_error *error);
void pw_id_map_release(struct pw_id_map *map); /* safe on a zeroed map */

/* Ids of the local ids 1..n of tile, as 64 bits: id[0] is that of local id 1.  Any thread. */
enum pw_status pw_id_map_read(const struct pw_id_map *map, uint64_t tile, uint64_t *id, uint64_t n,
                              struct pw_error *error);

#endif
