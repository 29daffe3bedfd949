/*
 * store/unit_shape - how far a sink's unit reaches along one axis.
 */
#ifndef PW_STORE_UNIT_SHAPE_H
#define PW_STORE_UNIT_SHAPE_H

#include "base/checked.h"

/*
 * About target elements of an axis of extent elements, 1 at least: the whole axis when it is that short, else a
 * number of whole tiles of the pipeline, else an even part of one tile, so that a unit needs few tiles.
 */
static inline uint64_t pw_unit_extent(uint64_t extent, uint64_t tile, uint64_t target)
{
    target = pw_max_u64(target, 1);
    if (extent <= target)
        return extent;
    if (tile == 0)
        return target;
    if (tile <= target)
        return target / tile * tile;
    uint64_t part = pw_ceil_div(tile, target);
    /* A tile without a fitting divisor (a prime) is not worth tiny units: then units and tiles just do not line up. */
    for (uint64_t parts = part; parts <= 2 * part; parts++)
        if (tile % parts == 0)
            return tile / parts;
    return target;
}

#endif
