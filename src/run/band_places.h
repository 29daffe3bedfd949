/*
 * run/band_places - memory for the bands of an image that are under way at a time.
 *
 * Who used a place last gets it again: it is in that processor's cache.  One that was never used is taken only when all
 * others are: its pages are not there yet, and need not be if a place goes round fast enough.
 *
 * Threads: under the lock of who owns them.
 */
#ifndef PW_RUN_BAND_PLACES_H
#define PW_RUN_BAND_PLACES_H

#include <stdint.h>

enum {
    PW_BAND_PLACES_MAX = 8
};

struct pw_band_places {
    unsigned n;
    struct pw_band_place {
        unsigned char *voxels;
        unsigned user;
        int is_used; /* it has been */
        int is_taken;
    } place[PW_BAND_PLACES_MAX];
};

/* n places of bytes each in memory. */
void pw_band_places_init(struct pw_band_places *places, unsigned n, void *memory, uint64_t bytes);

/* A free one, for member; there is one. */
unsigned char *pw_band_places_take(struct pw_band_places *places, unsigned member);
void pw_band_places_leave(struct pw_band_places *places, const unsigned char *voxels);

/* Whether the next one taken would be one that was never used. */
int pw_band_places_next_is_fresh(const struct pw_band_places *places);

#endif
