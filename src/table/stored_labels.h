/*
 * table/stored_labels - the labels of a stored volume of any integer type, as runs.
 *
 *     pw_stored_labels_init(&labels, &volume, box_voxels, pull_voxels, error)     one for each thread
 *     pw_stored_labels_begin(&labels, &tile, error)                               reads the labels of a tile
 *     pw_stored_labels_pull(&labels, &box, &block, error)                         a pw_pull_fn: a box inside of it
 *     pw_stored_labels_release(&labels)
 *
 * Memory: pw_stored_labels_memory_bytes(), reserved at init.
 * Errors: those of reading; PW_E_FORMAT for a label below 0, with its place.
 * Threads: one.
 */
#ifndef PW_TABLE_STORED_LABELS_H
#define PW_TABLE_STORED_LABELS_H

#include "base/memory.h"
#include "label/runs.h"
#include "tile/volume.h"

struct pw_stored_labels {
    const struct pw_volume *volume;
    struct pw_region_reader *reader;
    struct pw_box tile;
    size_t stride_bytes[3];
    struct pw_buffer memory;
    unsigned char *voxels;
    struct pw_run *run;
    uint64_t *value, *row;
    unsigned char *gathered; /* a row whose voxels do not lie side by side */
    uint64_t pull_voxels;
    int as_bits; /* set after init: values are the bits of elements of any type, and none is refused */
};

uint64_t pw_stored_labels_memory_bytes(const struct pw_volume *volume, uint64_t tile_voxels, uint64_t pull_voxels);
enum pw_status pw_stored_labels_init(struct pw_stored_labels *labels, const struct pw_volume *volume,
                                     uint64_t tile_voxels, uint64_t pull_voxels, struct pw_error *error);
void pw_stored_labels_release(struct pw_stored_labels *labels); /* safe on a zeroed one */

enum pw_status pw_stored_labels_begin(void *labels, const struct pw_box *tile, struct pw_error *error);

/* box lies in the tile and has at most pull_voxels voxels. */
enum pw_status pw_stored_labels_pull(void *labels, const struct pw_box *box, struct pw_label_block *block,
                                     struct pw_error *error);

#endif
