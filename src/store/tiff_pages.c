/* How pages are cut into tiles, and where the tables of each level are. */
#include "base/checked.h"
#include "base/error.h"
#include "store/tiff_directory.h"

enum {
    TILE_EDGE = 512,
    TILE_EDGE_MAX = 16384
};

uint64_t pw_tiff_tile_bytes(const struct pw_tiff_pages *pages)
{
    return (uint64_t)pages->tile_height * pages->tile_width * pw_dtype_bytes(pages->dtype);
}

uint64_t pw_tiff_offsets_table(const struct pw_tiff_pages *pages, int level, uint64_t page)
{
    return pages->level[level].table + page * pages->level[level].tiles * 16;
}

uint64_t pw_tiff_counts_table(const struct pw_tiff_pages *pages, int level, uint64_t page)
{
    return pw_tiff_offsets_table(pages, level, page) + pages->level[level].tiles * 8;
}

uint64_t pw_tiff_tables_end(const struct pw_tiff_pages *pages)
{
    return pw_tiff_offsets_table(pages, pages->n_levels - 1, pages->n_pages);
}

/* The edge asked for, or TILE_EDGE, less where the page is smaller; a multiple of 16 as TIFF has it. */
static enum pw_status choose_edge(const char *path, char axis, uint64_t asked, uint64_t extent, uint32_t *edge,
                                  struct pw_error *error)
{
    if (asked % 16 != 0 || asked > TILE_EDGE_MAX)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: TIFF tiles of %llu along %c; their edges are multiples of 16, at most %d", path,
                       (unsigned long long)asked, axis, TILE_EDGE_MAX);
    *edge = asked != 0 ? (uint32_t)asked : (uint32_t)(pw_min_u64((extent + 15) / 16 * 16, TILE_EDGE));
    return PW_OK;
}

enum pw_status pw_tiff_pages_add(struct pw_tiff_pages *pages, const char *path, uint64_t height, uint64_t width,
                                 struct pw_error *error)
{
    struct pw_tiff_level *level = &pages->level[pages->n_levels];
    uint64_t bytes;
    level->width = (uint32_t)width;
    level->height = (uint32_t)height;
    level->across = pw_ceil_div(width, pages->tile_width);
    level->down = pw_ceil_div(height, pages->tile_height);
    level->tiles = level->across * level->down;
    level->table = pages->n_levels > 0 ? pw_tiff_tables_end(pages) : PW_BIGTIFF_HEADER_BYTES;
    if (level->tiles > UINT32_MAX || !pw_mul_u64(level->tiles * 16, pages->n_pages, &bytes) ||
        bytes > (uint64_t)1 << 48)
        return pw_fail(error, PW_E_RANGE, "%s: more tiles of %u x %u than a TIFF file can list; choose larger ones",
                       path, pages->tile_height, pages->tile_width);
    pages->n_levels++;
    return PW_OK;
}

enum pw_status pw_tiff_pages_init(struct pw_tiff_pages *pages, const char *path, uint64_t height, uint64_t width,
                                  uint64_t tile_height, uint64_t tile_width, struct pw_error *error)
{
    if (pages->depth > UINT32_MAX || height > UINT32_MAX || width > UINT32_MAX)
        return pw_fail(error, PW_E_RANGE, "%s: a TIFF file has at most %u pages, rows and columns", path, UINT32_MAX);
    enum pw_status status = choose_edge(path, 'y', tile_height, height, &pages->tile_height, error);
    if (status == PW_OK)
        status = choose_edge(path, 'x', tile_width, width, &pages->tile_width, error);
    if (status != PW_OK)
        return status;
    if (!pw_mul_u64(pages->depth, pages->axes.times, &pages->n_pages) ||
        !pw_mul_u64(pages->n_pages, pages->axes.channels, &pages->n_pages) || pages->n_pages > UINT32_MAX)
        return pw_fail(error, PW_E_RANGE, "%s: a TIFF file has at most %u pages", path, UINT32_MAX);
    pages->n_levels = 0;
    return pw_tiff_pages_add(pages, path, height, width, error);
}
