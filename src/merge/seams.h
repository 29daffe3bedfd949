/*
 * merge/seams - where neighbouring tiles meet: from their records to candidates in the edge file.
 *
 * When a tile has been appended to the stage, pw_seams_match() compares it with each
 * neighbour that is there already; the later of two tiles sees the earlier, so every
 * seam is matched exactly once whatever the order.  One file for each family of rules (merge/rule.h):
 *
 *   seam_touch.c    strips of two faces: adjacent voxels, diagonally too, and the lines and corners where
 *                   tiles meet only there.  Joined with the components inside the tiles it gives exactly those of
 *                   the whole volume.
 *   seam_face.c     strips of two faces: pairs of facing voxels, counted
 *   seam_overlap.c  runs of two windows: voxels of the overlap, counted
 *
 * Labels that carry a value (struct pw_runs.value) touch only labels of the same value.
 *
 * Memory: reserved at init.
 * Threads: one matcher belongs to one thread.
 */
#ifndef PW_MERGE_SEAMS_H
#define PW_MERGE_SEAMS_H

#include "base/memory.h"
#include "merge/contacts.h"
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
    const struct pw_rule *rule;
    struct pw_edge_file *edges;
    struct pw_buffer memory;
    struct pw_runs mine, theirs; /* a strip, or a plane of an overlap, of each side; arrays in memory */
    unsigned char *bytes;        /* a strip or plane as stored */
    uint64_t bytes_capacity;
    struct pw_line_voxel *line[2];
    struct pw_contacts contacts;
};

/* limits are those of the records. */
enum pw_status pw_seams_init(struct pw_seams *seams, const struct pw_grid *grid, const struct pw_record_limits *limits,
                             const struct pw_stage *stage, const struct pw_rule *rule, struct pw_edge_file *edges,
                             struct pw_error *error);
void pw_seams_release(struct pw_seams *seams); /* safe on a zeroed one */
uint64_t pw_seams_memory_bytes(const struct pw_grid *grid, const struct pw_record_limits *limits,
                               const struct pw_rule *rule);

/* Which faces of tile have a neighbour, and so a strip. */
void pw_seams_faces(const struct pw_grid *grid, uint64_t tile, int has_neighbour[PW_FACES]);

/* Matches tile, whose record has just been appended, with its neighbours in the stage. */
enum pw_status pw_seams_match(struct pw_seams *seams, const unsigned char *record, struct pw_error *error);

#endif
