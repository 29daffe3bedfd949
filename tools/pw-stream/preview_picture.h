/*
 * preview_picture - the picture of pw-stream preview: grey values, labels, and the rows made from them.
 *
 * Calling sequence: pw_picture_init(), put every grey value (and label), pw_picture_stretch(), a row at a time
 * from pw_picture_row(), pw_picture_release().
 *
 * Memory: 4 bytes a pixel, 8 more with labels.
 */
#ifndef PW_PREVIEW_PICTURE_H
#define PW_PREVIEW_PICTURE_H

#include "patchworks.h"

struct pw_picture {
    uint64_t height, width;
    float *grey;
    float low, high; /* shown as black and as white */
    uint64_t *label; /* NULL without labels */
};

/* Errors: PW_E_NOMEM. */
enum pw_status pw_picture_init(struct pw_picture *picture, uint64_t height, uint64_t width, int with_labels,
                               struct pw_error *error);

/* Frees the picture; a zeroed one is allowed. */
void pw_picture_release(struct pw_picture *picture);

/* Store the value of one pixel; of the form pw_preview_put. */
void pw_picture_put_grey(void *picture, uint64_t index, enum pw_dtype dtype, const void *voxel);
void pw_picture_put_label(void *picture, uint64_t index, enum pw_dtype dtype, const void *voxel);

/* Sets low and high to the 1st and the 99.8th percentile of the grey values (of every n-th in a large picture). */
void pw_picture_stretch(struct pw_picture *picture);

/* Row row as red, green, blue bytes: grey, with the outlines of the labels in their colours; of the form pw_png_row. */
void pw_picture_row(const void *picture, uint32_t row, unsigned char *rgb);

#endif
