/*
 * store/tiff_stack - how the pages of a TIFF file make an array: the axes before y.
 *
 * Conventions tell it in private tags (Zeiss LSM, MetaMorph STK) or in the first page's ImageDescription: ImageJ (c fastest, then
 * z, then t), OME-XML (DimensionOrder, TiffData; store/tiff_ome.h), tifffile (the
 * shape in JSON), and none, which is a plain stack along z.  A description that
 * does not agree with the pages is not believed.
 *
 * Axes with one element are left out.  Threads: pure functions.
 */
#ifndef PW_STORE_TIFF_STACK_H
#define PW_STORE_TIFF_STACK_H

#include "store/tiff_index.h"

enum {
    PW_TIFF_LEAD_MAX = 5,  /* with a sample axis, y and x as many as an image can have */
    PW_TIFF_SHAPE_MAX = 16 /* axes of a shape, with those of one element */
};

struct pw_tiff_stack {
    int rank;                        /* of the leading axes, 0..PW_TIFF_LEAD_MAX */
    uint64_t size[PW_TIFF_LEAD_MAX]; /* slowest first */
    struct pw_axis axis[PW_TIFF_LEAD_MAX];
    struct pw_axis y, x;
    uint64_t n_planes;       /* product of size */
    uint64_t *page_of_plane; /* index into pw_tiff_index.page, UINT64_MAX: not stored; NULL: plane i is page i */
    int plain_pages;         /* no description was believed: the pages are a stack along z */
    int one_page;            /* one page, and all planes follow the first in the file: ImageJ above 4 GB */
};

/* Sets *stack from a description that is no OME-XML, or none. */
void pw_tiff_stack_init(struct pw_tiff_stack *stack, const struct pw_tiff_index *index);

/* A plain stack of n pages along z. */
void pw_tiff_stack_plain(struct pw_tiff_stack *stack, uint64_t n);
void pw_tiff_stack_release(struct pw_tiff_stack *stack); /* safe on a zeroed stack */

/*
 * The parts.  Each returns 1 when the description is of its kind and agrees with
 * the pages, 0 when not; then *stack is unchanged.
 */
int pw_tiff_imagej_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index);
int pw_tiff_lsm_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index); /* of tags, not a description */
int pw_tiff_stk_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index); /* the same */
int pw_tiff_shaped_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index);

/* Errors: PW_E_UNSUPPORTED, when planes of a MetaMorph file would be lost. */
enum pw_status pw_tiff_stk_check(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack, const char *path,
                                 struct pw_error *error);

/* Sets a leading or in-plane axis, name 0 being one of unknown meaning; scale <= 0 or not finite: not calibrated. */
void pw_tiff_axis(struct pw_axis *axis, char name, double scale, const char *unit);

/* Appends a leading axis of size elements, unless that is 1. */
void pw_tiff_stack_lead(struct pw_tiff_stack *stack, char name, uint64_t size, double scale, const char *unit);

/* "micrometer" for "um", "µm", "micron", ...; "" for what is no unit of length or time. */
const char *pw_tiff_unit(const char *text);

#endif
