/*
 * store/tiff_blocks - how a page is cut into strips or tiles, and where they are.
 *
 * Threads: a handle belongs to one; the rest are pure functions.
 */
#ifndef PW_STORE_TIFF_BLOCKS_H
#define PW_STORE_TIFF_BLOCKS_H

#include "store/tiff_handle.h"
#include "store/tiff_unpack.h"

/* What all pages of the image share. */
struct pw_tiff_form {
    uint32_t width, height;
    uint16_t samples; /* per pixel */
    int planar;       /* the samples of a pixel lie in planes of their own */
    enum pw_tiff_sample_kind kind;
    uint16_t bits; /* per sample */
    int tiled;
    uint32_t block_width;  /* of a tile; of a strip the width of the page */
    uint32_t block_height; /* of a tile or strip, never more than height for a strip */
    uint16_t predictor;    /* that libtiff does not undo: store/tiff_predictor.h */
};

/* Strips or tiles of one page: along x, along y, and in all. */
uint64_t pw_tiff_blocks_across(const struct pw_tiff_form *form);
uint64_t pw_tiff_blocks_down(const struct pw_tiff_form *form);
uint64_t pw_tiff_blocks(const struct pw_tiff_form *form);

/* Samples side by side in a row of a plane, rows of a strip or tile, and bytes of a stored row of a whole plane. */
uint64_t pw_tiff_row_samples(const struct pw_tiff_form *form, uint64_t width);
uint64_t pw_tiff_block_rows(const struct pw_tiff_form *form, uint64_t block);
uint64_t pw_tiff_plane_row_bytes(const struct pw_tiff_form *form);

/*
 * Where strip or tile block of the current page is.  PW_EMPTY when it is not
 * stored (offset and count 0).  Errors: PW_E_TRUNCATED, PW_E_FORMAT.
 */
enum pw_status pw_tiff_block_place(struct pw_tiff *handle, const struct pw_tiff_form *form, uint32_t page_number,
                                   uint64_t block, uint64_t *offset, uint64_t *bytes, struct pw_error *error);

/* What the walk over the strips or tiles of one page learns. */
struct pw_tiff_walk {
    uint64_t bytes_max; /* stored bytes of the largest */
    uint64_t data,
        sample_distance; /* plain: offset of the first row; planar: bytes from one sample's plane to the next */
    int plain;           /* uncompressed, and each plane one stretch of rows */
};

/* Visits all strips or tiles of the current page.  Errors: as pw_tiff_block_place(). */
enum pw_status pw_tiff_walk_blocks(struct pw_tiff *handle, const struct pw_tiff_form *form, uint32_t number,
                                   struct pw_tiff_walk *walk, struct pw_error *error);

#endif
