/*
 * merge/resolve - from edges and label tables to the final number of every local id.
 *
 * A global label is offset[tile] + local id - 1, with offset the number of labels of all tiles before; labels that
 * edges join are one object.  Objects are numbered 1..N by their first voxel in raster order, which
 * is why tile shape, order and threads leave no trace in the numbers.
 *
 * Method: range contraction.  Labels are cut into ranges that fit the memory; with one range this is a plain
 * union-find.  From the last range to the first,
 *
 *     edges within the range are united; of the edges of a set to lower ranges one is kept as its link, and the
 *     others become edges from that link, in the ranges of their ends: edges never grow in number
 *     -> facts of labels (first voxel, voxels, border) are summed by set, and a set that has a link hands them down
 *     -> a set without one is an object, whole: it is filtered, and sorted by its first voxel: rank = id, 1..N
 *
 * and from the first range to the last, ids are handed back up along the links.  Whatever goes from range to range
 * waits in buckets on disk (ext/buckets), and is read and written in large blocks, once per range.
 * (Sibeyn, External connected components, SWAT 2004, contracts node by node what is contracted by ranges here.)
 *
 * Memory: never more than memory_bytes, and less where more would not make it faster: 16 MiB, or 4 bytes a label.
 * Disk: pw_resolve_scratch_bytes() at most, in proportion to labels and edges.
 * Threads: one.
 */
#ifndef PW_MERGE_RESOLVE_H
#define PW_MERGE_RESOLVE_H

#include "merge/edges.h"
#include "merge/id_map.h"
#include "merge/stage.h"
#include "tile/grid.h"

struct pw_leftovers;

/* Objects that get no number.  Zeroed: all get one. */
struct pw_object_filter {
    uint64_t least_voxels, most_voxels;  /* an object with fewer, with more is dropped; most_voxels 0: no limit */
    int drop_border;                     /* one that touches the border of the volume is dropped */
    const struct pw_leftovers *left_out; /* labels whose voxels do not count; NULL: none */
};

/* Who is told how far resolving has come, and may stop it.  Zeroed: nobody. */
struct pw_resolve_watch {
    pw_progress_fn progress;
    void *user;
};

/* The least memory that resolving works in, whatever it is given. */
#define PW_RESOLVE_MEMORY_MIN ((uint64_t)96 << 10)

/*
 * filter and watch may be NULL.  The caller releases map, on errors too.  Errors: PW_E_CANCELLED when watch->progress
 * wants no more; PW_E_FORMAT for a stage or edges that are broken; PW_E_IO; PW_E_NOMEM.
 */
enum pw_status pw_resolve(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_edge_file *edges,
                          const struct pw_rule *rule, const struct pw_object_filter *filter,
                          const struct pw_resolve_watch *watch, uint64_t memory_bytes, const char *scratch_dir,
                          struct pw_id_map *map, struct pw_error *error);

/* The most disk that resolving n_labels labels and n_edges edges in memory_bytes takes, the id map included. */
uint64_t pw_resolve_scratch_bytes(uint64_t n_labels, uint64_t n_edges, uint64_t memory_bytes);

#endif
