/*
 * An N5 data set as a source.  A block is a file: what it is and how large, big-endian, then its elements, packed.
 * Blocks at the border are cut to the array; what they do not hold is outside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/region.h"
#include "store/n5_array.h"
#include "store/source.h"

enum {
    HEADER_BYTES_MAX = 4 + 4 * PW_MAX_RANK + 4,
    MODE_PLAIN = 0,
    MODE_VARIABLE = 1 /* the number of elements follows, and may differ from the product of the extents */
};
#define STORED_SLACK_BYTES ((uint64_t)64 << 10)
#define HOST_IS_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

struct n5_source {
    struct pw_source base;
    struct pw_n5_array array;
};

struct pw_decoder {
    struct pw_codec_state state;
    struct pw_buffer block; /* of a block that is smaller than the rest */
};

static const struct n5_source *n5_const(const struct pw_source *source)
{
    return (const struct n5_source *)source;
}

static enum pw_status n5_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                struct pw_error *error)
{
    size_t used = strlen(source->path);
    (void)error;
    extent->fd = -1;
    extent->offset = 0;
    extent->length = 0;
    memcpy(extent->path, source->path, used);
    for (int i = source->info.rank - 1; i >= 0; i--) /* opening made sure that this fits */
        used += (size_t)snprintf(extent->path + used, sizeof extent->path - used, "/%llu",
                                 (unsigned long long)chunk_index[i]);
    return PW_OK;
}

/* ---- decoding ---- */

static uint32_t big2(const unsigned char *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t big4(const unsigned char *p)
{
    return big2(p) << 16 | big2(p + 2);
}

/* Reads the header: the block's region, from its chunk's origin, and where its elements begin. */
static enum pw_status read_header(const struct pw_source *source, const uint64_t *chunk_index,
                                  const unsigned char *stored, size_t n, struct pw_region *region, size_t *begin,
                                  struct pw_error *error)
{
    const struct pw_image_info *info = &source->info;
    if (n < 4 || n < 4 + 4 * (size_t)big2(stored + 2))
        return pw_fail(error, PW_E_TRUNCATED, "block of %zu bytes ends within its header", n);
    uint32_t mode = big2(stored), rank = big2(stored + 2);
    if (mode != MODE_PLAIN && mode != MODE_VARIABLE)
        return pw_fail(error, PW_E_UNSUPPORTED, "block of mode %u (objects) is not supported", mode);
    if (rank != (uint32_t)info->rank)
        return pw_fail(error, PW_E_FORMAT, "block has %u axes, the array %d", rank, info->rank);
    region->rank = info->rank;
    for (int i = 0; i < info->rank; i++) {
        uint64_t extent = big4(stored + 4 + 4 * (info->rank - 1 - i)), first = chunk_index[i] * info->chunk[i];
        uint64_t needed = pw_min_u64(info->chunk[i], info->shape[i] - first);
        region->start[i] = 0;
        region->shape[i] = extent;
        if (extent > info->chunk[i] || extent < needed)
            return pw_fail(error, PW_E_FORMAT, "block has %llu voxels along axis %d, where it should have %llu to %llu",
                           (unsigned long long)extent, i, (unsigned long long)needed,
                           (unsigned long long)info->chunk[i]);
    }
    *begin = 4 + 4 * (size_t)rank;
    if (mode == MODE_PLAIN)
        return PW_OK;
    if (n < *begin + 4 || big4(stored + *begin) != pw_region_elements(region))
        return pw_fail(error, PW_E_UNSUPPORTED, "block of varying length is not supported");
    *begin += 4;
    return PW_OK;
}

/* The elements of the block into out, native byte order. */
static enum pw_status unpack(const struct n5_source *n5, struct pw_decoder *decoder, const unsigned char *packed,
                             size_t n, void *out, size_t size, struct pw_error *error)
{
    const struct pw_codec *codec = n5->array.codec;
    size_t element = pw_dtype_bytes(n5->base.info.dtype);
    enum pw_status status = PW_OK;
    if (codec != NULL)
        status = codec->decode(&decoder->state, packed, n, out, size, error);
    else if (n != size)
        status = pw_fail(error, n < size ? PW_E_TRUNCATED : PW_E_FORMAT, "holds %zu bytes instead of %zu", n, size);
    else
        memcpy(out, packed, n);
    if (status == PW_OK && element > 1 && !HOST_IS_BIG)
        pw_swap_bytes(out, size / element, element);
    return status;
}

static enum pw_status decode(const struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                             const unsigned char *stored, size_t n, void *voxels, struct pw_error *error)
{
    struct pw_region block, whole = {.rank = source->info.rank};
    size_t begin = 0, element = pw_dtype_bytes(source->info.dtype);
    enum pw_status status = read_header(source, chunk_index, stored, n, &block, &begin, error);
    if (status != PW_OK)
        return status;
    memcpy(whole.shape, source->info.chunk, sizeof whole.shape);
    int is_whole = pw_region_equal(&block, &whole);
    void *out = is_whole ? voxels : decoder->block.data;
    status = unpack(n5_const(source), decoder, stored + begin, n - begin, out,
                    (size_t)pw_region_elements(&block) * element, error);
    if (status == PW_OK && !is_whole)
        pw_region_copy(&block, &block, out, &whole, voxels, element);
    return status;
}

static enum pw_status n5_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    struct pw_error inner = {0};
    struct pw_extent extent;
    enum pw_status status = n >= source->stored_bytes_max
                                ? pw_fail(&inner, PW_E_FORMAT, "stored in %zu bytes or more, it decodes to %llu", n,
                                          (unsigned long long)pw_source_chunk_bytes(source))
                                : decode(source, decoder, chunk_index, stored, n, voxels, &inner);
    if (status == PW_OK)
        return PW_OK;
    (void)n5_locate(source, chunk_index, &extent, NULL);
    return pw_fail(error, status, "%s: %s", extent.path, inner.message);
}

static void n5_decoder_free(struct pw_decoder *decoder)
{
    if (decoder == NULL)
        return;
    pw_codec_state_release(&decoder->state);
    pw_buffer_release(&decoder->block);
    free(decoder);
}

static enum pw_status n5_decoder_new(struct pw_source *source, struct pw_decoder **decoder, struct pw_error *error)
{
    struct pw_decoder *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_buffer_init(&made->block, pw_source_chunk_bytes(source), "N5 block", error);
    if (status != PW_OK) {
        n5_decoder_free(made);
        return status;
    }
    *decoder = made;
    return PW_OK;
}

static size_t n5_decoder_memory_bytes(const struct pw_source *source)
{
    const struct pw_codec *codec = n5_const(source)->array.codec;
    size_t chunk = (size_t)pw_source_chunk_bytes(source);
    size_t own = codec != NULL && codec->decode_memory_bytes != NULL ? codec->decode_memory_bytes(chunk) : 0;
    return sizeof(struct pw_decoder) + chunk + pw_codec_decode_memory_bytes() + own;
}

static void n5_close(struct pw_source *source)
{
    free(source);
}

static const struct pw_source_ops n5_ops = {
    .format = "N5",
    .locate = n5_locate,
    .decoder_new = n5_decoder_new,
    .decoder_free = n5_decoder_free,
    .decoder_memory_bytes = n5_decoder_memory_bytes,
    .decode = n5_decode,
    .close = n5_close,
};

static enum pw_status n5_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                              struct pw_error *error)
{
    struct n5_source *n5 = pw_alloc(1, sizeof *n5, error);
    if (n5 == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_n5_open(path, options != NULL ? options->level : 0, &n5->array, error);
    if (status == PW_OK && strlen(n5->array.directory) + 21 * PW_MAX_RANK + 2 > sizeof n5->base.path)
        status = pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is too long for block keys after it", path);
    if (status != PW_OK) {
        free(n5);
        return status;
    }
    struct pw_source *base = &n5->base;
    base->ops = &n5_ops;
    base->capabilities = PW_SOURCE_CHUNKED;
    memcpy(base->path, n5->array.directory, sizeof base->path);
    base->info = n5->array.info;
    uint64_t chunk = pw_source_chunk_bytes(base);
    uint64_t packed =
        n5->array.codec != NULL ? pw_max_u64(n5->array.codec->bound((size_t)chunk), chunk + chunk / 8) : chunk;
    base->stored_bytes_max = HEADER_BYTES_MAX + packed + STORED_SLACK_BYTES;
    *source = base;
    return PW_OK;
}

static int n5_recognise(const char *path, const unsigned char *head, size_t n)
{
    (void)head;
    return n == 0 && pw_n5_exists(path);
}

const struct pw_format pw_format_n5 = {
    .name = "N5",
    .recognise = n5_recognise,
    .open = n5_open,
};
