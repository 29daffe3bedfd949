/*
 * run/explain_parts - what the files of pw_explain() share; not for others.
 *
 *     explain.c          which object, its labels, the order of it all
 *     explain_edges.c    its candidates, and the final ids of what is at their other ends
 *     explain_pieces.c   under witness what was painted
 *
 * Memory: buffers for one tile of each stage, and sorters.  Threads: one.
 */
#ifndef PW_RUN_EXPLAIN_PARTS_H
#define PW_RUN_EXPLAIN_PARTS_H

#include "ext/sorter.h"
#include "merge/label_extent.h"
#include "run/kept_merge.h"

/* The ids of the labels of the tile that was looked up last. */
struct pw_id_cache {
    uint64_t tile;
    uint64_t *id;
};

/* The labels of one record of a stage. */
struct pw_tile_labels {
    struct pw_record_reader reader;
    struct pw_label_fact *fact;
    struct pw_label_extent *extent;
};

struct pw_explain_look {
    struct pw_job *job;
    const struct pw_explain_calls *calls;
    struct pw_kept_objects objects;
    struct pw_explained about;
    uint64_t part;             /* the object before anything is painted */
    unsigned char *has_labels; /* of it: a bit for every tile */
    struct pw_id_cache ids[2];
    uint64_t *owner;
    struct pw_tile_labels seen, painted;
    struct pw_sorter links;   /* candidates, by their ends */
    struct pw_scratch finals; /* under witness: the final id of every object of parts */
};

/* Edges that are read at a time. */
enum {
    PW_EXPLAIN_EDGES = 4096
};

/* Loads tile: facts and extents of its labels, over all of the box that its record keeps. */
enum pw_status pw_explain_load(struct pw_tile_labels *labels, uint64_t tile, struct pw_error *error);

/* The first voxel of a label of tile, and the box of one, in the volume. */
void pw_explain_first(const struct pw_grid *grid, uint64_t tile, const struct pw_label_fact *fact, uint64_t first[3]);
void pw_explain_box(const struct pw_box *box, const struct pw_label_extent *extent, uint64_t start[3],
                    uint64_t shape[3]);

/* In explain_edges.c; finals come before edges.  The caches of ids are lent to them. */
enum pw_status pw_explain_find_finals(struct pw_explain_look *look, struct pw_error *error);
enum pw_status pw_explain_tell_edges(struct pw_explain_look *look, struct pw_error *error);

/* In explain_pieces.c. */
enum pw_status pw_explain_tell_pieces(struct pw_explain_look *look, struct pw_error *error);

#endif
