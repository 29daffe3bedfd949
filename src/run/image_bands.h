/*
 * run/image_bands - an array cut into bands that follow each other in raster order.
 *
 * A band has one entry of the axes slower than `axis`, `step` entries of that one and all of the faster ones.  It is
 * as thick as chunks are, so that none is decoded twice, where bands of that size fit the memory; else the cut is
 * the one by which chunks are decoded least often.
 *
 * Pure functions of the image's description.
 */
#ifndef PW_RUN_IMAGE_BANDS_H
#define PW_RUN_IMAGE_BANDS_H

#include "base/region.h"

struct pw_bands {
    int axis;
    uint64_t step;
    uint64_t count;
    uint64_t bytes;    /* of the largest */
    uint64_t decoding; /* how often a chunk is decoded, at most */
};

/*
 * Bands of about wanted bytes, at most most.  Returns 0 when an element is larger.  The array is not empty.
 */
int pw_bands_choose(const struct pw_image_info *info, uint64_t wanted, uint64_t most, struct pw_bands *bands);

/* Band number (0 to count - 1) as a part of the array. */
void pw_bands_region(const struct pw_image_info *info, const struct pw_bands *bands, uint64_t number,
                     struct pw_region *region);

#endif
