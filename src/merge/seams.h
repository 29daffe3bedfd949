/*
 * merge/seams - where two neighbouring tiles meet: from their strips to edges.
 *
 * The rule here is touch: two labels are one object when some voxel of one is adjacent, under
 * the connectivity, to some voxel of the other.  Connectivity 1 joins across
 * faces; 2 and 3 also diagonally across faces, and across the edges and corners
 * where tiles meet only diagonally.  Exact for connected components: joined with the
 * components inside the tiles it gives those of the whole volume.  Labels that carry a value
 * (struct pw_runs.value) join only with labels of the same value.
 *
 * When a tile has been appended to the stage, pw_seams_match() compares it with each
 * neighbour that is there already; the later of two tiles sees the earlier, so every
 * seam is matched exactly once whatever the order.
 *
 * Memory: two strips and two lines, reserved at init.
 * Threads: one matcher belongs to one thread.
 */
#ifndef PW_MERGE_SEAMS_H
#define PW_MERGE_SEAMS_H

#include "base/memory.h"
#include "merge/edges.h"
#include "merge/stage.h"
#include "tile/grid.h"

/* A voxel on an edge between tiles that meet only diagonally; label 0 is background. */
struct pw_line_voxel {
    uint64_t value;
    uint32_t label;
};

struct pw_seams {
    const struct pw_grid *grid;
    const struct pw_stage *stage;
    struct pw_edge_file *edges;
    int connectivity;
    struct pw_buffer memory;
    struct pw_runs mine, theirs; /* strips; arrays in memory */
    unsigned char *bytes;        /* a strip as stored */
    uint64_t bytes_capacity;
    struct pw_line_voxel *line[2];
};

enum pw_status pw_seams_init(struct pw_seams *seams, const struct pw_grid *grid, const struct pw_stage *stage,
                             struct pw_edge_file *edges, int connectivity, struct pw_error *error);
void pw_seams_release(struct pw_seams *seams); /* safe on a zeroed one */
uint64_t pw_seams_memory_bytes(const struct pw_grid *grid);

/* Which faces of tile have a neighbour, and so a strip. */
void pw_seams_faces(const struct pw_grid *grid, uint64_t tile, int has_neighbour[PW_FACES]);

/* Matches tile, whose record has just been appended, with its neighbours in the stage. */
enum pw_status pw_seams_match(struct pw_seams *seams, const unsigned char *record, struct pw_error *error);

#endif
