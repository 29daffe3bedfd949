#include "run/band_places.h"

#include <stddef.h>

void pw_band_places_init(struct pw_band_places *places, unsigned n, void *memory, uint64_t bytes)
{
    places->n = n;
    for (unsigned i = 0; i < n; i++)
        places->place[i] = (struct pw_band_place){.voxels = (unsigned char *)memory + i * bytes};
}

unsigned char *pw_band_places_take(struct pw_band_places *places, unsigned member)
{
    struct pw_band_place *best = NULL;
    for (unsigned i = 0; i < places->n; i++) {
        struct pw_band_place *place = &places->place[i];
        if (!place->is_taken && (best == NULL || place->is_used > best->is_used ||
                                 (place->is_used == best->is_used && place->user == member)))
            best = place;
    }
    best->is_taken = best->is_used = 1;
    best->user = member;
    return best->voxels;
}

void pw_band_places_leave(struct pw_band_places *places, const unsigned char *voxels)
{
    for (unsigned i = 0; i < places->n; i++)
        if (places->place[i].voxels == voxels)
            places->place[i].is_taken = 0;
}

int pw_band_places_next_is_fresh(const struct pw_band_places *places)
{
    int fresh = 0;
    for (unsigned i = 0; i < places->n; i++) {
        if (places->place[i].is_used && !places->place[i].is_taken)
            return 0;
        fresh = fresh || !places->place[i].is_used;
    }
    return fresh;
}
