/*
 * store/level_block - one block (chunk, tile) of a smaller level of labels, out of blocks of the level before.
 *
 * The level before comes as runs, where it can be pulled (store/sink.h), which is by far the cheaper way; or as blocks of
 * voxels, decoded one at a time as they are needed.  Memory does not grow with the factor:
 *
 *     struct pw_level_maker maker = {0};
 *     pw_level_maker_init(&maker, step, n_steps, error)        once per thread, for all the levels it makes
 *     pw_level_maker_forget(&maker)                            where another level, page or time point begins
 *     pw_level_maker_make(&maker, &step, block, read, context, error)
 *     or pw_level_maker_make_of_runs(&maker, &step, block, z, pull, context, error)
 *     ... maker.made ...
 *     pw_level_maker_release(&maker)
 *
 * Ownership: the memory is the maker's.  Threads: a maker belongs to one.  Errors: those of reading.
 */
#ifndef PW_STORE_LEVEL_BLOCK_H
#define PW_STORE_LEVEL_BLOCK_H

#include "base/memory.h"
#include "label/raster.h"
#include "store/sink.h"

/* A level and the one that it is made from. */
struct pw_level_step {
    enum pw_pyramid_rule rule;
    uint64_t factor[3];
    uint64_t from_shape[3], from_block[3]; /* voxels of the level before, and of one of its blocks */
    uint64_t shape[3], block[3];
};

/*
 * Has the block of the level before at this place of its grid as dense voxels, as a whole also at the border.
 * PW_EMPTY, with voxels as they were, when it has no label.
 */
typedef enum pw_status (*pw_block_fn)(void *context, const uint64_t block[3], void *voxels, struct pw_error *error);

struct pw_level_maker {
    struct pw_buffer memory;
    enum pw_dtype dtype;
    int wants_runs;             /* the caller's: blocks that are made of runs shall be runs, too */
    int has_runs;               /* the block that was made is in runs, not in made: it had not too many of them */
    struct pw_label_block runs; /* of the part of the block that is in the volume */
    unsigned char *made;        /* the block that was made, as a whole: beyond the border 0 */
    unsigned char *decoded;     /* a block of the level before */
    unsigned char *region;      /* a part of that level, out of several blocks */
    uint64_t spare_bytes;       /* from decoded on, for the raster when there are no such blocks */
    struct pw_raster raster;
    uint64_t *value; /* a row of runs */
    struct pw_run *run;
    void *scratch;
    int has_decoded, decoded_empty;
    uint64_t decoded_block[3];
};

uint64_t pw_level_maker_memory_bytes(const struct pw_level_step *step, int n_steps, size_t element_bytes);
enum pw_status pw_level_maker_init(struct pw_level_maker *maker, const struct pw_level_step *step, int n_steps,
                                   enum pw_dtype dtype, struct pw_error *error);
void pw_level_maker_release(struct pw_level_maker *maker); /* safe on a zeroed maker */

void pw_level_maker_forget(struct pw_level_maker *maker);

/* Makes the block of the level at this place in maker->made; PW_EMPTY when it has no label. */
enum pw_status pw_level_maker_make(struct pw_level_maker *maker, const struct pw_level_step *step,
                                   const uint64_t block[3], pw_block_fn read, void *context, struct pw_error *error);

/* The largest box that is pulled for a block of the level, at most a block of the one before, or a factor. */
void pw_level_pull_extent(const struct pw_level_step *step, uint64_t extent[3]);

/* The same from runs; z: where the time point of the level begins in the stack that is pulled from. */
enum pw_status pw_level_maker_make_of_runs(struct pw_level_maker *maker, const struct pw_level_step *step,
                                           const uint64_t block[3], uint64_t z, pw_pull_fn pull, void *context,
                                           struct pw_error *error);

/* What a level of shape is smaller than the one before, along each axis: the nearest whole number, 1 at least. */
void pw_level_factor(const uint64_t from_shape[3], const uint64_t shape[3], uint64_t factor[3]);

#endif
