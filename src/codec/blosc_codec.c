/*
 * c-blosc 1 containers.  Everything needed to decode is in the 16-byte header; what
 * the metadata says about them is advice.  Only the _ctx functions are used: the
 * others have global state and threads of their own.
 */
#include <blosc.h>
#include <string.h>

#include "base/error.h"
#include "codec/codec.h"

enum {
    VERSION_MAX = 2,       /* of the container; 3 and above are Blosc2 */
    BLOCK_USUAL = 4 << 20, /* c-blosc never chooses larger blocks by itself */
    CONTEXT_BYTES = 64 << 10
};

static enum pw_status check_header(const unsigned char *block, size_t n, size_t *decoded, struct pw_error *error)
{
    size_t compressed, block_size;
    if (n < BLOSC_MIN_HEADER_LENGTH)
        return pw_fail(error, PW_E_TRUNCATED, "blosc: block of %zu bytes is truncated", n);
    if (block[0] > VERSION_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "blosc: container version %u; Blosc2 frames are not zarr's blosc",
                       block[0]);
    blosc_cbuffer_sizes(block, decoded, &compressed, &block_size);
    if (compressed > n)
        return pw_fail(error, PW_E_TRUNCATED, "blosc: block has %zu bytes, its header says %zu", n, compressed);
    if (compressed < n || blosc_cbuffer_validate(block, n, decoded) != 0)
        return pw_fail(error, PW_E_FORMAT, "blosc: corrupt block header (%zu bytes, header says %zu)", n, compressed);
    return PW_OK;
}

static enum pw_status blosc_decode_some(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                        size_t *size, struct pw_error *error)
{
    size_t decoded;
    (void)state;
    enum pw_status status = check_header(block, n, &decoded, error);
    if (status != PW_OK)
        return status;
    if (decoded > *size)
        return pw_fail(error, PW_E_FORMAT, "blosc: block holds %zu bytes, the chunk has %zu", decoded, *size);
    int got = blosc_decompress_ctx(block, out, *size, 1);
    if (got < 0 || (size_t)got != decoded)
        return pw_fail(error, PW_E_FORMAT, "blosc: corrupt block (%s)", blosc_cbuffer_complib(block));
    *size = decoded;
    return PW_OK;
}

static enum pw_status blosc_decode(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                                   struct pw_error *error)
{
    size_t got = size;
    enum pw_status status = blosc_decode_some(state, block, n, out, &got, error);
    if (status == PW_OK && got != size)
        return pw_fail(error, PW_E_FORMAT, "blosc: block holds %zu bytes, the chunk has %zu", got, size);
    return status;
}

static enum pw_status blosc_encode(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                                   size_t size, void *block, size_t *n, struct pw_error *error)
{
    size_t element = options->element_bytes > 0 ? options->element_bytes : 1;
    int level = options->level < 0 ? 0 : options->level > 9 ? 9 : options->level;
    (void)state;
    if (size > BLOSC_MAX_BUFFERSIZE)
        return pw_fail(error, PW_E_ARGUMENT, "blosc: %zu bytes are more than a container holds (%d)", size,
                       BLOSC_MAX_BUFFERSIZE);
    int made = blosc_compress_ctx(level, element > 1 ? BLOSC_SHUFFLE : BLOSC_NOSHUFFLE, element, size, in, block, *n,
                                  options->within != NULL ? options->within : "lz4", 0, 1);
    if (made <= 0)
        return pw_fail(error, PW_E_ARGUMENT, "blosc: %zu bytes do not fit a block of %zu", size, *n);
    *n = (size_t)made;
    return PW_OK;
}

static size_t blosc_bound(size_t size)
{
    return size + BLOSC_MAX_OVERHEAD;
}

/* Two blocks and the room that shuffling needs, allocated by c-blosc for each call. */
static size_t blosc_decode_memory_bytes(size_t size)
{
    size_t block = size < BLOCK_USUAL ? size : BLOCK_USUAL;
    return 3 * block + CONTEXT_BYTES;
}

const struct pw_codec pw_codec_blosc = {
    .name = "blosc",
    .decode = blosc_decode,
    .decode_some = blosc_decode_some,
    .encode = blosc_encode,
    .bound = blosc_bound,
    .decode_memory_bytes = blosc_decode_memory_bytes,
};
