/*
 * store/tiff_index - the pages of a TIFF file, found in one pass.
 *
 * The pages that make the image are those like the first one: same size, sample
 * type and arrangement.  Thumbnails and reduced-resolution copies (overviews) are
 * left out; a page like the others but cut into other strips or tiles is refused,
 * because it cannot be left out without losing a plane.
 *
 *     struct pw_tiff_index index = {0};
 *     pw_tiff_index_build(handle, &index, error)
 *     ... index.page[i] ...
 *     pw_tiff_index_release(&index);
 *
 * Memory: 24 bytes per page.  Threads: built by one, read-only afterwards.
 * Errors: PW_E_FORMAT (broken directory, loop), PW_E_UNSUPPORTED (by name),
 * PW_E_TRUNCATED (a strip or tile beyond the end of the file).
 */
#ifndef PW_STORE_TIFF_INDEX_H
#define PW_STORE_TIFF_INDEX_H

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
};

struct pw_tiff_page {
    uint64_t directory; /* offset of the page's directory */
    uint64_t data;      /* index.plain: offset of its first row */
    uint32_t number;    /* of the directory in the file, from 0 */
};

struct pw_tiff_index {
    struct pw_tiff_form form;
    struct pw_tiff_page *page;
    uint64_t n_pages, capacity;
    uint64_t n_directories; /* in the chain, with those left out */
    int has_below;          /* a page has directories below it (SubIFDs) */
    int big_endian;
    int plain;                        /* uncompressed, and each plane of each page is one stretch of rows */
    uint64_t sample_distance;         /* plain and planar: bytes from one sample's plane to the next */
    uint64_t block_bytes_max;         /* stored bytes of the largest strip or tile */
    int reversed_bits;                /* a page has FillOrder 2 */
    uint16_t compression;             /* of the first page */
    int jpeg_to_rgb;                  /* JPEG with YCbCr: to be decoded as RGB */
    char *description;                /* ImageDescription of the first page, or NULL */
    float x_resolution, y_resolution; /* pixels per unit; 0 when not given */
};

enum pw_status pw_tiff_index_build(struct pw_tiff *handle, struct pw_tiff_index *index, struct pw_error *error);

/*
 * Adds the full-size pages in SubIFDs behind their parents; for files whose
 * description does not say how the pages are arranged.
 */
enum pw_status pw_tiff_index_subdirectories(struct pw_tiff *handle, struct pw_tiff_index *index,
                                            struct pw_error *error);
void pw_tiff_index_release(struct pw_tiff_index *index); /* safe on a zeroed index */

/* Makes a page the handle's current one. */
enum pw_status pw_tiff_select(struct pw_tiff *handle, const struct pw_tiff_index *index,
                              const struct pw_tiff_page *page, struct pw_error *error);

/* Strips or tiles of one page: along x, along y, and in all. */
uint64_t pw_tiff_blocks_across(const struct pw_tiff_form *form);
uint64_t pw_tiff_blocks_down(const struct pw_tiff_form *form);
uint64_t pw_tiff_blocks(const struct pw_tiff_form *form);

/* Samples side by side in a row of a plane, bytes of a stored row of it, and rows of a strip or tile. */
uint64_t pw_tiff_row_samples(const struct pw_tiff_form *form, uint64_t width);
uint64_t pw_tiff_block_rows(const struct pw_tiff_form *form, uint64_t block);

/*
 * Where strip or tile block of the current page is.  PW_EMPTY when it is not
 * stored (offset and count 0).  Errors: PW_E_TRUNCATED, PW_E_FORMAT.
 */
enum pw_status pw_tiff_block_place(struct pw_tiff *handle, const struct pw_tiff_form *form, uint32_t page_number,
                                   uint64_t block, uint64_t *offset, uint64_t *bytes, struct pw_error *error);

#endif
