/*
 * store/tiff_levels - a TIFF image at reduced resolution: in the SubIFDs of every page
 * (OME-TIFF, tifffile), or, of an image of one page, in the chain behind it (GDAL, libvips).
 *
 * Threads: used while one thread sets the source up.
 */
#ifndef PW_STORE_TIFF_LEVELS_H
#define PW_STORE_TIFF_LEVELS_H

#include "store/tiff_source.h"

/*
 * Fills the levels of tiff->base.info, which describes level 0, and makes `level` the one that
 * is read: its pages take the place of those in tiff->index.
 * Errors: PW_E_ARGUMENT (no such level), PW_E_FORMAT (a page without it), and those of the index.
 */
enum pw_status pw_tiff_levels(struct pw_tiff_source *tiff, int level, struct pw_error *error);

#endif
