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

/* Where the chunk begins and how many elements it has; all axes but one are whole or single. */
static void chunk_extent(const struct pw_source *source, const uint64_t *chunk_index, uint64_t *offset, uint64_t *count)
{
    const struct pw_image_info *info = &source->info;
    *offset = source->linear.offset_bytes;
    *count = 1;
    for (int i = 0; i < info->rank; i++) {
        uint64_t start = chunk_index[i] * info->chunk[i];
        *count *= pw_min_u64(info->chunk[i], info->shape[i] - start);
        *offset += start * source->linear.stride_bytes[i];
    }
}

static enum pw_status stretch_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                     struct pw_error *error)
{
    struct pw_source *linear = ((struct stretch_source *)source)->linear;
    uint64_t count;
    chunk_extent(source, chunk_index, &extent->offset, &count);
    extent->fd = source->linear.fd;
    extent->path[0] = '\0';
    extent->length = count * pw_dtype_bytes(source->info.dtype);
    linear->cancel = source->cancel;
    return linear->ops->await != NULL ? linear->ops->await(linear, extent->offset + extent->length, error) : PW_OK;
}

static enum pw_status stretch_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                     const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    size_t bytes = pw_dtype_bytes(source->info.dtype);
    uint64_t count, offset;
    (void)decoder;
    chunk_extent(source, chunk_index, &offset, &count);
    if (n != count * bytes)
        return pw_fail(error, PW_E_TRUNCATED, "%s: %zu bytes at offset %llu where %llu were expected", source->path, n,
                       (unsigned long long)offset, (unsigned long long)(count * bytes));
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
    .decode = stretch_decode,
    .file = stretch_file,
    .close = stretch_close,
};

enum pw_status pw_stretch_source(struct pw_source **source, struct pw_error *error)
{
    struct stretch_source *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    struct pw_image_info *info = &made->base.info;
    made->base = **source;
    made->linear = *source;
    memset(&made->base.channel_names, 0, sizeof made->base.channel_names); /* stay with the other */
    memset(&made->base.series_names, 0, sizeof made->base.series_names);
    made->base.ops = &stretch_ops;
    made->base.capabilities = PW_SOURCE_CHUNKED;
    uint64_t bytes = pw_dtype_bytes(info->dtype);
    for (int i = info->rank - 1; i >= 0; i--) {
        info->chunk[i] = pw_min_u64(info->shape[i], pw_max_u64(CHUNK_BYTES / bytes, 1));
        /* Once an axis is cut the slower ones must be single, or the chunk would not be one stretch. */
        bytes = info->chunk[i] < info->shape[i] ? CHUNK_BYTES + 1 : bytes * info->chunk[i];
    }
    memcpy(info->shard, info->chunk, sizeof info->shard);
    made->base.stored_bytes_max = pw_source_chunk_bytes(&made->base);
    *source = &made->base;
    return PW_OK;
}
