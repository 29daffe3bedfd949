/*
 * merge/repaint - the witness rule's picture: a stage of records whose labels are what the owners say.
 *
 * Core by core: first the tile's own labels whose owner is in this tile or nobody, then, on voxels that are
 * still background, the whole masks of neighbours' labels that own their object, tile by tile in ascending order.
 * Records of the new stage keep the core alone.  Labels of one object in several tiles, or from several masks in one,
 * are joined by edges that need no rule, so that numbering goes on as after touching (merge/resolve.h).
 *
 * Memory: buffers for one tile (pw_repaint_memory_bytes()) and memory_bytes for sorting.
 * Threads: one.
 */
#ifndef PW_MERGE_REPAINT_H
#define PW_MERGE_REPAINT_H

#include "merge/edges.h"
#include "merge/stage.h"
#include "merge/witness.h"

/*
 * Opens and fills painted and edges (of the touch family).  map numbers the objects of stage.  origins may be NULL;
 * else it is opened too, and gets the object, as map numbers it, of every label of painted: 8 bytes each, tile by tile.
 */
enum pw_status pw_repaint(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_owners *owners,
                          const struct pw_id_map *map, uint64_t memory_bytes, const char *scratch_dir,
                          struct pw_stage *painted, struct pw_edge_file *edges, struct pw_scratch *origins,
                          struct pw_error *error);

/* Most bytes of buffers; limits are those of the records of stage. */
uint64_t pw_repaint_memory_bytes(const struct pw_grid *grid, const struct pw_record_limits *limits);

#endif
