#include "store/stretch_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"

enum {
    CHUNK_BYTES = 1 << 20
};

struct stretch_source {
    struct pw_source base;
    struct pw_source *linear; /* owned */
};

uint64_t pw_stretch_elements(const struct pw_source *source, const uint64_t *chunk_index)
{
    const struct pw_image_info *info = &source->info;
    uint64_t count = 1;
    for (int i = 0; i < info->rank; i++)
        count *= pw_min_u64(info->chunk[i], info->shape[i] - chunk_index[i] * info->chunk[i]);
    return count;
}

static uint64_t offset_of(const struct pw_source *source, const uint64_t *chunk_index)
{
    uint64_t offset = source->linear.offset_bytes;
    for (int i = 0; i < source->info.rank; i++)
        offset += chunk_index[i] * source->info.chunk[i] * source->linear.stride_bytes[i];
    return offset;
}

static enum pw_status stretch_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                     struct pw_error *error)
{
    struct pw_source *linear = ((struct stretch_source *)source)->linear;
    enum pw_status status = PW_OK;
    extent->offset = offset_of(source, chunk_index);
    extent->path[0] = '\0';
    extent->length = pw_stretch_elements(source, chunk_index) * pw_dtype_bytes(source->info.dtype);
    linear->cancel = source->cancel;
    if (linear->ops->await != NULL)
        status = linear->ops->await(linear, extent->offset + extent->length, error);
    extent->fd = linear->linear.fd; /* of what comes bit by bit there is a file only after waiting */
    return status;
}

enum pw_status pw_stretch_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                 const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    size_t bytes = pw_dtype_bytes(source->info.dtype);
    uint64_t count = pw_stretch_elements(source, chunk_index);
    (void)decoder;
    if (n != count * bytes)
        return pw_fail(error, PW_E_TRUNCATED, "%s: %zu bytes of a chunk where %llu were expected", source->path, n,
                       (unsigned long long)(count * bytes));
    memcpy(voxels, stored, n); /* only the slowest axis of a chunk is ever cut: the elements are in their places */
    if (source->linear.swap)
        pw_swap_bytes(voxels, (size_t)count, bytes);
    return PW_OK;
}

static const char *stretch_file(const struct pw_source *source, uint64_t i)
{
    return pw_source_file(((const struct stretch_source *)source)->linear, i);
}

static void stretch_close(struct pw_source *source)
{
    pw_source_close(((struct stretch_source *)source)->linear);
    free(source);
}

static const struct pw_source_ops stretch_ops = {
    .format = "stretch",
    .locate = stretch_locate,
    .decode = pw_stretch_decode,
    .file = stretch_file,
    .close = stretch_close,
};

/* Never past the end of a file: of each places, a number that divides them. */
static uint64_t divisor(uint64_t each, uint64_t most)
{
    uint64_t n = pw_max_u64(pw_min_u64(each, most), 1);
    while (each % n != 0)
        n--;
    return n;
}

void pw_stretch_chunk(struct pw_source *source, int split, uint64_t each)
{
    struct pw_image_info *info = &source->info;
    uint64_t bytes = pw_dtype_bytes(info->dtype);
    for (int i = info->rank - 1; i >= 0; i--) {
        uint64_t most = pw_max_u64(CHUNK_BYTES / bytes, 1);
        info->chunk[i] = i < split    ? 1
                         : i == split ? (each < info->shape[i] ? divisor(each, most) : pw_min_u64(each, most))
                                      : pw_min_u64(info->shape[i], most);
        /* Once an axis is cut the slower ones must be single, or the chunk would not be one stretch. */
        bytes = info->chunk[i] < info->shape[i] ? CHUNK_BYTES + 1 : bytes * info->chunk[i];
    }
    memcpy(info->shard, info->chunk, sizeof info->shard);
    source->stored_bytes_max = pw_source_chunk_bytes(source);
}

enum pw_status pw_stretch_source(struct pw_source **source, struct pw_error *error)
{
    struct stretch_source *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    made->base = **source;
    made->linear = *source;
    memset(&made->base.channel_names, 0, sizeof made->base.channel_names); /* stay with the other */
    memset(&made->base.channel_shows, 0, sizeof made->base.channel_shows);
    memset(&made->base.series_names, 0, sizeof made->base.series_names);
    made->base.ops = &stretch_ops;
    made->base.capabilities = PW_SOURCE_CHUNKED;
    pw_stretch_chunk(&made->base, 0, made->base.info.shape[0]);
    *source = &made->base;
    return PW_OK;
}
