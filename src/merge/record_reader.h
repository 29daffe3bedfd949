/*
 * merge/record_reader - the records of a complete stage, one at a time and whole in memory.
 *
 *     pw_record_reader_init -> pw_record_reader_load, pw_record_reader_visit ... -> pw_record_reader_release
 *
 * Memory: one record, the largest of the stage, reserved at init.
 * Threads: a reader belongs to one thread.
 */
#ifndef PW_MERGE_RECORD_READER_H
#define PW_MERGE_RECORD_READER_H

#include "base/memory.h"
#include "merge/stage.h"
#include "tile/grid.h"

struct pw_record_reader {
    const struct pw_grid *grid;
    const struct pw_stage *stage;
    struct pw_buffer memory;

    /* of the tile that was loaded last */
    const unsigned char *record;
    struct pw_record_header header;
    struct pw_box box; /* whose runs the record keeps, in the volume */
};

enum pw_status pw_record_reader_init(struct pw_record_reader *reader, const struct pw_grid *grid,
                                     const struct pw_stage *stage, struct pw_error *error);
void pw_record_reader_release(struct pw_record_reader *reader); /* safe on a zeroed one */

/* The most local ids and the largest record that a tile of the stage came out with. */
uint64_t pw_stage_most_labels(const struct pw_stage *stage);
uint64_t pw_stage_largest_record(const struct pw_stage *stage);

enum pw_status pw_record_reader_load(struct pw_record_reader *reader, uint64_t tile, struct pw_error *error);

/*
 * Hands the runs of the loaded record that lie in box (of the volume, within reader->box) to take, row by
 * row: the row counted within box, z then y, and start and end from its first x.
 */
enum pw_status pw_record_reader_visit(const struct pw_record_reader *reader, const struct pw_box *box,
                                      pw_take_run_fn take, void *context, struct pw_error *error);

#endif
