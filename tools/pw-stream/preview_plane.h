/*
 * preview_plane - one plane of an image, sampled to the size of a picture.
 *
 * Calling sequence: pw_preview_open(), then pw_preview_sample() into a picture of
 * any size, pw_preview_close().  The nearest voxel of each picture pixel is taken,
 * at the resolution level that pw_preview_open() chose.
 *
 * Memory: one block of the image of at most PW_PREVIEW_BLOCK_BYTES at a time (or
 * one stored chunk, when that is larger), whatever the size of the plane.
 */
#ifndef PW_PREVIEW_PLANE_H
#define PW_PREVIEW_PLANE_H

#include "patchworks.h"

#define PW_PREVIEW_BLOCK_BYTES ((uint64_t)16 << 20)

/* Which plane of a file. */
struct pw_preview_choice {
    const char *path;
    struct pw_open_options open; /* of a raw file; its level is not used */
    uint64_t picture_side;       /* the level is the coarsest one with at least so many voxels along the longer side */
    int64_t level;               /* or this one; -1: not given */
    int64_t channel;             /* -1: the first */
    int64_t time;                /* -1: the first */
    int64_t z;                   /* of level 0; -1: the middle */
};

struct pw_preview_plane {
    struct pw_image *image;
    const struct pw_image_info *info;
    int y_axis, x_axis;
    uint64_t start[PW_MAX_RANK];      /* the plane's place along the other axes */
    uint64_t full_height, full_width; /* of level 0 */
};

/* Opens the plane.  Errors: those of pw_image_open(), PW_E_RANGE for a z, channel or time outside the image. */
enum pw_status pw_preview_open(const struct pw_preview_choice *choice, struct pw_preview_plane *plane,
                               struct pw_error *error);

/* Receives the voxel nearest to picture pixel index (row by row). */
typedef void (*pw_preview_put)(void *picture, uint64_t index, enum pw_dtype dtype, const void *voxel);

/* Calls put once for each pixel of a picture of height x width.  Errors: those of pw_image_read(), PW_E_NOMEM. */
enum pw_status pw_preview_sample(struct pw_preview_plane *plane, uint64_t height, uint64_t width, pw_preview_put put,
                                 void *picture, struct pw_error *error);

/* Closes the plane; a zeroed one is allowed. */
void pw_preview_close(struct pw_preview_plane *plane);

#endif
