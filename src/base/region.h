/*
 * base/region - boxes in three dimensions (volumes, tiles) and in N (arrays).
 *
 * Slowest axis first.  A box is [start, start+shape) on each axis; one with a
 * zero extent is empty.  Starts and extents are trusted to add without overflow:
 * whoever makes a box from outside input has checked it against the array.
 */
#ifndef PW_BASE_REGION_H
#define PW_BASE_REGION_H

#include "patchworks.h"

/* A box of a volume: z, y, x. */
struct pw_box {
    uint64_t start[3];
    uint64_t shape[3];
};

/* A box of an array of any rank. */
struct pw_region {
    int rank;
    uint64_t start[PW_MAX_RANK];
    uint64_t shape[PW_MAX_RANK];
};

uint64_t pw_box_voxels(const struct pw_box *box);

/* The common part of a and b; an empty box (shape 0) when there is none. */
struct pw_box pw_box_intersect(const struct pw_box *a, const struct pw_box *b);

int pw_box_is_empty(const struct pw_box *box);
int pw_box_equal(const struct pw_box *a, const struct pw_box *b);

/* Whether inner lies within outer. */
int pw_box_contains(const struct pw_box *outer, const struct pw_box *inner);

/* The common part of a and b, of one rank; returns 0 when it is empty. */
int pw_region_intersect(const struct pw_region *a, const struct pw_region *b, struct pw_region *out);

uint64_t pw_region_elements(const struct pw_region *region);
int pw_region_equal(const struct pw_region *a, const struct pw_region *b);

/*
 * Copies part, a region within both from and to, between two dense C-order
 * arrays: source holds the elements of region from, target those of region to.
 */
void pw_region_copy(const struct pw_region *part, const struct pw_region *from, const void *source,
                    const struct pw_region *to, void *target, size_t element_bytes);

#endif
