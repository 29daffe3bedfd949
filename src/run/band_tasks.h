/*
 * run/band_tasks - what has to be read for a band of an image, in pieces that any thread can take.
 *
 * A piece is one chunk's part of the band; of an uncompressed file it is a slice.  Each goes to its own place of the
 * band's voxels, so that they can be read in any order.
 *
 * Threads: any, each with a reader of its own.
 */
#ifndef PW_RUN_BAND_TASKS_H
#define PW_RUN_BAND_TASKS_H

#include "run/image_bands.h"
#include "store/source.h"

struct pw_band_tasks {
    struct pw_source *source;
    struct pw_bands bands;
    size_t element_bytes;
    unsigned n_slices; /* of a band of an uncompressed file, at most */
};

struct pw_band_task {
    uint64_t band, number;
    struct pw_region region; /* of the band */
};

/* How many a band has that covers region: at least one. */
uint64_t pw_band_tasks_count(const struct pw_band_tasks *tasks, const struct pw_region *region);

/* Reads one into its place of voxels, the band's.  Errors: of the source. */
enum pw_status pw_band_tasks_do(const struct pw_band_tasks *tasks, const struct pw_band_task *task,
                                struct pw_region_reader *reader, unsigned char *voxels, struct pw_error *error);

/* Has the system begin to read what a task on a chunk will ask for. */
void pw_band_tasks_expect(const struct pw_band_tasks *tasks, const struct pw_band_task *task,
                          struct pw_region_reader *reader);

#endif
