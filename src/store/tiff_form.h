/*
 * store/tiff_form - the form of the current page of a TIFF handle, checked.
 *
 * Everything that patchworks cannot read is refused here, by name.
 */
#ifndef PW_STORE_TIFF_FORM_H
#define PW_STORE_TIFF_FORM_H

#include "store/tiff_blocks.h"

/* Reads the form of the current page.  number is for messages.  Errors: PW_E_UNSUPPORTED, PW_E_FORMAT. */
enum pw_status pw_tiff_form_read(struct pw_tiff *handle, uint32_t number, struct pw_tiff_form *form,
                                 struct pw_error *error);

/* Whether two pages hold the same kind of plane, however it is cut and compressed. */
int pw_tiff_form_alike(const struct pw_tiff_form *a, const struct pw_tiff_form *b);

/* Whether the current page is JPEG with YCbCr, which libtiff turns into RGB when asked to. */
int pw_tiff_is_jpeg_ycbcr(TIFF *tif);

/* Whether the current page is a copy at reduced resolution or a mask. */
int pw_tiff_is_derived(TIFF *tif);
int pw_tiff_is_reduced(TIFF *tif); /* of these, a copy at reduced resolution */

/* "unsigned" and the like. */
const char *pw_tiff_kind_name(enum pw_tiff_sample_kind kind);

#endif
