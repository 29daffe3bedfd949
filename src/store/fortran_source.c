#include "store/fortran_source.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "store/linear_source.h"

enum {
    CHUNK_BYTES = 1 << 20
};

/* Where the chunk starts and how many elements of each axis it has; all axes but one are whole or single. */
static void chunk_extent(const struct pw_source *source, const uint64_t *chunk_index, uint64_t *offset,
                         uint64_t extent[PW_MAX_RANK])
{
    const struct pw_image_info *info = &source->info;
    uint64_t stride = pw_dtype_bytes(info->dtype);
    *offset = source->linear.offset_bytes;
    for (int i = 0; i < info->rank; i++) {
        uint64_t start = chunk_index[i] * info->chunk[i];
        extent[i] = pw_min_u64(info->chunk[i], info->shape[i] - start);
        *offset += start * stride;
        stride *= info->shape[i];
    }
}

static enum pw_status fortran_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                     struct pw_error *error)
{
    uint64_t shape[PW_MAX_RANK];
    (void)error;
    chunk_extent(source, chunk_index, &extent->offset, shape);
    extent->fd = source->linear.fd;
    extent->path[0] = '\0';
    extent->length = pw_dtype_bytes(source->info.dtype);
    for (int i = 0; i < source->info.rank; i++)
        extent->length *= shape[i];
    return PW_OK;
}

static void put(unsigned char *to, const unsigned char *from, size_t bytes)
{
    switch (bytes) {
    case 1: *to = *from; break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8); break;
    }
}

/* Walks the stored elements in their order, the first axis fastest, and puts each at its place of the chunk. */
static void transpose(const struct pw_image_info *info, const uint64_t *extent, const unsigned char *stored,
                      unsigned char *voxels)
{
    size_t bytes = pw_dtype_bytes(info->dtype);
    uint64_t stride[PW_MAX_RANK], index[PW_MAX_RANK] = {0};
    uint64_t step = bytes;
    for (int i = info->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= info->chunk[i];
    }
    for (;;) {
        unsigned char *to = voxels;
        for (uint64_t i = 0; i < extent[0]; i++, to += stride[0], stored += bytes)
            put(to, stored, bytes);
        int axis = 1;
        for (; axis < info->rank; axis++) {
            voxels += stride[axis];
            if (++index[axis] < extent[axis])
                break;
            voxels -= stride[axis] * extent[axis];
            index[axis] = 0;
        }
        if (axis == info->rank)
            return;
    }
}

static enum pw_status fortran_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                     const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    uint64_t shape[PW_MAX_RANK], offset;
    uint64_t count = 1;
    (void)decoder;
    chunk_extent(source, chunk_index, &offset, shape);
    for (int i = 0; i < source->info.rank; i++)
        count *= shape[i];
    if (n != count * pw_dtype_bytes(source->info.dtype))
        return pw_fail(error, PW_E_TRUNCATED, "%s: %zu bytes at offset %llu where %llu were expected", source->path, n,
                       (unsigned long long)offset, (unsigned long long)(count * pw_dtype_bytes(source->info.dtype)));
    transpose(&source->info, shape, stored, voxels);
    if (source->linear.swap)
        pw_swap_bytes(voxels, (size_t)(source->stored_bytes_max / pw_dtype_bytes(source->info.dtype)),
                      pw_dtype_bytes(source->info.dtype));
    return PW_OK;
}

static const struct pw_source_ops fortran_ops = {
    .format = "npy",
    .locate = fortran_locate,
    .decode = fortran_decode,
    .close = pw_linear_close,
};

void pw_fortran_source(struct pw_source *source)
{
    struct pw_image_info *info = &source->info;
    uint64_t bytes = pw_dtype_bytes(info->dtype);
    for (int i = 0; i < info->rank; i++) {
        uint64_t fits = pw_max_u64(CHUNK_BYTES / bytes, 1);
        info->chunk[i] = pw_min_u64(info->shape[i], fits);
        /* Once an axis is cut the slower ones must be single, or the chunk would not be one stretch. */
        bytes = info->chunk[i] < info->shape[i] ? CHUNK_BYTES + 1 : bytes * info->chunk[i];
    }
    memcpy(info->shard, info->chunk, sizeof info->shard);
    (void)snprintf(info->codec, sizeof info->codec, "none, column-major");
    source->ops = &fortran_ops;
    source->capabilities = PW_SOURCE_CHUNKED;
    source->stored_bytes_max = pw_dtype_bytes(info->dtype);
    for (int i = 0; i < info->rank; i++)
        source->stored_bytes_max *= info->chunk[i];
}
