/*
 * run/measure_tiles - labels of a volume measured tile by tile, by any number of threads, into an object log.
 *
 * Where the labels come from is the caller's: a stored volume (table/stored_labels.h), or those of a run after its
 * objects are known (output/puller.h).  The image is read for tiles that have labels only.
 *
 *     struct pw_measure_tiles measure = {...};
 *     pw_measure_tiles_run(&measure, &watch, error)
 *
 * Memory: pw_measure_tiles_worker_bytes() and the labels' own for each thread, reserved before the first tile.
 * Errors: the first of any thread; PW_E_CANCELLED.
 */
#ifndef PW_RUN_MEASURE_TILES_H
#define PW_RUN_MEASURE_TILES_H

#include "run/crew.h"
#include "store/sink.h"
#include "table/image_channels.h"
#include "table/object_log.h"
#include "tile/grid.h"

/* One thread's way to labels: begin a tile (NULL: nothing to do), then pull boxes of it. */
struct pw_tile_labels {
    enum pw_status (*begin)(void *labels, const struct pw_box *tile, struct pw_error *error);
    pw_pull_fn pull;
    void *labels;
};

/* Boxes that are pulled have at most so many voxels: whole rows of one plane, or a part of one row. */
#define PW_MEASURE_PULL_VOXELS ((uint64_t)1 << 16)

struct pw_measure_tiles {
    const struct pw_grid *grid; /* its cores are measured */
    const struct pw_measure_form *form;
    const struct pw_image_channels *image; /* NULL: places only */
    struct pw_object_log *log;
    unsigned threads;
    /* Makes and frees the labels of one thread. */
    enum pw_status (*labels_init)(void *context, unsigned thread, struct pw_tile_labels *labels,
                                  struct pw_error *error);
    void (*labels_release)(void *context, unsigned thread);
    void *context;
};

/* The largest box that is pulled from tiles of a grid. */
void pw_measure_tiles_pull(const struct pw_grid *grid, uint64_t shape[3]);

/* The number of labels that are measured at a time, and the bytes of one thread beside its labels. */
uint32_t pw_measure_tiles_capacity(const struct pw_measure_form *form, const uint64_t tile[3]);
uint64_t pw_measure_tiles_worker_bytes(const struct pw_measure_form *form, const struct pw_image_channels *image,
                                       const uint64_t tile[3]);

enum pw_status pw_measure_tiles_run(const struct pw_measure_tiles *measure, const struct pw_watch *watch,
                                    struct pw_error *error);

#endif
