/*
 * store/tiff_describe - the array that a stack of TIFF pages is.
 *
 * Axes: the leading ones of the stack, then the sample plane when the samples lie
 * in planes of their own, y, x, and the sample when they lie side by side.
 *
 * Threads: pure functions.
 */
#ifndef PW_STORE_TIFF_DESCRIBE_H
#define PW_STORE_TIFF_DESCRIBE_H

#include "store/source.h"
#include "store/tiff_index.h"
#include "store/tiff_stack.h"

/* Which axis of the array is which; sample is -1 when pixels have one. */
struct pw_tiff_axes {
    int sample, y, x;
};

/* Fills *axes, and info but for its chunk. */
void pw_tiff_describe(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack, struct pw_tiff_axes *axes,
                      struct pw_image_info *info);

/* Sets the chunk to rows x columns of one plane. */
void pw_tiff_set_chunk(struct pw_image_info *info, const struct pw_tiff_axes *axes, const struct pw_tiff_form *form,
                       uint64_t rows, uint64_t columns);

/*
 * Whether the image is one uncompressed array: then fills linear but for fd,
 * file_bytes being where it ends.
 */
int pw_tiff_linear(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack,
                   const struct pw_tiff_axes *axes, const struct pw_image_info *info, struct pw_linear *linear);

#endif
