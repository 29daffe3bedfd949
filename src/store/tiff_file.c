#include "store/tiff_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

/* Values of the Compression tag. */
enum {
    NOT_COMPRESSED = 1,
    ADOBE_DEFLATE = 8,
    ZSTD = 50000
};

/* Compressed tiles begin at multiples of 8: on even offsets, as TIFF wants them. */
static uint64_t padded(uint64_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

/* ---- batches ---- */

static uint64_t tile_bound(const struct pw_tiff_file *file)
{
    return padded(pw_output_codec_bound(&file->codec, (size_t)pw_tiff_tile_bytes(&file->pages)));
}

uint64_t pw_tile_batch_memory_bytes(const struct pw_tiff_file *file, uint64_t capacity)
{
    return pw_output_codec_memory_bytes(&file->codec, (size_t)pw_tiff_tile_bytes(&file->pages)) +
           capacity * (tile_bound(file) + 2 * sizeof(uint64_t));
}

enum pw_status pw_tile_batch_init(struct pw_tile_batch *batch, const struct pw_tiff_file *file, uint64_t capacity,
                                  struct pw_error *error)
{
    memset(batch, 0, sizeof *batch);
    batch->bound = tile_bound(file);
    batch->capacity = capacity;
    if ((batch->stored = pw_alloc(capacity, (size_t)batch->bound, error)) != NULL &&
        (batch->offset = pw_alloc(capacity, sizeof *batch->offset, error)) != NULL &&
        (batch->bytes = pw_alloc(capacity, sizeof *batch->bytes, error)) != NULL)
        return PW_OK;
    pw_tile_batch_release(batch);
    return PW_E_NOMEM;
}

void pw_tile_batch_release(struct pw_tile_batch *batch)
{
    pw_codec_state_release(&batch->codec);
    free(batch->stored);
    free(batch->offset);
    free(batch->bytes);
    memset(batch, 0, sizeof *batch);
}

void pw_tile_batch_begin(struct pw_tile_batch *batch)
{
    batch->n = batch->stored_bytes = 0;
}

/* Every voxel of a row less the one before it, as predictor 2 has it. */
static void take_differences(void *voxels, uint64_t rows, uint64_t width, size_t element_bytes)
{
    for (uint64_t y = 0; y < rows; y++) {
        unsigned char *row = (unsigned char *)voxels + y * width * element_bytes;
        for (uint64_t x = width - 1; x > 0; x--) {
            uint32_t value = 0, before = 0;
            memcpy(&value, row + x * element_bytes, element_bytes);
            memcpy(&before, row + (x - 1) * element_bytes, element_bytes);
            value -= before;
            memcpy(row + x * element_bytes, &value, element_bytes);
        }
    }
}

enum pw_status pw_tile_batch_add(struct pw_tile_batch *batch, const struct pw_tiff_file *file, void *voxels,
                                 struct pw_error *error)
{
    const struct pw_tiff_pages *pages = &file->pages;
    size_t n = (size_t)batch->bound, element_bytes = pw_dtype_bytes(pages->dtype);
    unsigned char *out = batch->stored + batch->stored_bytes;
    batch->offset[batch->n] = batch->stored_bytes;
    batch->bytes[batch->n] = 0;
    if (voxels == NULL) {
        batch->n++;
        return PW_OK;
    }
    if (pages->predictor > 1)
        take_differences(voxels, pages->tile_height, pages->tile_width, element_bytes);
    enum pw_status status = pw_output_codec_encode(&file->codec, &batch->codec, element_bytes, voxels,
                                                   (size_t)pw_tiff_tile_bytes(pages), out, &n, error);
    if (status != PW_OK)
        return status;
    memset(out + n, 0, (size_t)padded(n) - n);
    batch->bytes[batch->n++] = n;
    batch->stored_bytes += padded(n);
    return PW_OK;
}

enum pw_status pw_tile_batch_place(struct pw_tile_batch *batch, struct pw_tiff_file *file, uint64_t turn,
                                   enum pw_status status, const _Atomic int *cancel, struct pw_error *error)
{
    if (status != PW_OK) {
        atomic_store(&file->stopped, (int)status);
        return status;
    }
    if (!pw_turn_await(&file->turn, turn, cancel != NULL ? cancel : &file->stopped)) {
        int stopped = atomic_load(&file->stopped);
        return pw_fail(error, stopped != 0 ? (enum pw_status)stopped : PW_E_CANCELLED,
                       "%s: writing ended at an earlier failure", file->path);
    }
    uint64_t place = file->end;
    file->end += batch->stored_bytes;
    pw_turn_end(&file->turn);
    for (uint64_t i = 0; i < batch->n; i++) {
        batch->offset[i] = batch->bytes[i] != 0 ? place + batch->offset[i] : file->empty_offset;
        batch->bytes[i] = batch->bytes[i] != 0 ? batch->bytes[i] : file->empty_bytes;
    }
    if (batch->stored_bytes == 0)
        return PW_OK;
    atomic_fetch_add(file->bytes_written, batch->stored_bytes);
    return pw_file_write(file->file.fd, batch->stored, (size_t)batch->stored_bytes, place, file->path, error);
}

enum pw_status pw_tile_batch_list(struct pw_tile_batch *batch, struct pw_tiff_file *file, int level, uint64_t page,
                                  uint64_t tile, uint64_t first, uint64_t n, struct pw_error *error)
{
    enum pw_status status =
        pw_file_write(file->file.fd, batch->offset + first, (size_t)n * sizeof *batch->offset,
                      pw_tiff_offsets_table(&file->pages, level, page) + tile * 8, file->path, error);
    if (status == PW_OK)
        status = pw_file_write(file->file.fd, batch->bytes + first, (size_t)n * sizeof *batch->bytes,
                               pw_tiff_counts_table(&file->pages, level, page) + tile * 8, file->path, error);
    return status;
}

/* ---- reading ---- */

enum pw_status pw_tiff_file_read(const struct pw_tiff_file *file, struct pw_codec_state *codec, void *stored, int level,
                                 uint64_t page, uint64_t tile, void *voxels, struct pw_error *error)
{
    uint64_t offset, bytes;
    enum pw_status status =
        pw_file_read_exactly(file->file.fd, &offset, sizeof offset,
                             pw_tiff_offsets_table(&file->pages, level, page) + tile * 8, file->path, error);
    if (status == PW_OK && offset == file->empty_offset)
        return PW_EMPTY;
    if (status == PW_OK)
        status = pw_file_read_exactly(file->file.fd, &bytes, sizeof bytes,
                                      pw_tiff_counts_table(&file->pages, level, page) + tile * 8, file->path, error);
    if (status == PW_OK && bytes > tile_bound(file))
        status = pw_fail(error, PW_E_FORMAT, "%s: a tile is longer than when it was written", file->path);
    if (status == PW_OK)
        status = pw_file_read_exactly(file->file.fd, stored, (size_t)bytes, offset, file->path, error);
    if (status != PW_OK)
        return status;
    return pw_output_codec_decode(&file->codec, codec, stored, (size_t)bytes, voxels,
                                  (size_t)pw_tiff_tile_bytes(&file->pages), error);
}

/* ---- the whole ---- */

void pw_tiff_file_init(struct pw_tiff_file *file)
{
    file->file.fd = -1;
    file->pages.compression = file->codec.compression == PW_COMPRESS_ZSTD      ? ZSTD
                              : file->codec.compression == PW_COMPRESS_DEFLATE ? ADOBE_DEFLATE
                                                                               : NOT_COMPRESSED;
    pw_turn_init(&file->turn);
}

void pw_tiff_file_begin(struct pw_tiff_file *file)
{
    file->turn.next = 0;
}

static enum pw_status store_empty_tile(struct pw_tiff_file *file, struct pw_error *error)
{
    struct pw_tile_batch batch;
    void *voxels = pw_alloc(pw_tiff_tile_bytes(&file->pages), 1, error);
    enum pw_status status = voxels != NULL ? pw_tile_batch_init(&batch, file, 1, error) : PW_E_NOMEM;
    if (status != PW_OK) {
        free(voxels);
        return status;
    }
    pw_tile_batch_begin(&batch);
    status = pw_tile_batch_add(&batch, file, voxels, error);
    if (status == PW_OK)
        status = pw_tile_batch_place(&batch, file, 0, PW_OK, NULL, error);
    file->empty_offset = batch.offset[0];
    file->empty_bytes = batch.bytes[0];
    pw_tile_batch_release(&batch);
    free(voxels);
    return status;
}

enum pw_status pw_tiff_file_start(struct pw_tiff_file *file, struct pw_error *error)
{
    enum pw_status status = pw_pending_open(&file->file, file->path, file->overwrite, error);
    if (status != PW_OK)
        return status;
    file->end = pw_tiff_tables_end(&file->pages);
    status = store_empty_tile(file, error);
    pw_tiff_file_begin(file);
    return status;
}

/* Directories of so many levels behind the tiles, and a header that points to them; *end is where the file ends. */
static enum pw_status write_directories(struct pw_tiff_file *file, int level, int n_levels, uint64_t *end,
                                        struct pw_error *error)
{
    unsigned char header[PW_BIGTIFF_HEADER_BYTES];
    uint64_t first;
    enum pw_status status = pw_tiff_directories_write(file->file.fd, file->path, &file->pages, level, n_levels,
                                                      file->end, &first, end, error);
    if (status != PW_OK)
        return status;
    pw_bigtiff_header(header, first);
    return pw_file_write(file->file.fd, header, sizeof header, 0, file->path, error);
}

enum pw_status pw_tiff_file_show(struct pw_tiff_file *file, int level, char *path, size_t capacity,
                                 struct pw_error *error)
{
    /* They stay where they are, of no use, as whoever reads the level goes on reading them while tiles follow. */
    pw_pending_place(&file->file, path, capacity);
    return write_directories(file, level, 1, &file->end, error);
}

enum pw_status pw_tiff_file_commit(struct pw_tiff_file *file, struct pw_error *error)
{
    uint64_t end;
    enum pw_status status = write_directories(file, 0, file->pages.n_levels, &end, error);
    if (status != PW_OK)
        return status;
    if (ftruncate(file->file.fd, (off_t)end) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", file->path);
    atomic_fetch_add(file->bytes_written, end - file->end + pw_tiff_tables_end(&file->pages));
    return pw_pending_commit(&file->file, error);
}

void pw_tiff_file_abort(struct pw_tiff_file *file)
{
    pw_pending_abort(&file->file);
}

void pw_tiff_file_release(struct pw_tiff_file *file)
{
    pw_tiff_file_abort(file);
    pw_turn_destroy(&file->turn);
}
