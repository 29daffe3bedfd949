/*
 * output/puller - final labels of any box, from the stage and the id map, as runs.
 *
 * A sink pulls the boxes it needs (store/sink.h).  For each the puller reads the
 * planes of the tiles that the box crosses, looks their local ids up in the id map, and
 * puts the runs into raster order, joining those that a tile border had cut.
 *
 * Memory: reserved at init for the largest box; a puller belongs to one thread.
 */
#ifndef PW_OUTPUT_PULLER_H
#define PW_OUTPUT_PULLER_H

#include "base/memory.h"
#include "label/raster.h"
#include "merge/resolve.h"
#include "merge/stage.h"
#include "tile/grid.h"

struct pw_puller {
    const struct pw_grid *grid;
    const struct pw_stage *stage;
    const struct pw_id_map *map;
    int labels_may_touch;
    struct pw_buffer memory;

    struct pw_raster raster; /* runs come tile by tile */
    uint64_t *id;            /* of the local ids of id_tile */
    uint64_t id_tile;        /* UINT64_MAX: none */
    uint64_t id_capacity;
    uint64_t *plane_index; /* of a tile: depth + 1 offsets */
    unsigned char *coded;  /* some planes of a tile */
    uint64_t coded_capacity;

    /* the box and tile at hand */
    struct pw_box box;
    uint64_t tile_n_labels;
    int64_t row_shift; /* from a row of the plane to a row of the box */
    int64_t x_shift;
    int failed; /* a local id beyond the tile's labels */
};

/* Reservation for boxes of at most pull voxels; the stage must be complete (its largest tiles are looked at). */
enum pw_status pw_puller_init(struct pw_puller *puller, const struct pw_grid *grid, const struct pw_stage *stage,
                              const struct pw_id_map *map, const struct pw_record_limits *limits,
                              const uint64_t pull[3], struct pw_error *error);
void pw_puller_release(struct pw_puller *puller); /* safe on a zeroed one */

/* An upper bound of what a puller reserves, before anything is known of the tiles. */
uint64_t pw_puller_memory_bytes(const struct pw_record_limits *limits, const uint64_t pull[3]);

/* The labels of box; a pw_pull_fn whose context is the puller. */
enum pw_status pw_puller_pull(void *puller, const struct pw_box *box, struct pw_label_block *block,
                              struct pw_error *error);

#endif
