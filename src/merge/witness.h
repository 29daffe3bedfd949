/*
 * merge/witness - which objects one tile saw whole, and which of its labels then stands for the object.
 *
 * The objects are those that overlap agreement has joined (merge/resolve.h).  A label a of tile t is a witness of its
 * object when it touches no artificial face of t's box (one that is not at the volume's border) and the bounding
 * box of the object, over all its labels, lies in t's box.  Of several the one with most voxels in its core is
 * chosen; ties to the least (t, a). 
 *
 * Memory: never more than memory_bytes beside the buffers for one tile (pw_witness_memory_bytes()).
 * Threads: one.
 */
#ifndef PW_MERGE_WITNESS_H
#define PW_MERGE_WITNESS_H

#include "merge/resolve.h"
#include "merge/rule.h"
#include "merge/stage.h"

/* What stands for a label's object. */
enum {
    PW_OWNER_PRIVATE = 0, /* the label's core voxels; no other tile has anything to do with it */
    PW_OWNER_PIECES = 1,  /* nobody saw the object whole: each label's core voxels */
    PW_OWNER_FIRST = 2    /* and more: the label with the global number that is left, its whole mask */
};

/* The owner of every label, in global order: an unlinked scratch file. */
struct pw_owners {
    struct pw_scratch file;
    const uint64_t *offset; /* of the id map: of each tile's labels */
};

/*
 * Finds the owners.  map numbers the objects of stage before anything is painted or filtered.

 */
enum pw_status pw_witness_choose(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_rule *rule,
                                 const struct pw_id_map *map, uint64_t memory_bytes, const char *scratch_dir,
                                 struct pw_owners *owners, struct pw_error *error);
void pw_owners_release(struct pw_owners *owners); /* safe on a zeroed one */

/* The owners of the local ids 1..n of tile; owner[0] is that of local id 1. */
enum pw_status pw_owners_read(const struct pw_owners *owners, uint64_t tile, uint64_t *owner, uint64_t n,
                              struct pw_error *error);

/* Most bytes of buffers for one tile. */
uint64_t pw_witness_memory_bytes(const struct pw_record_limits *limits);

#endif
