/*
 * merge/label_table - what a tile's record says of each of its labels: its first voxel in the core, how many voxels
 * of the core it has, and whether it touches the border of the volume.  doc/STAGE.md gives the layout.
 *
 * A label need not have a voxel in the core (it may lie in the rim of the window alone), and
 * labels come in any order of their first voxels.
 *
 * Writing: pw_label_facts_count() over the runs, then pw_table_encode().
 * Reading: pw_table_decode(), or pw_table_read() piece by piece, in memory that does not grow with the tile.
 *
 * Threads: pure functions of their arguments.
 */
#ifndef PW_MERGE_LABEL_TABLE_H
#define PW_MERGE_LABEL_TABLE_H

#include "base/region.h"
#include "label/runs.h"
#include "patchworks.h"

/* What is known of a label of one tile. */
struct pw_label_fact {
    uint64_t first;     /* linear index in the core of its first voxel; UINT64_MAX when voxels is 0 */
    uint64_t voxels;    /* in the core */
    int touches_border; /* of the volume, with a voxel of the core */
};

/* The same while a tile is counted, in 32-bit numbers: windows have no more voxels than those hold. */
struct pw_label_count {
    uint32_t first, voxels;
    uint32_t touches_border;
};

/*
 * Bytes that the tables of tiles with up to n_labels labels and n_voxels voxels in the core never exceed.
 * labels_unordered: labels are not numbered in the order of their first voxels in the core, which takes more.
 */
uint64_t pw_table_bytes_max(uint64_t n_labels, uint64_t n_voxels, int labels_unordered);

/* The most bytes that one label takes. */
enum {
    PW_TABLE_ENTRY_BYTES_MAX = 20
};

/*
 * Counts the voxels of runs within core, a box of their block, into count[0..n_labels).  at_border[f]
 * says whether face f of the core lies at the border of the volume.
 */
void pw_label_facts_count(const struct pw_runs *runs, const struct pw_box *core, const int at_border[6],
                          struct pw_label_count *count);

/* Writes the table of n_labels counts to p; returns where it ends. */
unsigned char *pw_table_encode(unsigned char *p, const struct pw_label_count *count, uint64_t n_labels);

/* Reads the table of n_labels entries that n bytes hold.  PW_E_FORMAT when they cannot be one. */
enum pw_status pw_table_decode(const unsigned char *bytes, size_t n, uint64_t n_labels, struct pw_label_fact *facts,
                               struct pw_error *error);

/* Where a reader is in a table.  Begins zeroed. */
struct pw_table_cursor {
    uint64_t last_first;
};

/*
 * Reads up to capacity entries of a table from *bytes on, *n of them into facts, and leaves *bytes after the last:
 * an entry that end cuts off is left for a call that has the rest of it.
 */
enum pw_status pw_table_read(struct pw_table_cursor *cursor, const unsigned char **bytes, const unsigned char *end,
                             uint64_t capacity, struct pw_label_fact *facts, uint64_t *n, struct pw_error *error);

#endif
