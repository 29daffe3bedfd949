/*
 * store/zarr_pyramid - the smaller levels of a label image, made while the largest is written.
 *
 * Each level is made from the one before by a rule of label/downsample.h.  A unit of
 * a level needs some units of the level before; whoever writes the last of them makes it, and then perhaps the unit of the
 * next level, so that all threads share the work and nothing holds a level.  The first smaller level, which is
 * most of the work, is made from the runs of the labels, pulled once more; the others, from what was written, read back
 * chunk by chunk:
 *
 *     pw_pyramid_init(&pyramid, arrays, n_levels, rule, error)      sizes are known
 *     pw_pyramid_start(&pyramid, error)
 *     per thread: pw_pyramid_worker_init(&worker, &pyramid, bound, error)
 *     after each unit of level 0: pw_pyramid_unit_done(&pyramid, &worker, &file, unit, pull, context, error)
 *
 * Units of several time points are stacked along z, as in the arrays; none is made of two.
 *
 * Which thread makes a unit has no influence on its bytes.
 *
 * Ownership: the arrays are the caller's.  Threads: unit_done from any thread, with a
 * worker and file of its own.  Errors: PW_E_UNSUPPORTED for levels of which a voxel stands for
 * more than 2^20 of the level before, and those of reading and writing.
 */
#ifndef PW_STORE_ZARR_PYRAMID_H
#define PW_STORE_ZARR_PYRAMID_H

#include "codec/zstd_runs.h"
#include "store/level_block.h"
#include "store/zarr_output_array.h"

struct pw_pyramid {
    int n_levels;
    enum pw_pyramid_rule rule;
    const struct pw_output_array *level;
    uint64_t factor[PW_MAX_LEVELS][3];        /* from the level before; [0] is unused */
    _Atomic uint32_t *missing[PW_MAX_LEVELS]; /* of each unit: units of the level before that are not written yet */
};

enum pw_status pw_pyramid_init(struct pw_pyramid *pyramid, const struct pw_output_array *level, int n_levels,
                               enum pw_pyramid_rule rule, struct pw_error *error);

/* Before the first unit: reserves what all threads share, a counter for each unit. */
enum pw_status pw_pyramid_start(struct pw_pyramid *pyramid, struct pw_error *error);
void pw_pyramid_release(struct pw_pyramid *pyramid); /* safe on a zeroed pyramid */

/* The largest box that is pulled; of a pyramid with a smaller level. */
void pw_pyramid_pull_extent(const struct pw_pyramid *pyramid, uint64_t extent[3]);

/* What all threads share. */
uint64_t pw_pyramid_memory_bytes(const struct pw_pyramid *pyramid);

struct pw_pyramid_worker {
    struct pw_chunk_reader reader;
    struct pw_codec_state codec;
    struct pw_level_maker maker;
    struct pw_zstd_runs *encoder; /* borrowed; NULL: chunks are painted */
    pw_pull_fn pull;              /* of the unit at hand */
    void *context;
};

/*
 * chunk_bound: most bytes of an encoded chunk.  encoder: where chunks are zstd frames of the lowest level, to make them
 * straight from runs; else NULL.
 */
enum pw_status pw_pyramid_worker_init(struct pw_pyramid_worker *worker, const struct pw_pyramid *pyramid,
                                      uint64_t chunk_bound, struct pw_zstd_runs *encoder, struct pw_error *error);
void pw_pyramid_worker_release(struct pw_pyramid_worker *worker); /* safe on a zeroed worker */
uint64_t pw_pyramid_worker_memory_bytes(const struct pw_pyramid *pyramid, uint64_t chunk_bound, size_t element_bytes);

enum pw_status pw_pyramid_unit_done(struct pw_pyramid *pyramid, struct pw_pyramid_worker *worker,
                                    struct pw_unit_file *file, const uint64_t unit[3], pw_pull_fn pull, void *context,
                                    struct pw_error *error);

#endif
