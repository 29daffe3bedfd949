/*
 * tile/volume - the z y x volume that a run segments, inside an array of any rank.
 *
 * An array has axes out of t c z y x in any order; one time point and one channel
 * of it are a volume.  An array without a z axis is a volume 1 thick.
 */
#ifndef PW_TILE_VOLUME_H
#define PW_TILE_VOLUME_H

#include "base/region.h"
#include "store/source.h"

struct pw_volume {
    struct pw_source *source;    /* not owned */
    int axis[3];                 /* the array's axis of z, y, x; -1: none, 1 thick */
    uint64_t fixed[PW_MAX_RANK]; /* index on every other axis */
    uint64_t shape[3];           /* voxels */
    uint64_t chunk[3];           /* of the source, along z y x */
    int rank;                    /* 2 without a z axis of the array, else 3 */
    struct pw_axis space[3];     /* calibration of z y x */
    size_t voxel_bytes;
};

/*
 * Picks time and channel (-1: the axis must have one entry).
 * Errors: PW_E_ARGUMENT, naming the axis and what may be chosen; PW_E_UNSUPPORTED
 * for an array without y and x.
 */
enum pw_status pw_volume_init(struct pw_volume *volume, struct pw_source *source, int64_t time, int64_t channel,
                              struct pw_error *error);

/* The part of the array that box of the volume is. */
void pw_volume_region(const struct pw_volume *volume, const struct pw_box *box, struct pw_region *region);

/*
 * Copies the voxels of chunk (a full decoded chunk, whose region is given) that lie in
 * window into target, the dense window.
 */
void pw_volume_copy_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region, const void *chunk,
                          const struct pw_box *window, void *target);

/* As above for a chunk that is not stored: sets those voxels to the fill value. */
void pw_volume_fill_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region,
                          const struct pw_box *window, void *target);

/* Whether the decoded chunk of that region is, byte for byte, the dense window. */
int pw_volume_chunk_is_window(const struct pw_volume *volume, const struct pw_region *chunk_region,
                              const struct pw_box *window);

#endif
