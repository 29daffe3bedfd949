#include "store/tiff_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

/* Field types of TIFF 6.0 and BigTIFF. */
enum {
    TYPE_ASCII = 2,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TYPE_RATIONAL = 5,
    TYPE_LONG8 = 16
};
enum {
    TAG_NEW_SUBFILE_TYPE = 254,
    TAG_IMAGE_WIDTH = 256,
    TAG_IMAGE_LENGTH = 257,
    TAG_BITS_PER_SAMPLE = 258,
    TAG_COMPRESSION = 259,
    TAG_PHOTOMETRIC = 262,
    TAG_IMAGE_DESCRIPTION = 270,
    TAG_SAMPLES_PER_PIXEL = 277,
    TAG_X_RESOLUTION = 282,
    TAG_Y_RESOLUTION = 283,
    TAG_PLANAR_CONFIGURATION = 284,
    TAG_RESOLUTION_UNIT = 296,
    TAG_TILE_WIDTH = 322,
    TAG_TILE_LENGTH = 323,
    TAG_TILE_OFFSETS = 324,
    TAG_TILE_BYTE_COUNTS = 325,
    TAG_SAMPLE_FORMAT = 339,
};
enum {
    ADOBE_DEFLATE = 8,
    BLACK_IS_ZERO = 1,
    CHUNKY = 1,
    CENTIMETRE = 3,
    UNSIGNED = 1
};
enum {
    ENTRY_BYTES = 20,
    ENTRIES_MAX = 20,
    BATCH_BYTES = 256 << 10
};
enum {
    DIRECTORY_MAX = 8 + ENTRIES_MAX * ENTRY_BYTES + 8
};

/* A directory being put together; entries must come in the order of their tags. */
struct directory {
    unsigned char bytes[DIRECTORY_MAX];
    uint64_t n_entries;
};

void pw_bigtiff_header(unsigned char *header, uint64_t first_directory)
{
    uint16_t version = 43, offset_bytes = 8, zero = 0;
    memcpy(header, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "MM" : "II", 2);
    memcpy(header + 2, &version, 2);
    memcpy(header + 4, &offset_bytes, 2);
    memcpy(header + 6, &zero, 2);
    memcpy(header + 8, &first_directory, 8);
}

uint64_t pw_tiff_offsets_table(const struct pw_tiff_pages *pages, uint64_t page)
{
    return PW_BIGTIFF_HEADER_BYTES + page * pages->tiles_per_page * 16;
}

uint64_t pw_tiff_counts_table(const struct pw_tiff_pages *pages, uint64_t page)
{
    return pw_tiff_offsets_table(pages, page) + pages->tiles_per_page * 8;
}

uint64_t pw_tiff_tables_end(const struct pw_tiff_pages *pages)
{
    return pw_tiff_offsets_table(pages, pages->n_pages);
}

/* One entry; value is what its 8 bytes hold: the value itself, or where the values are. */
static void put(struct directory *directory, uint16_t tag, uint16_t type, uint64_t count, const void *value,
                size_t value_bytes)
{
    unsigned char *at = directory->bytes + 8 + directory->n_entries * ENTRY_BYTES;
    memset(at, 0, ENTRY_BYTES);
    memcpy(at, &tag, 2);
    memcpy(at + 2, &type, 2);
    memcpy(at + 4, &count, 8);
    memcpy(at + 12, value, value_bytes);
    directory->n_entries++;
}

static void put_short(struct directory *directory, uint16_t tag, uint16_t value)
{
    put(directory, tag, TYPE_SHORT, 1, &value, sizeof value);
}

static void put_long(struct directory *directory, uint16_t tag, uint32_t value)
{
    put(directory, tag, TYPE_LONG, 1, &value, sizeof value);
}

static void put_offset(struct directory *directory, uint16_t tag, uint16_t type, uint64_t count, uint64_t value)
{
    put(directory, tag, type, count, &value, sizeof value);
}

static void put_rational(struct directory *directory, uint16_t tag, double value)
{
    /* Six decimals where they fit, else whole numbers. */
    double scale = value < 4000 ? 1e6 : 1;
    double numerator = value * scale + 0.5;
    uint32_t pair[2] = {numerator < 4294967295.0 ? (uint32_t)numerator : UINT32_MAX, (uint32_t)scale};
    put(directory, tag, TYPE_RATIONAL, 1, pair, sizeof pair);
}

/* Tables of one tile are their own value. */
static enum pw_status put_table(int fd, const char *path, struct directory *directory, uint16_t tag,
                                const struct pw_tiff_pages *pages, uint64_t table, struct pw_error *error)
{
    uint64_t value = table;
    enum pw_status status = PW_OK;
    if (pages->tiles_per_page == 1)
        status = pw_file_read_exactly(fd, &value, sizeof value, table, path, error);
    put_offset(directory, tag, TYPE_LONG8, pages->tiles_per_page, value);
    return status;
}

/* The directory of one page; its length in *n.  Every page but the first has the same length. */
static enum pw_status make_directory(int fd, const char *path, const struct pw_tiff_pages *pages, uint64_t page,
                                     uint64_t description, size_t description_bytes, struct directory *directory,
                                     size_t *n, struct pw_error *error)
{
    int resolution = pages->x_per_cm > 0 && pages->y_per_cm > 0;
    memset(directory, 0, sizeof *directory);
    put_long(directory, TAG_NEW_SUBFILE_TYPE, 0);
    put_long(directory, TAG_IMAGE_WIDTH, pages->width);
    put_long(directory, TAG_IMAGE_LENGTH, pages->height);
    put_short(directory, TAG_BITS_PER_SAMPLE, (uint16_t)(8 * pw_dtype_bytes(pages->dtype)));
    put_short(directory, TAG_COMPRESSION, ADOBE_DEFLATE);
    put_short(directory, TAG_PHOTOMETRIC, BLACK_IS_ZERO);
    if (page == 0)
        put_offset(directory, TAG_IMAGE_DESCRIPTION, TYPE_ASCII, description_bytes, description);
    put_short(directory, TAG_SAMPLES_PER_PIXEL, 1);
    if (resolution) {
        put_rational(directory, TAG_X_RESOLUTION, pages->x_per_cm);
        put_rational(directory, TAG_Y_RESOLUTION, pages->y_per_cm);
    }
    put_short(directory, TAG_PLANAR_CONFIGURATION, CHUNKY);
    if (resolution)
        put_short(directory, TAG_RESOLUTION_UNIT, CENTIMETRE);
    put_long(directory, TAG_TILE_WIDTH, pages->tile_width);
    put_long(directory, TAG_TILE_LENGTH, pages->tile_height);
    enum pw_status status =
        put_table(fd, path, directory, TAG_TILE_OFFSETS, pages, pw_tiff_offsets_table(pages, page), error);
    if (status == PW_OK)
        status = put_table(fd, path, directory, TAG_TILE_BYTE_COUNTS, pages, pw_tiff_counts_table(pages, page), error);
    put_short(directory, TAG_SAMPLE_FORMAT, UNSIGNED);
    memcpy(directory->bytes, &directory->n_entries, 8);
    *n = 8 + (size_t)directory->n_entries * ENTRY_BYTES + 8;
    return status;
}

enum pw_status pw_tiff_directories_write(int fd, const char *path, const struct pw_tiff_pages *pages,
                                         const char *description, size_t n, uint64_t offset, uint64_t *first,
                                         uint64_t *end, struct pw_error *error)
{
    struct directory directory;
    unsigned char *batch = pw_alloc(BATCH_BYTES, 1, error);
    if (batch == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_file_write(fd, description, n, offset, path, error);
    uint64_t at = (offset + n + 7) / 8 * 8; /* where batch goes */
    size_t used = 0;
    *first = at;
    for (uint64_t page = 0; page < pages->n_pages && status == PW_OK; page++) {
        size_t bytes;
        status = make_directory(fd, path, pages, page, offset, n, &directory, &bytes, error);
        uint64_t next = page + 1 < pages->n_pages ? at + used + bytes + (8 - bytes % 8) % 8 : 0;
        memcpy(directory.bytes + bytes - 8, &next, 8);
        memcpy(batch + used, directory.bytes, bytes);
        used += bytes + (8 - bytes % 8) % 8;
        if (status == PW_OK && (used + DIRECTORY_MAX + 8 > BATCH_BYTES || next == 0)) {
            status = pw_file_write(fd, batch, used, at, path, error);
            at += used;
            used = 0;
        }
    }
    free(batch);
    *end = at;
    return status;
}
