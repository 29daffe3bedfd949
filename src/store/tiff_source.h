/*
 * store/tiff_source - an open TIFF image.  Three ways to hand it out, the first that fits:
 *
 *   LINEAR   uncompressed elements of a native type in one file, every plane at a constant
 *            distance from the one before: mapped or read as one array;
 *   rows     uncompressed, each plane one stretch of rows: chunks of about 1 MiB of
 *            rows, so that a page of one giant strip is never held whole (tiff_rows.c);
 *   blocks   everything else: a chunk is a strip or tile, decoded by libtiff (tiff_decode.c).
 *
 *     struct pw_tiff_source *tiff = pw_tiff_source_new(path, error);
 *     ... fill tiff->index and tiff->stack ...
 *     pw_tiff_source_finish(tiff, error);       describes it and chooses the way
 *     pw_source_close(&tiff->base);             at any time
 *
 * Threads: setting up is one thread's; then as store/source.h says.
 */
#ifndef PW_STORE_TIFF_SOURCE_H
#define PW_STORE_TIFF_SOURCE_H

#include <pthread.h>

#include "store/source.h"
#include "store/tiff_cursor.h"
#include "store/tiff_describe.h"
#include "store/tiff_stack.h"

struct pw_tiff_source {
    struct pw_source base;
    int fd; /* of the only file, or -1 */
    struct pw_tiff_index index;
    struct pw_tiff_stack stack;
    struct pw_tiff_axes axes;
    int series;       /* of the images that the OME-XML tells of, or of the kinds of pages, this is that one */
    int n_kinds;      /* of pages, where no OME-XML tells of images */
    int larger_kind;  /* one that nobody has chosen has larger pages */
    int ome_is_wrong; /* it does not agree with the pages */

    pthread_mutex_t lock; /* guards locator */
    int lock_made;
    struct pw_tiff_cursor locator;
};

struct pw_tiff_source *pw_tiff_source_new(const char *path, struct pw_error *error); /* NULL: out of memory */

/* Errors: PW_E_TRUNCATED, PW_E_UNSUPPORTED. */
enum pw_status pw_tiff_source_finish(struct pw_tiff_source *tiff, struct pw_error *error);

/* Which page, plane of samples, strip or tile a chunk is. */
struct pw_tiff_place {
    uint64_t page;        /* index into index.page, or UINT64_MAX: the plane is not stored */
    uint64_t sample;      /* planar: which plane */
    uint64_t row, column; /* chunk indices along y and x */
};
struct pw_tiff_place pw_tiff_place_of(const struct pw_tiff_source *tiff, const uint64_t *chunk_index);

/* Where bytes of the file of page are: of the open file, or by its path.  Errors: the file is gone. */
enum pw_status pw_tiff_extent(const struct pw_tiff_source *tiff, uint64_t page, uint64_t offset, uint64_t length,
                              struct pw_extent *extent, struct pw_error *error);

void pw_tiff_source_close(struct pw_source *source);
const char *pw_tiff_source_file(const struct pw_source *source, uint64_t i); /* a slot of pw_source_ops */

/* tiff_rows.c and tiff_decode.c: set base.ops and the chunk. */
void pw_tiff_use_rows(struct pw_tiff_source *tiff);
void pw_tiff_use_blocks(struct pw_tiff_source *tiff);

/* Sets base.info's chunk to about 1 MiB of rows. */
void pw_tiff_chunk_rows(struct pw_tiff_source *tiff);

#endif
