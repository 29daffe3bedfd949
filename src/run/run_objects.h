/*
 * run/run_objects - the table of objects of a run.
 *
 * Labels are measured tile by tile in pass 1, where the voxels are at hand, into the object log (further channels are
 * read there, for tiles that have labels); when the objects are known the records become rows.  Where objects are painted otherwise than tiles had labelled them (the witness rule),
 * or the tiles are of an earlier run, the final labels are measured while the image is read once more.
 *
 *     pw_run_objects_open(job, error)                     checks; nothing can be seen yet
 *     pass 1:  pw_tile_objects_init, _add, _release       of each worker
 *     pass 3:  pw_run_objects_write(job, error)           after the labels, before they come into view
 *              pw_run_objects_commit(job, error)          after that
 *     pw_run_objects_close(job)
 *
 * Memory: what pw_tile_objects_bytes() and pw_run_objects_bytes() say.  Threads: a pw_tile_objects belongs to one.
 */
#ifndef PW_RUN_RUN_OBJECTS_H
#define PW_RUN_RUN_OBJECTS_H

#include "base/memory.h"
#include "label/measure.h"
#include "patchworks.h"
#include "table/image_channels.h"

struct pw_job;

enum pw_status pw_run_objects_open(struct pw_job *job, struct pw_error *error);
void pw_run_objects_close(struct pw_job *job); /* safe when nothing was opened */

/* One worker's records. */
struct pw_tile_objects {
    struct pw_job *job;
    struct pw_measure measure;
    struct pw_buffer memory;
    struct pw_channel_reader reader; /* of further channels */
    uint64_t tile;
};

/* Bytes of one worker of pass 1; 0 when nothing is measured there. */
uint64_t pw_tile_objects_bytes(const struct pw_job *job);
enum pw_status pw_tile_objects_init(struct pw_tile_objects *objects, struct pw_job *job, struct pw_error *error);
void pw_tile_objects_release(struct pw_tile_objects *objects); /* safe on a zeroed one */

/* Measures the labels of a tile's core, whose voxels tile has.  Nothing to do when nothing is measured in pass 1. */
enum pw_status pw_tile_objects_add(struct pw_tile_objects *objects, const struct pw_runs *core,
                                   const struct pw_tile *tile, struct pw_error *error);

/* Bytes that writing the table takes beside what lives through all passes, with threads; 0 without a table. */
uint64_t pw_run_objects_bytes(const struct pw_job *job, unsigned threads);

/* Disk for the records of so many labels: the log, and twice the sorted ones when they do not fit the memory. */
uint64_t pw_run_objects_scratch_bytes(const struct pw_job *job, uint64_t n_labels);

enum pw_status pw_run_objects_write(struct pw_job *job, struct pw_error *error);
enum pw_status pw_run_objects_commit(struct pw_job *job, struct pw_error *error);

#endif
