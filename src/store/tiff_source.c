/*
 * TIFF and BigTIFF.  Three ways to hand out the image, the first that fits:
 *
 *   LINEAR   uncompressed elements of a native type, every plane at a constant
 *            distance from the one before: mapped or read as one array;
 *   rows     uncompressed, each plane one stretch of rows: chunks of about 1 MiB of
 *            rows, so that a page of one giant strip is never held whole;
 *   blocks   everything else: a chunk is a strip or tile, decoded by libtiff.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/linear_source.h"
#include "store/tiff_describe.h"
#include "store/tiff_handle.h"
#include "store/tiff_index.h"
#include "store/tiff_stack.h"
#include "store/tiff_unpack.h"

enum {
    ROWS_BYTES = 1 << 20
};

struct tiff_source {
    struct pw_source base;
    int fd;
    struct pw_tiff_index index;
    struct pw_tiff_stack stack;
    struct pw_tiff_axes axes;

    pthread_mutex_t lock; /* guards locator and located */
    int lock_made;
    struct pw_tiff *locator;
    uint64_t located; /* index of the page that is current in locator, or UINT64_MAX */
};

struct pw_decoder {
    struct pw_tiff *handle;
    uint64_t page;         /* index of the page that is current, or UINT64_MAX */
    unsigned char *packed; /* one decoded block whose samples are not elements yet; NULL when they are */
    unsigned char *copy;   /* stored bytes that libtiff will turn over in place (FillOrder 2); NULL when not needed */
};

static struct tiff_source *of(struct pw_source *source)
{
    return (struct tiff_source *)source;
}

/* ------------------------------------------------------------------------ *
 * Which page, plane of samples, strip or tile a chunk is
 * ------------------------------------------------------------------------ */

struct place {
    uint64_t page;        /* index into index.page */
    uint64_t sample;      /* planar: which plane */
    uint64_t row, column; /* chunk indices along y and x */
};

static struct place place_of(const struct tiff_source *tiff, const uint64_t *chunk_index)
{
    struct place place = {0};
    uint64_t plane = 0;
    for (int i = 0; i < tiff->stack.rank; i++)
        plane = plane * tiff->stack.size[i] + chunk_index[i];
    place.page = tiff->stack.page_of_plane != NULL ? tiff->stack.page_of_plane[plane] : plane;
    if (tiff->index.form.planar)
        place.sample = chunk_index[tiff->axes.sample];
    place.row = chunk_index[tiff->axes.y];
    place.column = chunk_index[tiff->axes.x];
    return place;
}

static uint64_t block_of(const struct tiff_source *tiff, const struct place *place)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    uint64_t across = pw_tiff_blocks_across(form);
    return (place->sample * pw_tiff_blocks_down(form) + place->row) * across + place->column;
}

/* ------------------------------------------------------------------------ *
 * Rows
 * ------------------------------------------------------------------------ */

static uint64_t stored_row_bytes(const struct tiff_source *tiff)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    return pw_tiff_row_bytes(pw_tiff_row_samples(form, form->width), form->bits);
}

static uint64_t rows_of(const struct tiff_source *tiff, const struct place *place)
{
    uint64_t rows = tiff->base.info.chunk[tiff->axes.y];
    return pw_min_u64(rows, tiff->index.form.height - place->row * rows);
}

/*
 * The order of the bytes of a sample.  Integers of 24 bits are a bit stream, high bit first, in files of either
 * byte order (tifffile and the writers of such files agree); libtiff takes them for numbers of three bytes and
 * swaps them together with the others.
 */
static int is_integer_of_24(const struct pw_tiff_form *form)
{
    return form->bits == 24 && form->kind != PW_TIFF_FLOAT;
}

static int order_in_file(const struct pw_tiff_index *index)
{
    return is_integer_of_24(&index->form) || index->big_endian;
}

static int order_from_libtiff(const struct pw_tiff_index *index)
{
    int host = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return is_integer_of_24(&index->form) ? index->big_endian == host : host;
}

static enum pw_status rows_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                  struct pw_error *error)
{
    const struct tiff_source *tiff = of(source);
    struct place place = place_of(tiff, chunk_index);
    (void)error;
    extent->fd = tiff->fd;
    extent->path[0] = '\0';
    extent->offset = tiff->index.page[place.page].data + place.sample * tiff->index.sample_distance +
                     place.row * source->info.chunk[tiff->axes.y] * stored_row_bytes(tiff);
    extent->length = rows_of(tiff, &place) * stored_row_bytes(tiff);
    return PW_OK;
}

static enum pw_status rows_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                  const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    const struct tiff_source *tiff = of(source);
    const struct pw_tiff_form *form = &tiff->index.form;
    struct place place = place_of(tiff, chunk_index);
    uint64_t rows = rows_of(tiff, &place);
    (void)decoder;
    if (n != rows * stored_row_bytes(tiff))
        return pw_fail(error, PW_E_TRUNCATED, "%s: page %u: %zu bytes where %llu rows have %llu", source->path,
                       tiff->index.page[place.page].number, n, (unsigned long long)rows,
                       (unsigned long long)(rows * stored_row_bytes(tiff)));
    pw_tiff_unpack(form->kind, form->bits, order_in_file(&tiff->index), stored, rows,
                   pw_tiff_row_samples(form, form->width), voxels);
    return PW_OK;
}

/* ------------------------------------------------------------------------ *
 * Blocks
 * ------------------------------------------------------------------------ */

static enum pw_status blocks_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                    struct pw_error *error)
{
    struct tiff_source *tiff = of(source);
    struct place place = place_of(tiff, chunk_index);
    const struct pw_tiff_page *page = &tiff->index.page[place.page];
    enum pw_status status = PW_OK;
    extent->fd = tiff->fd;
    extent->path[0] = '\0';
    pthread_mutex_lock(&tiff->lock);
    if (tiff->located != place.page) {
        tiff->located = UINT64_MAX;
        status = pw_tiff_select(tiff->locator, &tiff->index, page, error);
    }
    if (status == PW_OK) {
        tiff->located = place.page;
        status = pw_tiff_block_place(tiff->locator, &tiff->index.form, page->number, block_of(tiff, &place),
                                     &extent->offset, &extent->length, error);
    }
    pthread_mutex_unlock(&tiff->lock);
    return status;
}

/* What libtiff needs for a block beside its decoded bytes: windows, dictionaries, tables. */
static size_t codec_bytes(const struct tiff_source *tiff)
{
    uint64_t block = pw_source_chunk_bytes(&tiff->base);
    switch (tiff->index.compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_PACKBITS: return 0;
    case COMPRESSION_LZW:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_ADOBE_DEFLATE: return 256 << 10;
    default: return (size_t)(2 * block + (1u << 20));
    }
}

static size_t packed_bytes(const struct tiff_source *tiff)
{
    const struct pw_tiff_form *form = &tiff->index.form;
    if (pw_tiff_sample_is_native(form->bits))
        return 0;
    return (size_t)(form->block_height * pw_tiff_row_bytes(pw_tiff_row_samples(form, form->block_width), form->bits));
}

static size_t blocks_decoder_memory_bytes(const struct pw_source *source)
{
    const struct tiff_source *tiff = (const struct tiff_source *)source;
    return sizeof(struct pw_decoder) + PW_TIFF_HANDLE_BYTES + codec_bytes(tiff) + packed_bytes(tiff) +
           (tiff->index.reversed_bits ? (size_t)source->stored_bytes_max : 0);
}

static void blocks_decoder_free(struct pw_decoder *decoder)
{
    if (decoder == NULL)
        return;
    pw_tiff_close(decoder->handle);
    free(decoder->packed);
    free(decoder->copy);
    free(decoder);
}

static enum pw_status blocks_decoder_new(struct pw_source *source, struct pw_decoder **decoder, struct pw_error *error)
{
    const struct tiff_source *tiff = of(source);
    struct pw_decoder *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->page = UINT64_MAX;
    enum pw_status status = pw_tiff_open(tiff->fd, source->path, &made->handle, error);
    if (status == PW_OK && packed_bytes(tiff) > 0 && (made->packed = pw_alloc(packed_bytes(tiff), 1, error)) == NULL)
        status = PW_E_NOMEM;
    if (status == PW_OK && tiff->index.reversed_bits &&
        (made->copy = pw_alloc(source->stored_bytes_max, 1, error)) == NULL)
        status = PW_E_NOMEM;
    if (status != PW_OK) {
        blocks_decoder_free(made);
        return status;
    }
    *decoder = made;
    return PW_OK;
}

/* libtiff takes the stored bytes as writable, because of FillOrder 2 alone; only then they are copied. */
static void *writable(const struct tiff_source *tiff, struct pw_decoder *decoder, const void *stored, size_t n)
{
    if (!tiff->index.reversed_bits)
        return (void *)(uintptr_t)stored;
    memcpy(decoder->copy, stored, n);
    return decoder->copy;
}

static enum pw_status blocks_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                    const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    const struct tiff_source *tiff = of(source);
    const struct pw_tiff_form *form = &tiff->index.form;
    struct place place = place_of(tiff, chunk_index);
    const struct pw_tiff_page *page = &tiff->index.page[place.page];
    uint64_t block = block_of(tiff, &place);
    if (n > source->stored_bytes_max)
        return pw_fail(error, PW_E_INTERNAL, "%s: %zu stored bytes, more than any chunk has", source->path, n);
    if (decoder->page != place.page) {
        decoder->page = UINT64_MAX;
        enum pw_status status = pw_tiff_select(decoder->handle, &tiff->index, page, error);
        if (status != PW_OK)
            return status;
        decoder->page = place.page;
    }
    uint64_t rows = pw_tiff_block_rows(form, block);
    uint64_t samples = pw_tiff_row_samples(form, form->block_width);
    void *decoded = decoder->packed != NULL ? decoder->packed : voxels;
    pw_tiff_forget(decoder->handle);
    if (!TIFFReadFromUserBuffer(decoder->handle->tif, (uint32_t)block, writable(tiff, decoder, stored, n), (tmsize_t)n,
                                decoded, (tmsize_t)(rows * pw_tiff_row_bytes(samples, form->bits))))
        return pw_tiff_fail(decoder->handle, error, PW_E_FORMAT, "page %u, %s %llu cannot be decoded", page->number,
                            form->tiled ? "tile" : "strip", (unsigned long long)block);
    if (decoder->packed != NULL)
        pw_tiff_unpack(form->kind, form->bits, order_from_libtiff(&tiff->index), decoded, rows, samples, voxels);
    return PW_OK;
}

/* ------------------------------------------------------------------------ *
 * Opening
 * ------------------------------------------------------------------------ */

static void tiff_close(struct pw_source *source)
{
    struct tiff_source *tiff = of(source);
    if (tiff == NULL)
        return;
    pw_tiff_close(tiff->locator);
    pw_tiff_stack_release(&tiff->stack);
    pw_tiff_index_release(&tiff->index);
    if (tiff->lock_made)
        pthread_mutex_destroy(&tiff->lock);
    if (tiff->fd >= 0)
        (void)close(tiff->fd);
    free(tiff);
}

static const struct pw_source_ops linear_ops = {.format = "tiff", .close = tiff_close};
static const struct pw_source_ops rows_ops = {
    .format = "tiff", .locate = rows_locate, .decode = rows_decode, .close = tiff_close};
static const struct pw_source_ops blocks_ops = {
    .format = "tiff",
    .locate = blocks_locate,
    .decoder_new = blocks_decoder_new,
    .decoder_free = blocks_decoder_free,
    .decoder_memory_bytes = blocks_decoder_memory_bytes,
    .decode = blocks_decode,
    .close = tiff_close,
};

static void use_rows(struct tiff_source *tiff)
{
    uint64_t rows = pw_max_u64(ROWS_BYTES / stored_row_bytes(tiff), 1);
    pw_tiff_set_chunk(&tiff->base.info, &tiff->axes, &tiff->index.form, pw_min_u64(rows, tiff->index.form.height),
                      tiff->index.form.width);
}

static enum pw_status choose(struct tiff_source *tiff, struct pw_error *error)
{
    struct pw_source *base = &tiff->base;
    const struct pw_tiff_form *form = &tiff->index.form;
    base->linear.fd = -1;
    if (pw_tiff_linear(&tiff->index, &tiff->stack, &tiff->axes, &base->info, &base->linear)) {
        if (base->linear.file_bytes > tiff->locator->file_bytes)
            return pw_fail(error, PW_E_TRUNCATED, "%s: %llu planes end at byte %llu, the file at %llu", base->path,
                           (unsigned long long)tiff->stack.n_planes, (unsigned long long)base->linear.file_bytes,
                           (unsigned long long)tiff->locator->file_bytes);
        base->linear.fd = tiff->fd;
        base->capabilities = PW_SOURCE_LINEAR;
        base->ops = &linear_ops;
        use_rows(tiff);
        return PW_OK;
    }
    if (tiff->stack.one_page)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: an ImageJ stack behind one page, of %u-bit samples", base->path,
                       form->bits);
    base->capabilities = PW_SOURCE_CHUNKED;
    if (tiff->index.plain) {
        base->ops = &rows_ops;
        use_rows(tiff);
        base->stored_bytes_max = base->info.chunk[tiff->axes.y] * stored_row_bytes(tiff);
    } else {
        base->ops = &blocks_ops;
        pw_tiff_set_chunk(&base->info, &tiff->axes, form, form->block_height, form->block_width);
        base->stored_bytes_max = pw_max_u64(tiff->index.block_bytes_max, 1);
    }
    return PW_OK;
}

static enum pw_status set_up(struct tiff_source *tiff, const char *path, struct pw_error *error)
{
    uint64_t file_bytes;
    const char *slash = strrchr(path, '/');
    enum pw_status status = pw_input_open(path, &tiff->fd, &file_bytes, error);
    if (status != PW_OK)
        return status;
    if (pthread_mutex_init(&tiff->lock, NULL) != 0)
        return pw_fail(error, PW_E_NOMEM, "out of memory for a lock");
    tiff->lock_made = 1;
    status = pw_tiff_open(tiff->fd, path, &tiff->locator, error);
    if (status == PW_OK)
        status = pw_tiff_index_build(tiff->locator, &tiff->index, error);
    if (status == PW_OK)
        status = pw_tiff_stack_init(&tiff->stack, &tiff->index, slash != NULL ? slash + 1 : path, error);
    if (status == PW_OK && tiff->stack.plain_pages) {
        /* Nobody said how the pages are arranged: those below others count as pages too. */
        status = pw_tiff_index_subdirectories(tiff->locator, &tiff->index, error);
        pw_tiff_stack_plain(&tiff->stack, tiff->index.n_pages);
    }
    if (status != PW_OK)
        return status;
    pw_tiff_describe(&tiff->index, &tiff->stack, &tiff->axes, &tiff->base.info);
    return choose(tiff, error);
}

static enum pw_status tiff_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                struct pw_error *error)
{
    (void)options;
    struct tiff_source *tiff = pw_alloc(1, sizeof *tiff, error);
    if (tiff == NULL)
        return PW_E_NOMEM;
    tiff->fd = -1;
    tiff->located = UINT64_MAX;
    size_t n = strnlen(path, sizeof tiff->base.path - 1);
    memcpy(tiff->base.path, path, n);
    enum pw_status status = set_up(tiff, path, error);
    if (status != PW_OK) {
        tiff_close(&tiff->base);
        return status;
    }
    *source = &tiff->base;
    return PW_OK;
}

static int tiff_recognise(const char *path, const unsigned char *head, size_t n)
{
    static const unsigned char magic[4][4] = {
        {'I', 'I', 42, 0}, {'M', 'M', 0, 42}, {'I', 'I', 43, 0}, {'M', 'M', 0, 43}};
    (void)path;
    for (int i = 0; n >= 4 && i < 4; i++)
        if (memcmp(head, magic[i], 4) == 0)
            return 1;
    return 0;
}

const struct pw_format pw_format_tiff = {.name = "tiff", .recognise = tiff_recognise, .open = tiff_open};
