/*
 * relate/pair_reader - one thread's way through the tiles of two label volumes.
 *
 *     pw_pair_reader_init(&reader, &pair, error)
 *     pw_pair_reader_begin(&reader, tile, error)            starts the reads of the first tile
 *     for each tile:
 *         pw_pair_reader_begin(&reader, next_tile, error)   those of the next one, when there is one
 *         pw_pair_reader_take(&reader, &view, error)        the oldest tile begun, decoded
 *         ... look at view ...
 *         pw_pair_reader_done(&reader)
 *     pw_pair_reader_destroy(&reader)                       also with tiles under way
 *
 * Memory: pair->reader_bytes, reserved at init.
 * Threads: one reader belongs to one thread.
 */
#ifndef PW_RELATE_PAIR_READER_H
#define PW_RELATE_PAIR_READER_H

#include "relate/label_pair.h"

/* A tile of one of the two volumes. */
struct pw_side_view {
    enum pw_dtype dtype;
    const unsigned char *voxels;
    size_t stride_bytes[2]; /* from plane to plane, from row to row; 0 where all rows are alike */
    int constant;           /* nothing is stored: every row is the same row of fill values */
};

struct pw_pair_view {
    struct pw_box box;
    struct pw_side_view side[2];
};

/* One side: two slots take turns. */
struct pw_side_reader {
    struct pw_loader loader;
    struct pw_load_scratch scratch;
    struct pw_slot slot[2];
    void *fill_row;
};

struct pw_pair_reader {
    const struct pw_label_pair *pair;
    struct pw_side_reader side[2];
    unsigned begun, taken; /* tiles so far; at most two are under way */
};

enum pw_status pw_pair_reader_init(struct pw_pair_reader *reader, const struct pw_label_pair *pair,
                                   struct pw_error *error);
void pw_pair_reader_destroy(struct pw_pair_reader *reader); /* safe on a zeroed reader */

enum pw_status pw_pair_reader_begin(struct pw_pair_reader *reader, uint64_t tile, struct pw_error *error);

/* view is valid until done. */
enum pw_status pw_pair_reader_take(struct pw_pair_reader *reader, struct pw_pair_view *view, struct pw_error *error);
void pw_pair_reader_done(struct pw_pair_reader *reader);

#endif
