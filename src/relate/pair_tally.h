/*
 * relate/pair_tally - counting which labels of two volumes lie on each other.
 *
 *     pw_pair_tally_init(&tally, memory_bytes, &settings, error)      one for each thread
 *     pw_pair_tally_add(&tally, &view, error)                         a tile
 *     pw_pair_tally_flush(&tally, error)                              at the end
 *
 * Rows are cut into stretches of one pair of labels; pairs are counted in a hash table
 * of fixed size, which is emptied into settings->take whenever it is full, so the same
 * pair may be given to take several times.  Voxels that are background in both are not
 * given to take but counted in background, as they are in most images the greater part.
 *
 * Memory: pw_pair_tally_memory_bytes(), reserved at init.
 * Errors: PW_E_RANGE for a negative label, naming file, voxel and value; those of take.
 * Threads: a tally belongs to one thread; take is called from it.
 */
#ifndef PW_RELATE_PAIR_TALLY_H
#define PW_RELATE_PAIR_TALLY_H

#include "base/memory.h"
#include "label/pair_runs.h"
#include "relate/pair_reader.h"

/* A label of A and one of B, and how often they were seen together. */
struct pw_label_overlap {
    uint64_t a, b;
    uint64_t voxels;
    uint64_t first_cell, last_cell; /* least and greatest cell of the crossing grid; 0 without one */
};

typedef enum pw_status (*pw_overlap_fn)(void *context, const struct pw_label_overlap *overlap, uint64_t n,
                                        struct pw_error *error);

struct pw_pair_settings {
    const struct pw_label_pair *pair;
    uint64_t cell[3]; /* of a grid of which it is told what crosses it; 0: none */
    pw_overlap_fn take;
    void *context;
};

struct pw_pair_tally {
    struct pw_pair_settings settings;
    struct pw_pair_rows rows;
    struct pw_buffer memory;
    struct pw_label_overlap *table; /* voxels 0: free */
    uint64_t table_size, used;
    uint32_t *start;          /* of the stretches of a row */
    uint64_t background;      /* voxels that are 0 in both */
    uint64_t different;       /* voxels whose two labels are different numbers */
    uint64_t first_different; /* least of their raster numbers; UINT64_MAX: none */
};

/* memory_bytes is for the table, which is the largest that fits and is of use; rows come on top. */
uint64_t pw_pair_tally_memory_bytes(uint64_t memory_bytes, const struct pw_label_pair *pair);
enum pw_status pw_pair_tally_init(struct pw_pair_tally *tally, uint64_t memory_bytes,
                                  const struct pw_pair_settings *settings, struct pw_error *error);
void pw_pair_tally_destroy(struct pw_pair_tally *tally); /* safe on a zeroed tally */

enum pw_status pw_pair_tally_add(struct pw_pair_tally *tally, const struct pw_pair_view *view, struct pw_error *error);
enum pw_status pw_pair_tally_flush(struct pw_pair_tally *tally, struct pw_error *error);

#endif
