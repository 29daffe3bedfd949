/*
 * label/outline - the outlines of labels as polygons along the edges of voxels.
 *
 * An outline is found in two steps, so that no object has to be held while others are looked at.  First the edges
 * between a row and the next, label by label:
 *
 *     pw_outline_rows(&above, &below, emit, context)        an edge: (label, x0..x1, which side the label is on)
 *
 * Then, with all edges of one label sorted by (y, x0), the rings they make up:
 *
 *     pw_outline_init(&outline, edges_max, error)
 *     pw_outline_add(&outline, edge) ...  pw_outline_close(&outline)     one label
 *     for each ring: corners, whether it is a hole, and of which ring
 *     pw_outline_clear(&outline)                                         the next label
 *
 * Corners are voxel corners: voxel (y, x) covers [x, x+1) x [y, y+1).  Voxels that meet in a corner only are in rings of
 * their own, and no ring comes to a corner twice, so that polygons are simple features as GEOS and its kin want them.
 * Walked as given, a ring has its label on its right (with y downwards); corners 2i and 2i+1 are the ends of a
 * horizontal edge.
 *
 * Memory: fixed at init, pw_outline_memory_bytes().  Threads: an outline belongs to one.
 */
#ifndef PW_LABEL_OUTLINE_H
#define PW_LABEL_OUTLINE_H

#include "base/memory.h"
#include "label/runs.h"

/* The runs of one row. */
struct pw_outline_row {
    const struct pw_run *run;
    const uint64_t *value;
    uint64_t n;
};

/* Edge x0..x1 of label value; below: the label is under the edge, else above. */
typedef enum pw_status (*pw_outline_edge_fn)(void *context, uint64_t value, uint32_t x0, uint32_t x1, int below,
                                             struct pw_error *error);

/* The edges between two rows; either may be empty (n 0). */
enum pw_status pw_outline_rows(const struct pw_outline_row *above, const struct pw_outline_row *below,
                               pw_outline_edge_fn emit, void *context, struct pw_error *error);

struct pw_outline_edge {
    uint32_t y, x0, x1;
    int below;
};

#define PW_OUTLINE_NONE UINT64_MAX

struct pw_outline_ring {
    uint64_t first, n; /* entries of corner */
    int is_hole;
    uint64_t next_hole;       /* a ring's first hole, a hole's next one; PW_OUTLINE_NONE after the last */
    uint32_t low[2], high[2]; /* x, y: the ring's box */
};

struct pw_outline {
    struct pw_buffer memory;
    uint64_t capacity; /* edges */
    uint64_t n;
    struct pw_outline_edge *edge;
    struct pw_outline_end *end;
    uint32_t *opposite;    /* of each edge's two ends: the end that a vertical edge joins it with */
    uint32_t *twin;        /* likewise: the end of another edge in the same corner, or none */
    uint32_t *place;       /* likewise: where it is on the path */
    uint32_t *path;        /* ends that were come by, and are not in a ring yet */
    uint32_t (*corner)[2]; /* x, y */
    struct pw_outline_ring *ring;
    uint64_t n_rings, n_corners;
};

enum pw_status pw_outline_init(struct pw_outline *outline, uint64_t edges_max, struct pw_error *error);
void pw_outline_release(struct pw_outline *outline); /* safe on a zeroed outline */
uint64_t pw_outline_memory_bytes(uint64_t edges_max);

/* Adds the next edge in the order of (y, x0); edges that continue each other become one.  0 when there is no room. */
int pw_outline_add(struct pw_outline *outline, const struct pw_outline_edge *edge);
void pw_outline_close(struct pw_outline *outline);
void pw_outline_clear(struct pw_outline *outline);

#endif
