/*
 * run/mask_image - a second image that says where the first is segmented: where it is not zero.
 *
 * The mask has the image's shape, or is smaller on some axes: a level of a pyramid, or a plane for all planes.  Voxel i of
 * N along an axis lies in voxel i / f of the mask, where f is the factor that makes N its extent M: a power of two,
 * else any whole number, so that M is N / f rounded up, else rounded down (the last voxel of the mask then reaches
 * to the end); and in the one whose middle is nearest, floor((i + 1/2) M / N), where there is no such f.  It has one
 * channel, and one time point for all, or as many as the image.
 *
 *     pw_mask_open -> pw_mask_prepare -> per thread: pw_mask_reader_init, _begin, _row ..., _release -> pw_mask_close
 *
 * Memory: a reader has all it needs from init on: pw_mask_reader_bytes().
 * Threads: a reader belongs to one; the mask is constant once prepared.
 */
#ifndef PW_RUN_MASK_IMAGE_H
#define PW_RUN_MASK_IMAGE_H

#include "label/runs.h"
#include "table/stored_labels.h"
#include "tile/volume.h"

/* How voxels of an axis lie in those of the mask. */
struct pw_mask_axis {
    uint64_t image, mask; /* extents */
    uint64_t factor;      /* 0: none suits */
};

struct pw_mask {
    struct pw_source *source; /* NULL: there is no mask */
    struct pw_volume volume;
    struct pw_mask_axis axis[3];
    const struct pw_volume *image;
};

/*
 * Opens what text, "IMAGE[:path][@level]", names.  Errors: those of opening; PW_E_ARGUMENT for a shape or a number of time
 * points that does not suit image, which lives longer.
 */
enum pw_status pw_mask_open(struct pw_mask *mask, const char *text, const struct pw_volume *image,
                            const char *scratch_dir, struct pw_error *error);
void pw_mask_close(struct pw_mask *mask); /* safe on a zeroed one */

/* Before the first voxel is read: has what is stored as one stream decompressed. */
enum pw_status pw_mask_prepare(struct pw_mask *mask, struct pw_error *error);

struct pw_mask_reader {
    const struct pw_mask *mask;
    struct pw_stored_labels voxels;
    struct pw_box window;    /* of the image, that was read last */
    struct pw_box under;     /* what of the mask lies there */
    uint64_t row_z, row_y;   /* of the mask, whose stretches there are; UINT64_MAX: of none */
    uint64_t n_runs;         /* stretches that are not zero, relative to the window */
    struct pw_buffer memory; /* of run */
    struct pw_run *run;
};

/* For windows of the image of at most shape. */
uint64_t pw_mask_reader_bytes(const struct pw_mask *mask, const uint64_t shape[3]);
enum pw_status pw_mask_reader_init(struct pw_mask_reader *reader, const struct pw_mask *mask, const uint64_t shape[3],
                                   struct pw_error *error);
void pw_mask_reader_release(struct pw_mask_reader *reader); /* safe on a zeroed one */

/* Reads what lies in window, a box of the image's stack of time points. */
enum pw_status pw_mask_reader_begin(struct pw_mask_reader *reader, const struct pw_box *window, struct pw_error *error);

/* The stretches of row (z, y) of the window that are inside the mask: reader->run and n_runs, until the next call. */
enum pw_status pw_mask_reader_row(struct pw_mask_reader *reader, uint64_t z, uint64_t y, struct pw_error *error);

/* Whether any voxel of the window is inside the mask. */
enum pw_status pw_mask_reader_any(struct pw_mask_reader *reader, int *any, struct pw_error *error);

#endif
