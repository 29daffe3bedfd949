/*
 * tile/brick_maxima - the greatest voxel of each brick of a volume: by them a window is known to be empty unread.
 *
 * A volume is cut into bricks of one shape, as many as BRICKS_MAX at most for all channels and time points together.  Boxes
 * are those of the stack of time points (tile/grid.h).  A brick is known when each of its voxels was seen once: whoever adds
 * boxes sees to it that they do not overlap.
 *
 * Memory: pw_bricks_memory_bytes(), reserved at init.
 * Threads: pw_bricks_add() from any; the others when none adds.
 */
#ifndef PW_TILE_BRICK_MAXIMA_H
#define PW_TILE_BRICK_MAXIMA_H

#include <pthread.h>

#include "base/memory.h"
#include "tile/volume.h"

struct pw_brick {
    uint64_t seen;    /* voxels; all of them: it is known */
    uint64_t has_nan; /* any of them */
    union {
        int64_t i;
        uint64_t u;
        double f;
        uint64_t bits;
    } greatest; /* of those that are not NaN; as struct pw_range has it */
};

struct pw_bricks {
    enum pw_dtype dtype;
    uint64_t shape[3];  /* of a time point */
    uint64_t extent[3]; /* of a brick that is not clipped */
    uint64_t count[3];  /* bricks of a time point along each axis */
    uint64_t times, channels;
    uint64_t n;
    struct pw_buffer memory;
    struct pw_brick *brick;
    pthread_mutex_t lock;
    int has_lock;
};

enum pw_status pw_bricks_init(struct pw_bricks *bricks, const struct pw_volume *volume, struct pw_error *error);
void pw_bricks_release(struct pw_bricks *bricks); /* safe on a zeroed one */
uint64_t pw_bricks_memory_bytes(const struct pw_volume *volume);

/* The voxels of box, of one of the channels that are taken; rows are dense, or one and the same with a stride of 0. */
void pw_bricks_add(struct pw_bricks *bricks, uint32_t channel, const struct pw_box *box, const void *voxels,
                   const size_t stride_bytes[3]);

/* Whether it is known that no voxel of the box, of any channel, is above level or NaN. */
int pw_bricks_are_below(const struct pw_bricks *bricks, const struct pw_box *box, double level);

/* Voxels of brick number i, and how many bricks are known. */
uint64_t pw_brick_voxels(const struct pw_bricks *bricks, uint64_t i);
uint64_t pw_bricks_known(const struct pw_bricks *bricks);

#endif
