/* Uncompressed planes, each one stretch of rows of a file: a chunk is as many rows as make about 1 MiB. */
#include "base/checked.h"
#include "base/error.h"
#include "store/tiff_source.h"

enum {
    ROWS_BYTES = 1 << 20
};

static const struct pw_tiff_source *of(const struct pw_source *source)
{
    return (const struct pw_tiff_source *)source;
}

static uint64_t rows_of(const struct pw_tiff_source *tiff, const struct pw_tiff_place *place)
{
    uint64_t rows = tiff->base.info.chunk[tiff->axes.y];
    return pw_min_u64(rows, tiff->index.form.height - place->row * rows);
}

/* Integers of 24 bits are a bit stream, high bit first, in files of either byte order. */
static int order_in_file(const struct pw_tiff_index *index)
{
    return pw_tiff_is_integer_of_24(index->form.kind, index->form.bits) || index->big_endian;
}

static enum pw_status locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                             struct pw_error *error)
{
    const struct pw_tiff_source *tiff = of(source);
    struct pw_tiff_place place = pw_tiff_place_of(tiff, chunk_index);
    uint64_t row_bytes = pw_tiff_plane_row_bytes(&tiff->index.form);
    if (place.page == UINT64_MAX)
        return PW_EMPTY;
    uint64_t offset = tiff->index.page[place.page].data + place.sample * tiff->index.sample_distance +
                      place.row * source->info.chunk[tiff->axes.y] * row_bytes;
    return pw_tiff_extent(tiff, place.page, offset, rows_of(tiff, &place) * row_bytes, extent, error);
}

static enum pw_status decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                             const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    const struct pw_tiff_source *tiff = of(source);
    const struct pw_tiff_form *form = &tiff->index.form;
    struct pw_tiff_place place = pw_tiff_place_of(tiff, chunk_index);
    uint64_t rows = rows_of(tiff, &place), expected = rows * pw_tiff_plane_row_bytes(form);
    (void)decoder;
    if (place.page == UINT64_MAX)
        return PW_EMPTY;
    if (n != expected)
        return pw_fail(error, PW_E_TRUNCATED, "%s: page %u: %zu bytes where %llu rows have %llu",
                       tiff->index.file[tiff->index.page[place.page].file].path, tiff->index.page[place.page].number, n,
                       (unsigned long long)rows, (unsigned long long)expected);
    pw_tiff_unpack(form->kind, form->bits, order_in_file(&tiff->index), stored, rows,
                   pw_tiff_row_samples(form, form->width), voxels);
    return PW_OK;
}

static const struct pw_source_ops ops = {
    .format = "tiff", .locate = locate, .decode = decode, .close = pw_tiff_source_close, .file = pw_tiff_source_file};

void pw_tiff_chunk_rows(struct pw_tiff_source *tiff)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    uint64_t rows = pw_max_u64(ROWS_BYTES / pw_tiff_plane_row_bytes(form), 1);
    pw_tiff_set_chunk(&tiff->base.info, &tiff->axes, form, pw_min_u64(rows, form->height), form->width);
}

void pw_tiff_use_rows(struct pw_tiff_source *tiff)
{
    tiff->base.ops = &ops;
    pw_tiff_chunk_rows(tiff);
    tiff->base.stored_bytes_max = tiff->base.info.chunk[tiff->axes.y] * pw_tiff_plane_row_bytes(&tiff->index.form);
}
