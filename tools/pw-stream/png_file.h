/*
 * png_file - writes a picture of 8-bit red, green, blue to a PNG file.
 *
 * The file appears when it is whole: it is written beside its place and renamed. A device or pipe is written to.
 */
#ifndef PW_PNG_FILE_H
#define PW_PNG_FILE_H

#include <stdint.h>

#include "patchworks.h"

/* Makes one row, 3 * width bytes. */
typedef void (*pw_png_row)(const void *picture, uint32_t row, unsigned char *rgb);

/* Before the work: whether a picture may be written to path.  Errors: PW_E_EXISTS, PW_E_ARGUMENT for another suffix. */
enum pw_status pw_png_check(const char *path, int overwrite, struct pw_error *error);

/* Errors: PW_E_IO (and its refinements) with the path in the message, PW_E_NOMEM. */
enum pw_status pw_png_write(const char *path, uint32_t height, uint32_t width, pw_png_row make_row, const void *picture,
                            struct pw_error *error);

#endif
