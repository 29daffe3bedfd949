/*
 * store/tiff_index - the pages of a TIFF file, or of several, found in one pass.
 *
 * The pages that make the image are those like the first one: same size, sample
 * type and arrangement.  Pages of other kinds (store/tiff_kinds.h) and reduced-resolution copies (overviews) are
 * left out; a page like the others but cut into other strips or tiles is refused,
 * because it cannot be left out without losing a plane.
 *
 *     struct pw_tiff_index index = {0};
 *     pw_tiff_index_add(handle, 0, &index, error)     for the first file, and for each further one
 *     ... index.page[i] ...
 *     pw_tiff_index_release(&index);
 *
 * The pages of several files, in the order in which these were added, are those of one
 * image: each must be like the first file's.
 *
 * Memory: 32 bytes per page.  Threads: built by one, read-only afterwards.
 * Errors: PW_E_FORMAT (broken directory, loop), PW_E_UNSUPPORTED (by name),
 * PW_E_TRUNCATED (a strip or tile beyond the end of the file).
 */
#ifndef PW_STORE_TIFF_INDEX_H
#define PW_STORE_TIFF_INDEX_H

#include "store/tiff_blocks.h"
#include "store/tiff_kinds.h"
#include "store/tiff_nodata.h"
#include "store/tiff_private.h"

struct pw_tiff_page {
    uint64_t directory; /* offset of the page's directory */
    uint64_t data;      /* index.plain: offset of its first row */
    uint32_t number;    /* of the directory in the file, from 0 */
    uint32_t file;      /* index into pw_tiff_index.file */
    uint32_t wraps;     /* as pw_tiff.wraps */
};

struct pw_tiff_file {
    char *path;
    uint64_t first_page, n_pages; /* of index.page */
};

struct pw_tiff_index {
    struct pw_tiff_form form;
    struct pw_tiff_page *page;
    uint64_t n_pages, capacity;
    struct pw_tiff_file *file;
    uint32_t n_files, file_capacity;
    uint32_t adding;              /* the file that pages are added to */
    struct pw_tiff_page *derived; /* copies at reduced resolution in the first file's chain; no data */
    uint64_t n_derived, derived_capacity;
    struct pw_tiff_kinds kinds; /* of pages left out, in the chain of the first file */
    uint64_t n_directories;     /* in the chain of the first file, with those left out */
    int has_below;              /* a page has directories below it (SubIFDs) */
    int big_endian;
    int plain;                  /* uncompressed, and each plane of each page is one stretch of rows */
    uint64_t sample_distance;   /* plain and planar: bytes from one sample's plane to the next */
    uint64_t block_bytes_max;   /* stored bytes of the largest strip or tile */
    int reversed_bits;          /* a page has FillOrder 2 */
    uint16_t compression;       /* of the first page */
    uint16_t orientation;       /* the same */
    int white_is_zero;          /* the same */
    int jpeg_to_rgb;            /* JPEG with YCbCr: to be decoded as RGB */
    struct pw_tiff_private own; /* of the first file */
    uint32_t *wraps;            /* of each directory of an LSM file above 4 GB; else NULL */
    uint64_t n_wraps;
    char *description;                 /* ImageDescription of the first page, or NULL */
    float x_resolution, y_resolution;  /* pixels per unit; 0 when not given */
    char nodata[PW_TIFF_NODATA_BYTES]; /* of the first page */
};

/*
 * Adds the pages of the file that handle has open.  Those of the first file are like its
 * page `reference` (of a file whose pages make one image: 0), or, when that is a reduced
 * copy, like the first that is none; those of the others are like the first file's.
 * Errors: also PW_E_FORMAT for a further file without a page like them, or in another byte order.
 */
enum pw_status pw_tiff_index_add(struct pw_tiff *handle, uint32_t reference, struct pw_tiff_index *index,
                                 struct pw_error *error);

/* Takes the current page of handle, which has file `adding` open, into the index when it is like its pages. */
enum pw_status pw_tiff_index_take(struct pw_tiff *handle, struct pw_tiff_index *index, uint32_t number,
                                  struct pw_error *error);

/*
 * Whether the first page may have n planes behind each other: not where its directory lies among them, as in a page that was
 * taken out of a stack together with its description.
 */
int pw_tiff_index_may_repeat(const struct pw_tiff_index *index, uint64_t n);

/*
 * The file added last has one page and n planes behind each other in it (an ImageJ stack
 * above 4 GB): makes n pages of it.  Errors: PW_E_TRUNCATED, PW_E_NOMEM.
 */
enum pw_status pw_tiff_index_repeat(struct pw_tiff *handle, struct pw_tiff_index *index, uint64_t n,
                                    struct pw_error *error);

/*
 * Adds the full-size pages in SubIFDs behind their parents; for files whose
 * description does not say how the pages are arranged.
 */
enum pw_status pw_tiff_index_subdirectories(struct pw_tiff *handle, struct pw_tiff_index *index,
                                            struct pw_error *error);
void pw_tiff_index_release(struct pw_tiff_index *index); /* safe on a zeroed index */

/* Makes a page of the handle's file its current one. */
enum pw_status pw_tiff_select(struct pw_tiff *handle, const struct pw_tiff_index *index,
                              const struct pw_tiff_page *page, struct pw_error *error);

#endif
