/*
 * store/tiff_directory - the BigTIFF structures that the TIFF sink writes.
 *
 *     offset 0    header: byte order, 43, offset of the first directory (0 until
 *                 the file is whole, so that a torn one is no TIFF file)
 *     16          tables: of each page its tile offsets, then its tile byte counts
 *                 (8 bytes each), written as tiles are
 *     ...         compressed tiles in any order
 *     at the end  ImageDescription, then one directory per page
 *
 * The tables being in the file, memory does not grow with the number of tiles.
 * Everything is in the machine's byte order, as the header says.
 *
 * Threads: pure functions, but for pw_tiff_directories_write().
 */
#ifndef PW_STORE_TIFF_DIRECTORY_H
#define PW_STORE_TIFF_DIRECTORY_H

#include "patchworks.h"

enum {
    PW_BIGTIFF_HEADER_BYTES = 16,
    PW_TIFF_DESCRIPTION_MAX = 4096
};

/* The file as its directories describe it. */
struct pw_tiff_pages {
    uint64_t n_pages; /* of all time points */
    uint64_t times;
    int has_time;
    struct pw_axis time;
    uint32_t width, height;
    uint32_t tile_width, tile_height;
    uint64_t tiles_per_page;
    enum pw_dtype dtype;
    double y_per_cm, x_per_cm; /* resolution; 0 when not known */
};

/* Fills the 16 bytes of the header. */
void pw_bigtiff_header(unsigned char *header, uint64_t first_directory);

/* Offsets of a page's tables, and of what follows the last. */
uint64_t pw_tiff_offsets_table(const struct pw_tiff_pages *pages, uint64_t page);
uint64_t pw_tiff_counts_table(const struct pw_tiff_pages *pages, uint64_t page);
uint64_t pw_tiff_tables_end(const struct pw_tiff_pages *pages);

/*
 * Writes description (n bytes with its final 0) and all directories from offset
 * on; the first directory is at *first.  *end is where the file ends.
 */
enum pw_status pw_tiff_directories_write(int fd, const char *path, const struct pw_tiff_pages *pages,
                                         const char *description, size_t n, uint64_t offset, uint64_t *first,
                                         uint64_t *end, struct pw_error *error);

/*
 * The ImageDescription: OME-XML of a Z stack for each time point, or, for uint64, which OME-XML does not
 * know, the shape as tifffile writes it.  axis is of z y x.  Returns its length with the final 0.
 */
size_t pw_tiff_description(const struct pw_tiff_pages *pages, int rank, const struct pw_axis axis[3], char *out,
                           size_t capacity);

/* Centimetres of one step of the axis; 0 when it is not calibrated. */
double pw_tiff_centimetres(const struct pw_axis *axis);

#endif
