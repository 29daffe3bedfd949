/*
 * LZ4 as N5 has it: the blocks of lz4-java's LZ4BlockOutputStream, "LZ4Block", how it is packed, two lengths and a sum
 * each, and an empty one at the end.  What z5 writes instead, one LZ4 block without any framing, is read as well.
 */
#include <limits.h>
#include <lz4.h>
#include <string.h>

#include "base/error.h"
#include "codec/codec.h"
#include "codec/xxhash32.h"

enum {
    HEADER_BYTES = 21,
    METHOD_RAW = 0x10,
    METHOD_LZ4 = 0x20,
    METHOD_MASK = 0xf0
};
#define SEED 0x9747b28cu
#define SUM_MASK 0x0fffffffu /* lz4-java's streaming checksum has 28 bits */

static uint32_t get4(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* One block of length bytes, after its header, into out. */
static enum pw_status decode_block(const unsigned char *header, const unsigned char *in, size_t length,
                                   unsigned char *out, size_t size, struct pw_error *error)
{
    unsigned method = header[8] & METHOD_MASK;
    if (method == METHOD_RAW && length == size)
        memcpy(out, in, size);
    else if (method != METHOD_LZ4 || length > INT_MAX || size > INT_MAX ||
             LZ4_decompress_safe((const char *)in, (char *)out, (int)length, (int)size) != (int)size)
        return pw_fail(error, PW_E_FORMAT, "lz4: corrupt block (method %02x)", method);
    if ((pw_xxhash32(out, size, SEED) & SUM_MASK) != get4(header + 17))
        return pw_fail(error, PW_E_CHECKSUM, "lz4: checksum of a block differs");
    return PW_OK;
}

static enum pw_status decode_stream(const unsigned char *in, size_t n, unsigned char *out, size_t *size,
                                    struct pw_error *error)
{
    size_t room = *size;
    for (;;) {
        if (n < HEADER_BYTES || memcmp(in, "LZ4Block", 8) != 0)
            return pw_fail(error, n < HEADER_BYTES ? PW_E_TRUNCATED : PW_E_FORMAT,
                           "lz4: %zu bytes where a block should begin", n);
        size_t length = get4(in + 9), made = get4(in + 13);
        if (length > n - HEADER_BYTES)
            return pw_fail(error, PW_E_TRUNCATED, "lz4: block is truncated");
        if (made > room)
            return pw_fail(error, PW_E_FORMAT, "lz4: block holds more than the chunk");
        if (made == 0)
            break;
        enum pw_status status = decode_block(in, in + HEADER_BYTES, length, out, made, error);
        if (status != PW_OK)
            return status;
        in += HEADER_BYTES + length;
        n -= HEADER_BYTES + length;
        out += made;
        room -= made;
    }
    if (n != HEADER_BYTES)
        return pw_fail(error, PW_E_FORMAT, "lz4: %zu bytes follow the last block", n - HEADER_BYTES);
    *size -= room;
    return PW_OK;
}

static enum pw_status lz4_stream_decode_some(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                             size_t *size, struct pw_error *error)
{
    (void)state;
    if (n >= 8 && memcmp(block, "LZ4Block", 8) == 0)
        return decode_stream(block, n, out, size, error);
    if (n == 0 || n > INT_MAX)
        return pw_fail(error, PW_E_TRUNCATED, "lz4: block of %zu bytes", n);
    int got = LZ4_decompress_safe(block, out, (int)n, *size > INT_MAX ? INT_MAX : (int)*size);
    if (got < 0)
        return pw_fail(error, PW_E_FORMAT, "lz4: corrupt or truncated block");
    *size = (size_t)got;
    return PW_OK;
}

static enum pw_status lz4_stream_decode(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                        size_t size, struct pw_error *error)
{
    size_t got = size;
    enum pw_status status = lz4_stream_decode_some(state, block, n, out, &got, error);
    if (status == PW_OK && got != size)
        return pw_fail(error, PW_E_FORMAT, "lz4: block holds %zu bytes, the chunk has %zu", got, size);
    return status;
}

static size_t lz4_stream_bound(size_t size)
{
    return size + size / 32 + 4 * HEADER_BYTES;
}

const struct pw_codec pw_codec_lz4_stream = {
    .name = "lz4-stream",
    .decode = lz4_stream_decode,
    .decode_some = lz4_stream_decode_some,
    .bound = lz4_stream_bound,
};
