/*
 * label/runs - labels as runs: the form in which they travel from the segmenter
 * to the output.
 *
 * A run is a maximal stretch of one label along x inside one row.  A pw_runs
 * holds the runs of a block [z][y][x] of up to 2^32-1 voxels per row, row by row,
 * z then y; rows without a label have no runs.
 *
 * Memory: the arrays are lent by the caller (slices of a worker's arena), sized
 * with pw_runs_capacity(); nothing here allocates.
 */
#ifndef PW_LABEL_RUNS_H
#define PW_LABEL_RUNS_H

#include "patchworks.h"

struct pw_run {
    uint32_t start, end; /* [start, end) along x, relative to the block */
};

struct pw_runs {
    uint64_t shape[3];  /* z y x of the block */
    struct pw_run *run; /* capacity entries */
    uint32_t *label;    /* of each run, 1..n_labels */
    uint64_t *row;      /* shape[0]*shape[1]+1 entries: the runs of row r are row[r]..row[r+1]-1 */
    uint64_t capacity;  /* of run and label */
    uint64_t n_runs;
    uint32_t n_labels;
    uint64_t *value; /* of each run: labels of different values never join across a seam; NULL: any may */
};

/* The most runs a block can have: every row ceil(x/2), or x where labels may touch (instances). */
uint64_t pw_runs_capacity(const uint64_t shape[3], int labels_may_touch);

/*
 * Runs of a dense label array [z][y][x] of uint32; out->label holds the values as
 * they stand (not renumbered), n_labels is left 0.
 */
void pw_runs_from_dense(const uint32_t *dense, const uint64_t shape[3], struct pw_runs *out);

/*
 * Numbers the labels of runs 1..n in the order of their first run (raster order
 * of the first voxel) and sets n_labels.  Old labels may be any uint32 but 0.
 * scratch holds pw_runs_number_scratch_bytes(runs->n_runs) bytes.
 */
void pw_runs_number(struct pw_runs *runs, void *scratch);
size_t pw_runs_number_scratch_bytes(uint64_t n_runs);

/*
 * The runs of whole that lie in the box start..start+shape of its block, with
 * coordinates relative to the box; labels are copied, not renumbered.
 */
void pw_runs_crop(const struct pw_runs *whole, const uint64_t start[3], const uint64_t shape[3], struct pw_runs *out);

/*
 * Makes runs of a block those of the larger block of shape in which it begins at start; the rest is background.  The row
 * array has room for the larger block.
 */
void pw_runs_embed(struct pw_runs *runs, const uint64_t start[3], const uint64_t shape[3]);

/*
 * A read-only block of final labels: as struct pw_runs, with 64-bit object ids
 * by run.  Neighbouring runs of a row that touch differ in value.
 */
struct pw_label_block {
    uint64_t shape[3];
    const struct pw_run *run;
    const uint64_t *value; /* object id of each run, never 0 */
    const uint64_t *row;   /* shape[0]*shape[1]+1 entries */
    uint64_t n_runs;
};

/*
 * Paints one row of width voxels, background 0, from n runs and their values.
 * Every voxel of out is written exactly once or more; nothing beyond width.
 */
void pw_paint_row(enum pw_dtype dtype, void *out, uint64_t width, const struct pw_run *run, const uint64_t *value,
                  uint64_t n);

/*
 * Paints rows first_row..first_row+n_rows of block (row = z*shape[1]+y) into a
 * dense array of dtype (PW_U8, PW_U16, PW_U32 or PW_U64; ids must fit).
 */
void pw_paint_rows(enum pw_dtype dtype, void *out, const struct pw_label_block *block, uint64_t first_row,
                   uint64_t n_rows);

/* Paints a block of runs with their labels into dense, [z][y][x]. */
void pw_paint_labels(const struct pw_runs *runs, uint32_t *dense);

#endif
