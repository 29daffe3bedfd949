/*
 * merge/fact_reader - the facts of a tile's labels from the stage, in the order of their local ids, piece by piece.
 *
 *     pw_fact_reader_init
 *     pw_fact_reader_open(tile), then pw_fact_reader_next() until as many facts have come as the tile has labels
 *
 * First voxels are checked, and given as linear indices in the stack of all time points.
 *
 * Memory: lent by the caller, whatever the size of the tile.
 * Threads: a reader belongs to one; several may read one stage.
 */
#ifndef PW_MERGE_FACT_READER_H
#define PW_MERGE_FACT_READER_H

#include "base/region.h"
#include "merge/leftovers.h"
#include "merge/stage.h"
#include "tile/grid.h"

struct pw_fact_reader {
    const struct pw_grid *grid;
    const struct pw_stage *stage;
    unsigned char *bytes; /* capacity of them */
    uint64_t capacity;
    struct pw_label_fact *fact; /* fact_capacity of them */
    uint64_t fact_capacity;

    const struct pw_leftovers *left_out; /* labels given as if they had no voxel; NULL: none.  Set after init */

    /* The tile being read. */
    uint64_t tile;
    struct pw_box core;
    uint64_t n_read;              /* facts handed out */
    uint64_t voxels;              /* of the core */
    uint64_t next, table_end;     /* in the record: what has not been read yet */
    const unsigned char *p, *end; /* what has been read and not yet decoded */
    struct pw_table_cursor cursor;
    uint64_t row, row_in_volume; /* where the row of the label met last begins, in the core and in the volume */
};

/* The least memory of a reader. */
#define PW_FACT_READER_BYTES_MIN ((uint64_t)1024)

/* memory holds memory_bytes, aligned to 8. */
void pw_fact_reader_init(struct pw_fact_reader *reader, const struct pw_grid *grid, const struct pw_stage *stage,
                         void *memory, uint64_t memory_bytes);

/* Begins with tile. */
enum pw_status pw_fact_reader_open(struct pw_fact_reader *reader, uint64_t tile, struct pw_error *error);

/* The next *n facts, at least one, valid until the next call.  PW_E_FORMAT where there are none, or wrong ones. */
enum pw_status pw_fact_reader_next(struct pw_fact_reader *reader, const struct pw_label_fact **facts, uint64_t *n,
                                   struct pw_error *error);

#endif
