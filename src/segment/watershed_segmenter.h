/*
 * segment/watershed_segmenter - what `watershed` was told, and the seeds of a second image.  Internal to segment.
 *
 * One file reads the options (watershed_options.c), one segments tiles (watershed_segmenter.c), one reads seeds
 * (seed_image.c).
 */
#ifndef PW_SEGMENT_WATERSHED_SEGMENTER_H
#define PW_SEGMENT_WATERSHED_SEGMENTER_H

#include "label/gaussian.h"
#include "segment/builtin.h"

enum pw_seeds {
    PW_SEEDS_DISTANCE,
    PW_SEEDS_INTENSITY,
    PW_SEEDS_IMAGE
};

struct pw_watershed_options {
    struct pw_gaussian smooth;
    enum pw_seeds seeds;
    int by_distance; /* what is flooded: the distance to the background, or the intensity */
    int connectivity;
    uint64_t peak_radius[3];
    double step[3];  /* size of a voxel along each axis, of any unit */
    char path[4096]; /* of the image of seeds */
};

extern const struct pw_segment_ops pw_watershed_segment_ops;

/* A label volume of the shape of the image; one for each thread. */
struct pw_seed_image;

/* Errors: those of opening, and PW_E_ARGUMENT for another shape or labels that are no integers. */
enum pw_status pw_seed_image_open(const char *path, const struct pw_volume *volume, struct pw_seed_image **seeds,
                                  struct pw_error *error);
void pw_seed_image_close(struct pw_seed_image *seeds); /* safe on NULL */

/* Labels of the tile's window, numbered from 1 in ascending order of the image's, 0 elsewhere. */
enum pw_status pw_seed_image_read(struct pw_seed_image *seeds, const struct pw_tile *tile, void *scratch,
                                  uint32_t *label, struct pw_error *error);
uint64_t pw_seed_image_scratch_bytes(const uint64_t shape[3]);

/* What reading takes beside that. */
uint64_t pw_seed_image_reader_bytes(const struct pw_seed_image *seeds);

#endif
