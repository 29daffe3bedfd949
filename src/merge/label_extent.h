/*
 * merge/label_extent - where the labels of a tile begin and end along each axis.
 *
 * Threads: pure functions of their arguments; the reader belongs to one thread.
 */
#ifndef PW_MERGE_LABEL_EXTENT_H
#define PW_MERGE_LABEL_EXTENT_H

#include "merge/record_reader.h"

struct pw_label_extent {
    uint32_t low[3], high[3]; /* [low, high); low above high: no voxel in the box */
};

/*
 * The extents of the labels of the loaded record within box (of the volume, within reader->box), counted from its
 * first voxel: extent[0] is that of local id 1, and there are reader->header.n_labels.
 */
enum pw_status pw_label_extents(const struct pw_record_reader *reader, const struct pw_box *box,
                                struct pw_label_extent *extent, struct pw_error *error);

#endif
