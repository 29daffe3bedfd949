/*
 * merge/leftovers - labels at a seam that found no partner, and lie where the neighbour saw something larger.
 *
 * Two tiles that disagree about a place leave pieces on both sides.  A label is a leftover when the rule joins it
 * with none, and in the overlap with some tile more than half of its voxels are those of one label that is larger
 * there (of equals the one in the lower tile, of the lower number, stays).  Its voxels in its own core are then
 * background, as --unmatched drop-covered asks for.
 *
 * Which labels these are is a bit for each, in global order, in an unlinked scratch file.
 * Memory: memory_bytes for sorting, and pw_leftovers_memory_bytes() that stay.
 * Threads: made by one; reading from any.
 */
#ifndef PW_MERGE_LEFTOVERS_H
#define PW_MERGE_LEFTOVERS_H

#include "merge/edges.h"
#include "merge/stage.h"

struct pw_leftovers {
    struct pw_scratch file;
    uint64_t *offset; /* of each tile's labels in global order, and their end */
    uint64_t n;       /* leftovers */
};

/* edges are candidates of the overlap family. */
enum pw_status pw_leftovers_find(const struct pw_stage *stage, const struct pw_edge_file *edges,
                                 const struct pw_rule *rule, uint64_t memory_bytes, const char *scratch_dir,
                                 struct pw_leftovers *leftovers, struct pw_error *error);
void pw_leftovers_release(struct pw_leftovers *leftovers); /* safe on a zeroed one */
uint64_t pw_leftovers_memory_bytes(uint64_t n_tiles);

/* Bits of n labels of tile from the one with index first (local id - 1) on: bit 0 of bits[0] is the first. */
enum {
    PW_LEFTOVER_BITS = 1024
};
enum pw_status pw_leftovers_read(const struct pw_leftovers *leftovers, uint64_t tile, uint64_t first, uint64_t n,
                                 uint64_t bits[PW_LEFTOVER_BITS / 64], struct pw_error *error);

#endif
