/*
 * store/array_axes - the axes of an array that is written: t and c, where it has them, then z y x.
 */
#ifndef PW_STORE_ARRAY_AXES_H
#define PW_STORE_ARRAY_AXES_H

#include "patchworks.h"

struct pw_array_axes {
    int rank; /* of space: the last rank entries of space count */
    struct pw_axis space[3];
    int has_time, has_channel;
    uint64_t times, channels;
    struct pw_axis time, channel;
};

#endif
