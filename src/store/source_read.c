/* Any region of any source with plain preads: one chunk, or one stretch of a linear array, at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/source.h"
#include "sys/file.h"

/* A file that is read in steps no wider than this is read ahead by the system without being told. */
#define NEXT_BYTES ((uint64_t)1 << 20)

struct pw_region_reader {
    struct pw_source *source;
    struct pw_decoder *decoder; /* NULL when the source needs none */
    struct pw_buffer stored;
    struct pw_buffer voxels; /* one chunk */
    int waits;               /* some bytes of chunks were not in memory when they were asked for */
    int expected_fd;         /* of the last chunk that was expected, and where its bytes end */
    uint64_t expected_end;
};

enum pw_status pw_region_reader_new(struct pw_source *source, struct pw_region_reader **reader, struct pw_error *error)
{
    struct pw_region_reader *r = pw_alloc(1, sizeof *r, error);
    enum pw_status status = PW_OK;
    if (r == NULL)
        return PW_E_NOMEM;
    r->source = source;
    r->expected_fd = -1;
    if (source->capabilities & PW_SOURCE_CHUNKED) {
        status = pw_buffer_init(&r->stored, source->stored_bytes_max, "stored chunk", error);
        if (status == PW_OK)
            status = pw_buffer_init(&r->voxels, pw_source_chunk_bytes(source), "decoded chunk", error);
        if (status == PW_OK && source->ops->decoder_new != NULL)
            status = source->ops->decoder_new(source, &r->decoder, error);
    }
    if (status != PW_OK) {
        pw_region_reader_free(r);
        return status;
    }
    *reader = r;
    return PW_OK;
}

void pw_region_reader_free(struct pw_region_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->decoder != NULL)
        reader->source->ops->decoder_free(reader->decoder);
    pw_buffer_release(&reader->stored);
    pw_buffer_release(&reader->voxels);
    free(reader);
}

uint64_t pw_region_reader_memory_bytes(const struct pw_source *source)
{
    uint64_t bytes = sizeof(struct pw_region_reader);
    if (!(source->capabilities & PW_SOURCE_CHUNKED))
        return bytes;
    bytes += source->stored_bytes_max + pw_source_chunk_bytes(source);
    return bytes + (source->ops->decoder_memory_bytes != NULL ? source->ops->decoder_memory_bytes(source) : 0);
}

/* ---- chunked ---- */

/* Who is named in errors. */
static const char *extent_name(const struct pw_region_reader *r, const struct pw_extent *extent)
{
    return extent->fd >= 0 ? r->source->path : extent->path;
}

/* The file that extent is in; close_extent() ends its use.  PW_EMPTY when it does not exist. */
static enum pw_status open_extent(const struct pw_region_reader *r, const struct pw_extent *extent, int *fd,
                                  struct pw_error *error)
{
    *fd = extent->fd;
    if (extent->fd >= 0)
        return PW_OK;
    if (extent->path[0] == '\0')
        return pw_fail(error, PW_E_INTERNAL, "%s: a chunk that is nowhere", r->source->path);
    *fd = open(extent->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd >= 0)
        return PW_OK;
    if (errno == ENOENT && !(r->source->capabilities & PW_SOURCE_WHOLE))
        return PW_EMPTY;
    return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot open", extent->path);
}

static void close_extent(const struct pw_extent *extent, int fd)
{
    if (extent->fd < 0)
        (void)close(fd);
}

static enum pw_status fail_short(const char *path, uint64_t end, struct pw_error *error)
{
    return pw_fail(error, PW_E_TRUNCATED, "%s: ends before byte %llu", path, (unsigned long long)end);
}

/* The stored bytes of extent into the reader's buffer.  PW_EMPTY when its file does not exist. */
static enum pw_status read_extent(struct pw_region_reader *r, const struct pw_extent *extent, size_t *got,
                                  struct pw_error *error)
{
    size_t capacity = (size_t)r->source->stored_bytes_max;
    const char *path = extent_name(r, extent);
    int fd;
    if (extent->length > capacity)
        return pw_fail(error, PW_E_FORMAT, "%s: chunk stored in %llu bytes, at most %zu were expected", path,
                       (unsigned long long)extent->length, capacity);
    size_t wanted = extent->fd < 0 && extent->length == 0 ? capacity : (size_t)extent->length;
    enum pw_status status = open_extent(r, extent, &fd, error);
    if (status != PW_OK)
        return status;
    status = pw_file_read_noting(fd, r->stored.data, wanted, extent->offset, got, &r->waits, path, error);
    close_extent(extent, fd);
    if (status == PW_OK && *got < wanted && (extent->fd >= 0 || extent->length > 0))
        return fail_short(path, extent->offset + wanted, error);
    return status;
}

/* One chunk into voxels; the fill value where nothing is stored. */
static enum pw_status read_chunk(struct pw_region_reader *r, const uint64_t *index, void *voxels,
                                 struct pw_error *error)
{
    struct pw_extent extent;
    size_t got = 0;
    enum pw_status status = r->source->ops->locate(r->source, index, &extent, error);
    if (status == PW_OK)
        status = read_extent(r, &extent, &got, error);
    if (status == PW_OK)
        status = r->source->ops->decode(r->source, r->decoder, index, r->stored.data, got, voxels, error);
    if (status != PW_EMPTY)
        return status;
    pw_source_fill(r->source, voxels, pw_source_chunk_bytes(r->source) / pw_dtype_bytes(r->source->info.dtype));
    return PW_OK;
}

/* Moves index to the next chunk between first and last; 0 after the last one. */
static int next_chunk(int rank, const uint64_t *first, const uint64_t *last, uint64_t *index)
{
    for (int i = rank - 1; i >= 0; i--) {
        if (index[i] < last[i]) {
            index[i]++;
            return 1;
        }
        index[i] = first[i];
    }
    return 0;
}

/* ---- a part of a chunk that is stored as it is ---- */

/* What lies between the first and the last element of part in chunk, from axis to axis: a region, and one stretch. */
static struct pw_region stretch_around(const struct pw_region *chunk, const struct pw_region *part, uint64_t *first)
{
    struct pw_region stretch = *chunk;
    int is_open = 1; /* slower axes have one entry */
    *first = 0;
    for (int i = 0; i < chunk->rank; i++) {
        if (is_open) {
            stretch.start[i] = part->start[i];
            stretch.shape[i] = part->shape[i];
        }
        is_open = is_open && part->shape[i] == 1;
        *first = *first * chunk->shape[i] + (stretch.start[i] - chunk->start[i]);
    }
    return stretch;
}

/* Whether the chunk is stored in as many bytes as it has; where it is not, reading all of it says what is wrong. */
static int is_whole_length(const struct pw_region_reader *r, const struct pw_extent *extent, int fd)
{
    struct stat st;
    uint64_t bytes = pw_source_chunk_bytes(r->source);
    if (extent->fd >= 0 || extent->length > 0)
        return extent->length == bytes;
    return fstat(fd, &st) == 0 && extent->offset == 0 && (uint64_t)st.st_size == bytes;
}

/* Elements from first on into the reader's buffer.  *read is 0 when the chunk has to be read whole. */
static enum pw_status read_stretch(struct pw_region_reader *r, const uint64_t *index, uint64_t first, uint64_t count,
                                   int *read, struct pw_error *error)
{
    struct pw_extent extent;
    size_t element = pw_dtype_bytes(r->source->info.dtype), wanted = (size_t)count * element, got = 0;
    int fd;
    *read = 1;
    enum pw_status status = r->source->ops->locate(r->source, index, &extent, error);
    if (status == PW_OK)
        status = open_extent(r, &extent, &fd, error);
    if (status == PW_EMPTY) {
        pw_source_fill(r->source, r->voxels.data, count);
        return PW_OK;
    }
    if (status != PW_OK)
        return status;
    *read = is_whole_length(r, &extent, fd);
    uint64_t offset = extent.offset + first * element;
    const char *path = extent_name(r, &extent);
    if (*read)
        status = pw_file_read_noting(fd, r->voxels.data, wanted, offset, &got, &r->waits, path, error);
    close_extent(&extent, fd);
    return *read && status == PW_OK && got < wanted ? fail_short(path, offset + wanted, error) : status;
}

/* The part of a chunk that lies in region into target. */
static enum pw_status read_part(struct pw_region_reader *r, const uint64_t *index, const struct pw_region *chunk,
                                const struct pw_region *part, const struct pw_region *region, void *target,
                                struct pw_error *error)
{
    uint64_t first;
    struct pw_region held = stretch_around(chunk, part, &first);
    enum pw_status status = PW_OK;
    int read = 0;
    if ((r->source->capabilities & PW_SOURCE_PLAIN) && !pw_region_equal(&held, chunk))
        status = read_stretch(r, index, first, pw_region_elements(&held), &read, error);
    if (!read && status == PW_OK) {
        held = *chunk;
        status = read_chunk(r, index, r->voxels.data, error);
    }
    if (status == PW_OK)
        pw_region_copy(part, &held, r->voxels.data, region, target, pw_dtype_bytes(r->source->info.dtype));
    return status;
}

enum pw_status pw_region_reader_chunk(struct pw_region_reader *reader, const uint64_t *chunk_index,
                                      const struct pw_region *region, void *target, struct pw_error *error)
{
    struct pw_region chunk, part;
    pw_source_chunk_region(reader->source, chunk_index, &chunk);
    if (pw_region_equal(&chunk, region))
        return read_chunk(reader, chunk_index, target, error); /* it is decoded in place */
    if (!pw_region_intersect(&chunk, region, &part))
        return PW_OK;
    return read_part(reader, chunk_index, &chunk, &part, region, target, error);
}

void pw_region_reader_expect(struct pw_region_reader *reader, const uint64_t *chunk_index)
{
    struct pw_extent extent;
    int fd;
    if (reader->source->ops->locate(reader->source, chunk_index, &extent, NULL) != PW_OK)
        return;
    int is_next = extent.fd >= 0 && extent.fd == reader->expected_fd && extent.offset >= reader->expected_end &&
                  extent.offset - reader->expected_end < NEXT_BYTES;
    reader->expected_fd = extent.fd;
    reader->expected_end = extent.offset + extent.length;
    if (is_next || open_extent(reader, &extent, &fd, NULL) != PW_OK)
        return;
    pw_file_expect(fd, extent.offset, extent.length);
    close_extent(&extent, fd);
}

int pw_region_reader_waits(const struct pw_region_reader *reader)
{
    return reader->waits;
}

static enum pw_status read_chunked(struct pw_region_reader *r, const struct pw_region *region, void *target,
                                   struct pw_error *error)
{
    const struct pw_image_info *info = &r->source->info;
    uint64_t first[PW_MAX_RANK], last[PW_MAX_RANK], index[PW_MAX_RANK];
    for (int i = 0; i < info->rank; i++) {
        first[i] = index[i] = region->start[i] / info->chunk[i];
        last[i] = (region->start[i] + region->shape[i] - 1) / info->chunk[i];
    }
    do {
        enum pw_status status = pw_region_reader_chunk(r, index, region, target, error);
        if (status != PW_OK)
            return status;
    } while (next_chunk(info->rank, first, last, index));
    return PW_OK;
}

/* ---- linear ---- */

static enum pw_status read_linear(struct pw_source *source, const struct pw_region *region, void *target,
                                  struct pw_error *error)
{
    const struct pw_linear *linear = &source->linear;
    size_t element = pw_dtype_bytes(source->info.dtype);
    unsigned char *to = target;
    int outer = region->rank; /* axes before this one are stepped through; the rest is one stretch of the file */
    uint64_t stretch = element;
    while (outer > 0 && linear->stride_bytes[outer - 1] == stretch) {
        stretch *= region->shape[outer - 1];
        outer--;
    }
    uint64_t index[PW_MAX_RANK] = {0};
    do {
        uint64_t offset = linear->offset_bytes;
        for (int i = 0; i < region->rank; i++)
            offset += (region->start[i] + (i < outer ? index[i] : 0)) * linear->stride_bytes[i];
        enum pw_status status = PW_OK;
        if (source->capabilities & PW_SOURCE_STREAM)
            status = source->ops->await(source, offset + stretch, error);
        if (status == PW_OK)
            status = pw_file_read_exactly(linear->fd, to, (size_t)stretch, offset, source->path, error);
        if (status != PW_OK)
            return status;
        to += stretch;
        int axis = outer - 1;
        while (axis >= 0 && ++index[axis] == region->shape[axis])
            index[axis--] = 0;
        if (axis < 0)
            break;
    } while (1);
    if (linear->swap)
        pw_swap_bytes(target, (size_t)pw_region_elements(region), element);
    return PW_OK;
}

/* ---- either ---- */

enum pw_status pw_region_reader_read(struct pw_region_reader *reader, const struct pw_region *region, void *target,
                                     struct pw_error *error)
{
    const struct pw_image_info *info = &reader->source->info;
    uint64_t end;
    if (region->rank != info->rank)
        return pw_fail(error, PW_E_RANGE, "%s: box of rank %d in an image of rank %d", reader->source->path,
                       region->rank, info->rank);
    for (int i = 0; i < info->rank; i++)
        if (!pw_add_u64(region->start[i], region->shape[i], &end) || end > info->shape[i])
            return pw_fail(error, PW_E_RANGE, "%s: box %llu+%llu leaves axis %d of the image, which has %llu",
                           reader->source->path, (unsigned long long)region->start[i],
                           (unsigned long long)region->shape[i], i, (unsigned long long)info->shape[i]);
    if (pw_region_elements(region) == 0)
        return PW_OK;
    return reader->source->capabilities & PW_SOURCE_LINEAR ? read_linear(reader->source, region, target, error)
                                                           : read_chunked(reader, region, target, error);
}

enum pw_status pw_source_read(struct pw_source *source, const struct pw_region *region, void *target,
                              struct pw_error *error)
{
    struct pw_region_reader *reader = NULL;
    enum pw_status status = pw_region_reader_new(source, &reader, error);
    if (status == PW_OK)
        status = pw_region_reader_read(reader, region, target, error);
    pw_region_reader_free(reader);
    return status;
}
