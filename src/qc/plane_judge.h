/*
 * qc/plane_judge - what the labels on the two sides of a plane have to do with each other.
 *
 *     pw_plane_judge_init
 *     fill judge->low and judge->high with the runs of the two layers, row for row
 *     pw_plane_judge         -> figures of the one plane
 *
 * Memory: reserved at init for planes of so many voxels.
 * Threads: one judge belongs to one thread.
 */
#ifndef PW_QC_PLANE_JUDGE_H
#define PW_QC_PLANE_JUDGE_H

#include "merge/contacts.h"
#include "merge/record_reader.h"

struct pw_plane_judge {
    struct pw_runs low, high;
    struct pw_contacts contacts;
    struct pw_buffer memory;
    uint64_t *object[2]; /* of the labels of each side */
    unsigned char *bytes;
    uint64_t bytes_capacity;
};

/* The largest face of grid's cores, which are at most n_labels labels' on each side. */
uint64_t pw_plane_judge_memory_bytes(const struct pw_grid *grid);
enum pw_status pw_plane_judge_init(struct pw_plane_judge *judge, const struct pw_grid *grid, struct pw_error *error);
void pw_plane_judge_release(struct pw_plane_judge *judge); /* safe on a zeroed one */

/* Takes one layer of the loaded record into runs (the judge's low or high): layer is a box 1 thick along some axis. */
enum pw_status pw_plane_take_layer(const struct pw_record_reader *reader, const struct pw_box *layer,
                                   struct pw_runs *runs, struct pw_error *error);

/* Takes face of tile from the stage likewise. */
enum pw_status pw_plane_take_face(struct pw_plane_judge *judge, const struct pw_grid *grid,
                                  const struct pw_stage *stage, uint64_t tile, int face, struct pw_runs *runs,
                                  struct pw_error *error);

/*
 * The figures of the plane between low and high; low_id[i] and high_id[i] are the objects of local id i + 1, 0 none.
 * Errors: PW_E_BUDGET when more labels meet than the table of contacts holds.
 */
enum pw_status pw_plane_judge(struct pw_plane_judge *judge, const uint64_t *low_id, const uint64_t *high_id,
                              struct pw_plane_figures *figures, struct pw_error *error);

/* Adds the figures of planes. */
void pw_plane_figures_add(struct pw_plane_figures *sum, const struct pw_plane_figures *figures);
void pw_overlap_figures_add(struct pw_overlap_figures *sum, const struct pw_overlap_figures *figures);

#endif
