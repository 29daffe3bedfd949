#include "store/tiff_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

/* Field types of TIFF 6.0 and BigTIFF. */
enum {
    TYPE_ASCII = 2,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TYPE_RATIONAL = 5,
    TYPE_LONG8 = 16,
    TYPE_IFD8 = 18
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
    TAG_PREDICTOR = 317,
    TAG_TILE_WIDTH = 322,
    TAG_TILE_LENGTH = 323,
    TAG_TILE_OFFSETS = 324,
    TAG_TILE_BYTE_COUNTS = 325,
    TAG_SUB_IFDS = 330,
    TAG_SAMPLE_FORMAT = 339,
};
enum {
    BLACK_IS_ZERO = 1,
    CHUNKY = 1,
    CENTIMETRE = 3,
    UNSIGNED = 1,
    SIGNED = 2,
    FLOAT = 3,
    REDUCED = 1
};
enum {
    ENTRY_BYTES = 20,
    ENTRIES_MAX = 22,
    BATCH_BYTES = 256 << 10
};
enum {
    DIRECTORY_MAX = (8 + ENTRIES_MAX * ENTRY_BYTES + 8 + 7) / 8 * 8,
    PAGE_MAX = PW_MAX_LEVELS * (DIRECTORY_MAX + 8) /* with its smaller levels, and the list of them */
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
static enum pw_status put_table(int fd, const char *path, struct directory *directory, uint16_t tag, uint64_t tiles,
                                uint64_t table, struct pw_error *error)
{
    uint64_t value = table;
    enum pw_status status = PW_OK;
    if (tiles == 1)
        status = pw_file_read_exactly(fd, &value, sizeof value, table, path, error);
    put_offset(directory, tag, TYPE_LONG8, tiles, value);
    return status;
}

static uint16_t sample_format(enum pw_dtype dtype)
{
    return pw_dtype_is_float(dtype) ? FLOAT : pw_dtype_is_signed(dtype) ? SIGNED : UNSIGNED;
}

/* Pixels in a centimetre at a level, along an axis of that many pixels at the first one. */
static double per_centimetre(const struct pw_axis *axis, uint32_t whole, uint32_t at_level)
{
    double step = pw_tiff_centimetres(axis);
    return step > 0 ? (double)at_level / (double)whole / step : 0;
}

/* What a directory of a page refers to. */
struct references {
    uint64_t description;
    uint64_t description_bytes; /* 0: none */
    uint64_t below;             /* where its smaller levels are, or where they are listed when there are several */
    int n_below;
    int is_reduced;
};

/* The directory of a page at a level, without what comes next; its length, a multiple of 8, in *n. */
static enum pw_status make_directory(int fd, const char *path, const struct pw_tiff_pages *pages, int l, uint64_t page,
                                     const struct references *to, struct directory *directory, size_t *n,
                                     struct pw_error *error)
{
    const struct pw_tiff_level *level = &pages->level[l];
    double y_per_cm = per_centimetre(&pages->axes.space[1], pages->level[0].height, level->height);
    double x_per_cm = per_centimetre(&pages->axes.space[2], pages->level[0].width, level->width);
    int resolution = x_per_cm > 0 && y_per_cm > 0;
    memset(directory, 0, sizeof *directory);
    put_long(directory, TAG_NEW_SUBFILE_TYPE, to->is_reduced ? REDUCED : 0);
    put_long(directory, TAG_IMAGE_WIDTH, level->width);
    put_long(directory, TAG_IMAGE_LENGTH, level->height);
    put_short(directory, TAG_BITS_PER_SAMPLE, (uint16_t)(8 * pw_dtype_bytes(pages->dtype)));
    put_short(directory, TAG_COMPRESSION, pages->compression);
    put_short(directory, TAG_PHOTOMETRIC, BLACK_IS_ZERO);
    if (to->description_bytes > 0)
        put_offset(directory, TAG_IMAGE_DESCRIPTION, TYPE_ASCII, to->description_bytes, to->description);
    put_short(directory, TAG_SAMPLES_PER_PIXEL, 1);
    if (resolution) {
        put_rational(directory, TAG_X_RESOLUTION, x_per_cm);
        put_rational(directory, TAG_Y_RESOLUTION, y_per_cm);
    }
    put_short(directory, TAG_PLANAR_CONFIGURATION, CHUNKY);
    if (resolution)
        put_short(directory, TAG_RESOLUTION_UNIT, CENTIMETRE);
    if (pages->predictor > 1)
        put_short(directory, TAG_PREDICTOR, pages->predictor);
    put_long(directory, TAG_TILE_WIDTH, pages->tile_width);
    put_long(directory, TAG_TILE_LENGTH, pages->tile_height);
    enum pw_status status =
        put_table(fd, path, directory, TAG_TILE_OFFSETS, level->tiles, pw_tiff_offsets_table(pages, l, page), error);
    if (status == PW_OK)
        status = put_table(fd, path, directory, TAG_TILE_BYTE_COUNTS, level->tiles,
                           pw_tiff_counts_table(pages, l, page), error);
    if (to->n_below > 0)
        put_offset(directory, TAG_SUB_IFDS, TYPE_IFD8, (uint64_t)to->n_below, to->below);
    put_short(directory, TAG_SAMPLE_FORMAT, sample_format(pages->dtype));
    memcpy(directory->bytes, &directory->n_entries, 8);
    *n = (8 + (size_t)directory->n_entries * ENTRY_BYTES + 8 + 7) / 8 * 8;
    return status;
}

/* Where the offset of the next directory stands in one. */
static size_t next_place(const struct directory *directory)
{
    return 8 + (size_t)directory->n_entries * ENTRY_BYTES;
}

/* What is written one after the other. */
struct output {
    int fd;
    const char *path;
    unsigned char *batch;
    size_t used;
    uint64_t at; /* where batch goes */
    struct {
        uint64_t offset, bytes;
    } description[PW_MAX_LEVELS]; /* of the first page at each level; 0 bytes: none */
};

/* Writes the descriptions from out->at on. */
static enum pw_status put_descriptions(struct output *out, const struct pw_tiff_pages *pages, int level, int n_levels,
                                       struct pw_error *error)
{
    int n_described = pw_tiff_describes_levels(pages) ? n_levels : 1;
    enum pw_status status = PW_OK;
    for (int l = 0; l < n_described && status == PW_OK; l++) {
        size_t n;
        char *text = pw_tiff_description(pages, level + l, &n, error);
        if (text == NULL)
            return PW_E_NOMEM;
        status = pw_file_write(out->fd, text, n, out->at, out->path, error);
        free(text);
        out->description[l].offset = out->at;
        out->description[l].bytes = n;
        out->at = (out->at + n + 7) / 8 * 8;
    }
    return status;
}

/* What the directory of a page refers to, its smaller levels aside. */
static struct references refer(const struct output *out, int l, uint64_t page)
{
    struct references to = {.is_reduced = l > 0};
    if (page == 0) {
        to.description = out->description[l].offset;
        to.description_bytes = out->description[l].bytes;
    }
    return to;
}

/*
 * A page: its directory, the list of its smaller levels when there are several, and their directories; the next page
 * follows at once.
 */
static enum pw_status add_page(struct output *out, const struct pw_tiff_pages *pages, int level, int n_levels,
                               uint64_t page, int is_last, struct pw_error *error)
{
    struct directory own, smaller;
    struct references to = refer(out, 0, page);
    uint64_t at = out->at + out->used, list[PW_MAX_LEVELS];
    unsigned char *start = out->batch + out->used;
    size_t own_bytes, bytes, used;
    to.n_below = n_levels - 1;
    /* Its length does not depend on where the others are: first as if that were known. */
    enum pw_status status = make_directory(out->fd, out->path, pages, level, page, &to, &own, &own_bytes, error);
    used = own_bytes + (to.n_below > 1 ? (size_t)to.n_below * 8 : 0);
    for (int l = 1; l < n_levels && status == PW_OK; l++) {
        const struct references its = refer(out, l, page);
        list[l - 1] = at + used;
        status = make_directory(out->fd, out->path, pages, level + l, page, &its, &smaller, &bytes, error);
        memcpy(start + used, smaller.bytes, bytes);
        used += bytes;
    }
    to.below = to.n_below > 1 ? at + own_bytes : to.n_below == 1 ? list[0] : 0;
    if (status == PW_OK)
        status = make_directory(out->fd, out->path, pages, level, page, &to, &own, &own_bytes, error);
    uint64_t next = is_last ? 0 : at + used;
    memcpy(own.bytes + next_place(&own), &next, 8);
    memcpy(start, own.bytes, own_bytes);
    if (to.n_below > 1)
        memcpy(start + own_bytes, list, (size_t)to.n_below * 8);
    out->used += used;
    return status;
}

enum pw_status pw_tiff_directories_write(int fd, const char *path, const struct pw_tiff_pages *pages, int level,
                                         int n_levels, uint64_t offset, uint64_t *first, uint64_t *end,
                                         struct pw_error *error)
{
    struct output out = {.fd = fd, .path = path, .at = offset, .batch = pw_alloc(BATCH_BYTES, 1, error)};
    if (out.batch == NULL)
        return PW_E_NOMEM;
    enum pw_status status = put_descriptions(&out, pages, level, n_levels, error);
    *first = out.at;
    for (uint64_t page = 0; page < pages->n_pages && status == PW_OK; page++) {
        int is_last = page + 1 == pages->n_pages;
        status = add_page(&out, pages, level, n_levels, page, is_last, error);
        if (status == PW_OK && (out.used + PAGE_MAX > BATCH_BYTES || is_last)) {
            status = pw_file_write(fd, out.batch, out.used, out.at, path, error);
            out.at += out.used;
            out.used = 0;
        }
    }
    free(out.batch);
    *end = out.at;
    return status;
}
