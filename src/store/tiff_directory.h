/*
 * store/tiff_directory - the BigTIFF structures that are written.
 *
 *     offset 0    header: byte order, 43, offset of the first directory (0 until
 *                 the file is whole, so that a torn one is no TIFF file)
 *     16          tables: level by level of each page its tile offsets, then its tile byte counts
 *                 (8 bytes each), written as tiles are
 *     ...         compressed tiles
 *     at the end  ImageDescription, then the directories: of each page one, and behind it in its SubIFDs those
 *                 of its smaller levels, as OME-TIFF has them
 *
 * The tables being in the file, memory does not grow with the number of tiles.
 * Everything is in the machine's byte order, as the header says.
 *
 * Threads: pure functions, but for pw_tiff_directories_write().
 */
#ifndef PW_STORE_TIFF_DIRECTORY_H
#define PW_STORE_TIFF_DIRECTORY_H

#include "store/array_axes.h"

enum {
    PW_BIGTIFF_HEADER_BYTES = 16
};

/* One resolution of every page. */
struct pw_tiff_level {
    uint32_t width, height;
    uint64_t across, down, tiles; /* of a page */
    uint64_t table;               /* offset of the tables of its first page */
};

/* The file as its directories describe it; pages are those of t c z, z fastest. */
struct pw_tiff_pages {
    struct pw_array_axes axes;
    uint64_t depth;                  /* planes of a time point and channel */
    const char *name;                /* of the image */
    const char *const *channel_name; /* axes.channels entries, or NULL */
    const char *const *channel_show; /* likewise: JSON, as pw_image_info.channel_shows */
    enum pw_dtype dtype;
    uint16_t compression, predictor; /* tags 259 and 317 */
    uint64_t n_pages;
    uint32_t tile_width, tile_height; /* of every level */
    int n_levels;
    struct pw_tiff_level level[PW_MAX_LEVELS];
};

/*
 * Cuts pages of height and width into tiles of the edges asked for (0: as usual, no larger than the page) and sets all that
 * follows from it for the first level, from what is set already: axes, depth.
 * Errors: PW_E_ARGUMENT for edges that TIFF has not, PW_E_RANGE for more than it holds.
 */
enum pw_status pw_tiff_pages_init(struct pw_tiff_pages *pages, const char *path, uint64_t height, uint64_t width,
                                  uint64_t tile_height, uint64_t tile_width, struct pw_error *error);

/* Adds a smaller level.  PW_E_RANGE for more tiles than the file holds. */
enum pw_status pw_tiff_pages_add(struct pw_tiff_pages *pages, const char *path, uint64_t height, uint64_t width,
                                 struct pw_error *error);

uint64_t pw_tiff_tile_bytes(const struct pw_tiff_pages *pages);

/* Fills the 16 bytes of the header. */
void pw_bigtiff_header(unsigned char *header, uint64_t first_directory);

/* Offsets of a page's tables, and of what follows the last. */
uint64_t pw_tiff_offsets_table(const struct pw_tiff_pages *pages, int level, uint64_t page);
uint64_t pw_tiff_counts_table(const struct pw_tiff_pages *pages, int level, uint64_t page);
uint64_t pw_tiff_tables_end(const struct pw_tiff_pages *pages);

/*
 * Writes descriptions and directories from offset on: of n_levels levels, of which the first is the pages' own.  The first
 * directory is at *first.  *end is where the file ends.
 */
enum pw_status pw_tiff_directories_write(int fd, const char *path, const struct pw_tiff_pages *pages, int level,
                                         int n_levels, uint64_t offset, uint64_t *first, uint64_t *end,
                                         struct pw_error *error);

/*
 * The ImageDescription of the pages at a level: OME-XML, or, for element types that OME-XML does not know, the shape as
 * tifffile writes it, in which case smaller levels have one, too.  *n is its length with the final 0; free() it.  NULL when
 * memory is out.
 */
char *pw_tiff_description(const struct pw_tiff_pages *pages, int level, size_t *n, struct pw_error *error);
int pw_tiff_describes_levels(const struct pw_tiff_pages *pages);

/* Centimetres of one step of the axis; 0 when it is not calibrated. */
double pw_tiff_centimetres(const struct pw_axis *axis);

#endif
