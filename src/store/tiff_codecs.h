/*
 * store/tiff_codecs - compressions that libtiff has under another number.
 *
 * Bio-Formats wrote Zstandard as 34926 and WebP as 34927 before libtiff gave them numbers; what is in the strips is the same.
 *
 * Threads: the handle belongs to one.  Errors: PW_E_IO, PW_E_TRUNCATED, PW_E_FORMAT.
 */
#ifndef PW_STORE_TIFF_CODECS_H
#define PW_STORE_TIFF_CODECS_H

#include "store/tiff_handle.h"

enum {
    PW_TIFF_EARLY_ZSTD = 34926,
    PW_TIFF_EARLY_WEBP = 34927
};

/* Makes libtiff decode the current page, whenever it has become that, if it has the codec; else the page stays as it is. */
enum pw_status pw_tiff_codecs_mend(struct pw_tiff *handle, struct pw_error *error);

#endif
