/*
 * LZ4 as numcodecs frames it: the decoded size as 4 bytes, little-endian, then one
 * raw LZ4 block.  This is neither the LZ4 frame format nor HDF5's LZ4 filter.
 */
#include <limits.h>
#include <lz4.h>

#include "base/error.h"
#include "codec/codec.h"

enum {
    HEADER_BYTES = 4
};

static enum pw_status lz4_decode_some(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                      size_t *size, struct pw_error *error)
{
    const unsigned char *in = block;
    (void)state;
    if (n <= HEADER_BYTES)
        return pw_fail(error, PW_E_TRUNCATED, "lz4: block of %zu bytes is truncated", n);
    uint32_t stated = (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
    if (stated > *size || stated > INT_MAX || n - HEADER_BYTES > INT_MAX)
        return pw_fail(error, PW_E_FORMAT, "lz4: block says it holds %u bytes, the chunk has %zu", stated, *size);
    int got = LZ4_decompress_safe((const char *)in + HEADER_BYTES, out, (int)(n - HEADER_BYTES), (int)stated);
    if (got < 0 || (uint32_t)got != stated)
        return pw_fail(error, PW_E_FORMAT, "lz4: corrupt or truncated block");
    *size = stated;
    return PW_OK;
}

static enum pw_status lz4_decode(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                                 struct pw_error *error)
{
    size_t got = size;
    enum pw_status status = lz4_decode_some(state, block, n, out, &got, error);
    if (status == PW_OK && got != size)
        return pw_fail(error, PW_E_FORMAT, "lz4: block holds %zu bytes, the chunk has %zu", got, size);
    return status;
}

static enum pw_status lz4_encode(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                                 size_t size, void *block, size_t *n, struct pw_error *error)
{
    unsigned char *out = block;
    (void)state;
    if (size > LZ4_MAX_INPUT_SIZE || *n <= HEADER_BYTES)
        return pw_fail(error, PW_E_ARGUMENT, "lz4: %zu bytes do not fit a block of %zu", size, *n);
    size_t room = *n - HEADER_BYTES;
    int acceleration = options->level < 0 ? -options->level : 1;
    int made = LZ4_compress_fast(in, (char *)out + HEADER_BYTES, (int)size, room > INT_MAX ? INT_MAX : (int)room,
                                 acceleration);
    if (made <= 0)
        return pw_fail(error, PW_E_ARGUMENT, "lz4: %zu bytes do not fit a block of %zu", size, *n);
    for (int i = 0; i < HEADER_BYTES; i++)
        out[i] = (unsigned char)(size >> (8 * i));
    *n = (size_t)made + HEADER_BYTES;
    return PW_OK;
}

static size_t lz4_bound(size_t size)
{
    return size + size / 255 + 16 + HEADER_BYTES;
}

const struct pw_codec pw_codec_lz4 = {
    .name = "lz4",
    .decode = lz4_decode,
    .decode_some = lz4_decode_some,
    .encode = lz4_encode,
    .bound = lz4_bound,
};
