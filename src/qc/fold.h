/*
 * qc/fold - where objects begin along an axis, modulo the tile: seams that cut or fuse objects show as places where
 * more or fewer begin than elsewhere.
 *
 *     pw_fold_init -> pw_fold_add, for every label of every tile -> pw_fold_finish
 *
 * An object begins at the low face of its bounding box.
 *
 * Memory: a sorter of memory_bytes, whatever the number of objects.
 * Threads: one.
 */
#ifndef PW_QC_FOLD_H
#define PW_QC_FOLD_H

#include "ext/sorter.h"
#include "tile/grid.h"

enum {
    PW_FOLD_BINS = 16 /* or as many as a tile has voxels along the axis */
};

struct pw_fold {
    const struct pw_grid *grid;
    struct pw_sorter boxes; /* of objects, by id */
};

enum pw_status pw_fold_init(struct pw_fold *fold, const struct pw_grid *grid, uint64_t memory_bytes,
                            const char *scratch_dir, struct pw_error *error);
void pw_fold_release(struct pw_fold *fold); /* safe on a zeroed one */

/* A label of object that fills box of the volume. */
enum pw_status pw_fold_add(struct pw_fold *fold, uint64_t object, const struct pw_box *box, struct pw_error *error);

/*
 * Fills n_folded, chi_square, degrees and the densities of the axes that have seams.  Objects at the border of the
 * volume begin where they do for another reason: only those count that begin behind the first voxel, and at
 * least axis[a].label_extent before the end.
 */
enum pw_status pw_fold_finish(struct pw_fold *fold, struct pw_axis_quality axis[3], struct pw_error *error);

#endif
