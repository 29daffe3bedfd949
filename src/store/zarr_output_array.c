#include "store/zarr_output_array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

enum {
    WRITE_BYTES = 256 << 10, /* encoded chunks are collected up to this */
    LARGE_BYTES = 1 << 20,   /* of a file that the disk begins with at once, while others are encoded */
    KEY_BYTES = 120,         /* five numbers of 20 digits */
    CHECKSUM_BYTES = 4
};

void pw_output_array_init(struct pw_output_array *array, int rank, const uint64_t shape[3],
                          const struct pw_zarr_layout *layout)
{
    memset(array, 0, sizeof *array);
    array->fd = -1;
    array->rank = rank;
    array->layout = *layout;
    array->times = array->channels = 1;
    array->codec = PW_ZARR_CODEC_USUAL;
    for (int i = 0; i < 3; i++) {
        array->shape[i] = shape[i];
        array->n_units[i] = pw_ceil_div(shape[i], layout->unit[i]);
    }
}

uint64_t pw_output_array_chunk_bytes(const struct pw_output_array *array)
{
    const uint64_t *chunk = array->layout.chunk;
    return chunk[0] * chunk[1] * chunk[2] * pw_dtype_bytes(array->dtype);
}

/* The file of a shard (v3) or chunk (v2) at position in its grid. */
static void key_of(const struct pw_output_array *array, const uint64_t position[3], char key[KEY_BYTES])
{
    uint64_t depth = array->layout.version == 3 ? array->n_units[0] : pw_output_array_depth(array);
    size_t used = (size_t)snprintf(key, KEY_BYTES, "%s", array->layout.version == 3 ? "c/" : "");
    if (array->has_time)
        used += (size_t)snprintf(key + used, KEY_BYTES - used, "%llu/",
                                 (unsigned long long)(position[0] / depth / array->channels));
    if (array->has_channel)
        used += (size_t)snprintf(key + used, KEY_BYTES - used, "%llu/",
                                 (unsigned long long)(position[0] / depth % array->channels));
    if (array->rank == 3)
        used += (size_t)snprintf(key + used, KEY_BYTES - used, "%llu/", (unsigned long long)(position[0] % depth));
    (void)snprintf(key + used, KEY_BYTES - used, "%llu/%llu", (unsigned long long)position[1],
                   (unsigned long long)position[2]);
}

uint64_t pw_output_array_depth(const struct pw_output_array *array)
{
    return array->n_units[0] * (array->layout.unit[0] / array->layout.chunk[0]);
}

/* Chunks of a unit along an axis. */
static uint64_t chunks_of_unit(const struct pw_output_array *array, int axis)
{
    return array->layout.unit[axis] / array->layout.chunk[axis];
}

static uint64_t chunk_number(const struct pw_output_array *array, const uint64_t chunk[3])
{
    return (chunk[0] * chunks_of_unit(array, 1) + chunk[1]) * chunks_of_unit(array, 2) + chunk[2];
}

static uint64_t unit_chunks(const struct pw_output_array *array)
{
    return chunks_of_unit(array, 0) * chunks_of_unit(array, 1) * chunks_of_unit(array, 2);
}

/* ---- writing ---- */

enum pw_status pw_chunk_encode(const struct pw_output_array *array, struct pw_codec_state *state, void *voxels,
                               void *out, size_t *n, struct pw_error *error)
{
    size_t bytes = (size_t)pw_output_array_chunk_bytes(array), element_bytes = pw_dtype_bytes(array->dtype);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    pw_swap_bytes(voxels, bytes / element_bytes, element_bytes);
#endif
    return pw_output_codec_encode(&array->codec, state, element_bytes, voxels, bytes, out, n, error);
}

uint64_t pw_unit_file_memory_bytes(uint64_t shard_chunks, uint64_t chunk_bound)
{
    return WRITE_BYTES + chunk_bound + (shard_chunks + 1) * 16;
}

enum pw_status pw_unit_file_init(struct pw_unit_file *file, uint64_t shard_chunks, uint64_t chunk_bound,
                                 _Atomic uint64_t *bytes_written, struct pw_error *error)
{
    memset(file, 0, sizeof *file);
    file->fd = -1;
    file->chunk_bound = chunk_bound;
    file->index_capacity = shard_chunks;
    file->bytes_written = bytes_written;
    file->buffer = pw_alloc(WRITE_BYTES + chunk_bound, 1, error);
    file->index = pw_alloc(shard_chunks + 1, 16, error);
    if (file->buffer != NULL && file->index != NULL)
        return PW_OK;
    pw_unit_file_release(file);
    return PW_E_NOMEM;
}

void pw_unit_file_release(struct pw_unit_file *file)
{
    pw_unit_cancel(file);
    free(file->buffer);
    free(file->index);
    memset(file, 0, sizeof *file);
}

void pw_unit_cancel(struct pw_unit_file *file)
{
    if (file->array != NULL && file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    file->array = NULL;
}

void pw_unit_begin(struct pw_unit_file *file, const struct pw_output_array *array, const uint64_t unit[3])
{
    file->array = array;
    file->fd = -1;
    file->filled = 0;
    file->offset = 0;
    memcpy(file->unit, unit, sizeof file->unit);
    if (array->layout.version == 3)
        memset(file->index, 0xff, unit_chunks(array) * 16);
}

void *pw_unit_room(struct pw_unit_file *file, size_t *capacity)
{
    *capacity = (size_t)file->chunk_bound;
    return file->buffer + file->filled;
}

static enum pw_status make_parents(const struct pw_output_array *array, char *key, struct pw_error *error)
{
    for (char *slash = strchr(key, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdirat(array->fd, key, 0777) != 0 && errno != EEXIST ? errno : 0;
        enum pw_status status =
            failed == 0 ? PW_OK : pw_fail_errno(error, PW_E_IO, failed, "%s/%s: cannot be made", array->path, key);
        *slash = '/';
        if (status != PW_OK)
            return status;
    }
    return PW_OK;
}

static enum pw_status create(struct pw_unit_file *file, char *key, struct pw_error *error)
{
    const struct pw_output_array *array = file->array;
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    file->fd = openat(array->fd, key, flags, 0666);
    if (file->fd < 0 && errno == ENOENT) {
        enum pw_status status = make_parents(array, key, error);
        if (status != PW_OK)
            return status;
        file->fd = openat(array->fd, key, flags, 0666);
    }
    return file->fd >= 0 ? PW_OK : pw_fail_errno(error, PW_E_IO, errno, "%s/%s: cannot be written", array->path, key);
}

/* Writes what is collected to the file called key, made on first need. */
static enum pw_status write_out(struct pw_unit_file *file, char *key, const void *data, size_t n,
                                struct pw_error *error)
{
    char path[4096 + KEY_BYTES];
    enum pw_status status = file->fd < 0 ? create(file, key, error) : PW_OK;
    if (status != PW_OK || n == 0)
        return status;
    (void)snprintf(path, sizeof path, "%s/%s", file->array->path, key);
    status = pw_file_write(file->fd, data, n, file->offset, path, error);
    file->offset += n;
    atomic_fetch_add(file->bytes_written, n);
    return status;
}

static enum pw_status close_file(struct pw_unit_file *file, const char *key, struct pw_error *error)
{
    if (file->offset >= LARGE_BYTES)
        pw_file_begin_sync(file->fd);
    int failed = close(file->fd) != 0 ? errno : 0;
    file->fd = -1;
    if (failed == 0 || failed == EINTR)
        return PW_OK;
    return pw_fail_errno(error, PW_E_IO, failed, "%s/%s: cannot be written", file->array->path,
                         key); /* NFS: disk full */
}

static enum pw_status add_to_shard(struct pw_unit_file *file, const uint64_t chunk[3], size_t n, struct pw_error *error)
{
    char key[KEY_BYTES];
    uint64_t number = chunk_number(file->array, chunk);
    file->index[2 * number] = file->offset + file->filled;
    file->index[2 * number + 1] = n;
    file->filled += n;
    if (file->filled < WRITE_BYTES)
        return PW_OK;
    key_of(file->array, file->unit, key);
    enum pw_status status = write_out(file, key, file->buffer, file->filled, error);
    file->filled = 0;
    return status;
}

static enum pw_status add_file(struct pw_unit_file *file, const uint64_t chunk[3], size_t n, struct pw_error *error)
{
    char key[KEY_BYTES];
    uint64_t position[3];
    for (int i = 0; i < 3; i++)
        position[i] = file->unit[i] * chunks_of_unit(file->array, i) + chunk[i];
    key_of(file->array, position, key);
    file->offset = 0;
    enum pw_status status = write_out(file, key, file->buffer, n, error);
    return status == PW_OK ? close_file(file, key, error) : status;
}

enum pw_status pw_unit_add(struct pw_unit_file *file, const uint64_t chunk[3], size_t n, struct pw_error *error)
{
    return file->array->layout.version == 3 ? add_to_shard(file, chunk, n, error) : add_file(file, chunk, n, error);
}

/* The index as it is stored: little-endian, its checksum behind. */
static size_t seal_index(struct pw_unit_file *file)
{
    size_t bytes = (size_t)unit_chunks(file->array) * 16;
    unsigned char *end = (unsigned char *)file->index + bytes;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; i < bytes / 8; i++)
        file->index[i] = __builtin_bswap64(file->index[i]);
#endif
    uint32_t crc = pw_crc32c(0, file->index, bytes);
    for (int i = 0; i < CHECKSUM_BYTES; i++)
        end[i] = (unsigned char)(crc >> (8 * i));
    return bytes + CHECKSUM_BYTES;
}

enum pw_status pw_unit_end(struct pw_unit_file *file, struct pw_error *error)
{
    char key[KEY_BYTES];
    enum pw_status status = PW_OK;
    if (file->array->layout.version == 3 && (file->filled > 0 || file->fd >= 0)) {
        key_of(file->array, file->unit, key);
        status = write_out(file, key, file->buffer, file->filled, error);
        if (status == PW_OK)
            status = write_out(file, key, file->index, seal_index(file), error);
        if (status == PW_OK)
            status = close_file(file, key, error);
    }
    pw_unit_cancel(file);
    return status;
}

/* ---- reading ---- */

uint64_t pw_chunk_reader_memory_bytes(uint64_t shard_chunks, uint64_t chunk_bound)
{
    return chunk_bound + (shard_chunks + 1) * 16 + pw_codec_state_memory_bytes();
}

enum pw_status pw_chunk_reader_init(struct pw_chunk_reader *reader, uint64_t shard_chunks, uint64_t chunk_bound,
                                    struct pw_error *error)
{
    memset(reader, 0, sizeof *reader);
    reader->fd = -1;
    reader->chunk_bound = chunk_bound;
    reader->index_capacity = shard_chunks;
    reader->stored = pw_alloc(chunk_bound, 1, error);
    reader->index = pw_alloc(shard_chunks + 1, 16, error);
    if (reader->stored != NULL && reader->index != NULL)
        return PW_OK;
    pw_chunk_reader_release(reader);
    return PW_E_NOMEM;
}

void pw_chunk_reader_forget(struct pw_chunk_reader *reader)
{
    if (reader->array != NULL && reader->fd >= 0)
        (void)close(reader->fd);
    reader->fd = -1;
    reader->array = NULL;
}

void pw_chunk_reader_release(struct pw_chunk_reader *reader)
{
    pw_chunk_reader_forget(reader);
    pw_codec_state_release(&reader->codec);
    free(reader->stored);
    free(reader->index);
    memset(reader, 0, sizeof *reader);
}

static enum pw_status open_key(struct pw_chunk_reader *reader, const struct pw_output_array *array,
                               const uint64_t position[3], uint64_t *bytes, char *path, size_t path_bytes,
                               struct pw_error *error)
{
    char key[KEY_BYTES];
    struct stat st;
    key_of(array, position, key);
    (void)snprintf(path, path_bytes, "%s/%s", array->path, key);
    reader->fd = openat(array->fd, key, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0 && errno == ENOENT)
        return PW_EMPTY;
    if (reader->fd < 0 || fstat(reader->fd, &st) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", path);
    *bytes = (uint64_t)st.st_size;
    return PW_OK;
}

/* Opens the shard of unit and reads its index; keeps both. */
static enum pw_status open_shard(struct pw_chunk_reader *reader, const struct pw_output_array *array,
                                 const uint64_t unit[3], struct pw_error *error)
{
    char path[4096 + KEY_BYTES];
    uint64_t bytes;
    if (reader->array == array && memcmp(reader->unit, unit, sizeof reader->unit) == 0)
        return reader->fd < 0 ? PW_EMPTY : PW_OK;
    pw_chunk_reader_forget(reader);
    enum pw_status status = open_key(reader, array, unit, &bytes, path, sizeof path, error);
    reader->array = array;
    memcpy(reader->unit, unit, sizeof reader->unit);
    if (status != PW_OK)
        return status;
    size_t index_bytes = (size_t)unit_chunks(array) * 16;
    if (bytes < index_bytes + CHECKSUM_BYTES)
        return pw_fail(error, PW_E_TRUNCATED, "%s: shorter than when it was written", path);
    status = pw_file_read_exactly(reader->fd, reader->index, index_bytes + CHECKSUM_BYTES,
                                  bytes - index_bytes - CHECKSUM_BYTES, path, error);
    if (status != PW_OK)
        return status;
    const unsigned char *end = (const unsigned char *)reader->index + index_bytes;
    uint32_t crc = (uint32_t)end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 | (uint32_t)end[3] << 24;
    if (crc != pw_crc32c(0, reader->index, index_bytes))
        return pw_fail(error, PW_E_CHECKSUM, "%s: the index is not as it was written", path);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; i < index_bytes / 8; i++)
        reader->index[i] = __builtin_bswap64(reader->index[i]);
#endif
    return PW_OK;
}

/* Where the chunk's bytes are in reader->fd. */
static enum pw_status find_chunk(struct pw_chunk_reader *reader, const struct pw_output_array *array,
                                 const uint64_t chunk[3], uint64_t *offset, uint64_t *length, struct pw_error *error)
{
    char path[4096 + KEY_BYTES];
    uint64_t unit[3], within[3];
    *offset = 0;
    if (array->layout.version == 2) {
        pw_chunk_reader_forget(reader);
        reader->array = array;
        memset(reader->unit, 0xff, sizeof reader->unit);
        return open_key(reader, array, chunk, length, path, sizeof path, error);
    }
    for (int i = 0; i < 3; i++) {
        unit[i] = chunk[i] / chunks_of_unit(array, i);
        within[i] = chunk[i] % chunks_of_unit(array, i);
    }
    enum pw_status status = open_shard(reader, array, unit, error);
    if (status != PW_OK)
        return status;
    *offset = reader->index[2 * chunk_number(array, within)];
    *length = reader->index[2 * chunk_number(array, within) + 1];
    return *offset == UINT64_MAX ? PW_EMPTY : PW_OK;
}

enum pw_status pw_chunk_read(struct pw_chunk_reader *reader, const struct pw_output_array *array,
                             const uint64_t chunk[3], void *voxels, struct pw_error *error)
{
    uint64_t offset, length;
    enum pw_status status = find_chunk(reader, array, chunk, &offset, &length, error);
    if (status != PW_OK)
        return status;
    if (length > reader->chunk_bound)
        return pw_fail(error, PW_E_FORMAT, "%s: a chunk is longer than when it was written", array->path);
    status = pw_file_read_exactly(reader->fd, reader->stored, (size_t)length, offset, array->path, error);
    if (status != PW_OK)
        return status;
    status = pw_output_codec_decode(&array->codec, &reader->codec, reader->stored, (size_t)length, voxels,
                                    (size_t)pw_output_array_chunk_bytes(array), error);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    if (status == PW_OK)
        pw_swap_bytes(voxels, pw_output_array_chunk_bytes(array) / pw_dtype_bytes(array->dtype),
                      pw_dtype_bytes(array->dtype));
#endif
    return status;
}
