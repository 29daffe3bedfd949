#include "store/hdf5_bitshuffle.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

enum {
    GROUP = 8, /* elements whose bits share a byte */
    USUAL_BLOCK_BYTES = 8192,
    USUAL_BLOCK_LEAST = 128,
    HEADER_BYTES = 12
};

static uint64_t big_endian(const unsigned char *p, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

/* The 8 x 8 bits of x, its bytes being rows, with rows and columns exchanged (Hacker's Delight, 7-3). */
static uint64_t transpose_bits(uint64_t x)
{
    uint64_t swap = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAu;
    x ^= swap ^ (swap << 7);
    swap = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCu;
    x ^= swap ^ (swap << 14);
    swap = (x ^ (x >> 28)) & 0x00000000F0F0F0F0u;
    return x ^ swap ^ (swap << 28);
}

/* A block of bit rows: bit k of byte b of element i is bit i % 8 of byte i / 8 of row 8 b + k. */
static void gather(const unsigned char *rows, size_t elements, size_t element_bytes, unsigned char *out)
{
    size_t row = elements / GROUP;
    for (size_t b = 0; b < element_bytes; b++)
        for (size_t g = 0; g < row; g++) {
            uint64_t bits = 0;
            for (size_t k = 0; k < 8; k++)
                bits |= (uint64_t)rows[(8 * b + k) * row + g] << 8 * k;
            bits = transpose_bits(bits);
            for (size_t e = 0; e < GROUP; e++)
                out[(g * GROUP + e) * element_bytes + b] = (unsigned char)(bits >> 8 * e);
        }
}

/* Elements of the next block, when so many are left: 0 when fewer than a group are. */
static size_t block_of(size_t left, size_t block)
{
    return left < block ? left / GROUP * GROUP : block;
}

static size_t usual_block(size_t element_bytes)
{
    size_t elements = USUAL_BLOCK_BYTES / element_bytes / GROUP * GROUP;
    return elements > USUAL_BLOCK_LEAST ? elements : USUAL_BLOCK_LEAST;
}

static enum pw_status broken(struct pw_error *error)
{
    return pw_fail(error, PW_E_FORMAT, "broken bitshuffle data");
}

static enum pw_status decode_bare(size_t element_bytes, size_t block, const unsigned char *in, size_t n,
                                  unsigned char *out, size_t *size, struct pw_error *error)
{
    size_t elements = n / element_bytes, done = 0;
    if (n > *size)
        return broken(error);
    for (size_t each; (each = block_of(elements - done, block)) > 0; done += each)
        gather(in + done * element_bytes, each, element_bytes, out + done * element_bytes);
    memcpy(out + done * element_bytes, in + done * element_bytes, n - done * element_bytes);
    *size = n;
    return PW_OK;
}

/* One compressed block at *at of n bytes into rows, which it must fill. */
static enum pw_status unpack(enum pw_bitshuffle_codec codec, struct pw_codec_state *state, const unsigned char *in,
                             size_t n, size_t *at, unsigned char *rows, size_t bytes, struct pw_error *error)
{
    if (n - *at < 4)
        return broken(error);
    size_t stored = (size_t)big_endian(in + *at, 4);
    *at += 4;
    if (stored > n - *at || stored > INT32_MAX || bytes > INT32_MAX)
        return broken(error);
    const unsigned char *block = in + *at;
    *at += stored;
    if (codec == PW_BITSHUFFLE_ZSTD)
        return pw_codec_find("zstd")->decode(state, block, stored, rows, bytes, error);
    if (LZ4_decompress_safe((const char *)block, (char *)rows, (int)stored, (int)bytes) != (int)bytes)
        return broken(error);
    return PW_OK;
}

static enum pw_status decode_packed(const struct pw_bitshuffle *how, struct pw_codec_state *state, size_t block,
                                    const unsigned char *in, size_t n, unsigned char *out, size_t total,
                                    struct pw_error *error)
{
    size_t element_bytes = how->element_bytes, elements = total / element_bytes, done = 0, at = HEADER_BYTES;
    unsigned char *rows = pw_alloc(pw_min_u64(block, elements + 1), element_bytes, error);
    enum pw_status status = rows != NULL ? PW_OK : PW_E_NOMEM;
    for (size_t each; status == PW_OK && (each = block_of(elements - done, block)) > 0; done += each) {
        status = unpack(how->codec, state, in, n, &at, rows, each * element_bytes, error);
        if (status == PW_OK)
            gather(rows, each, element_bytes, out + done * element_bytes);
    }
    free(rows);
    size_t rest = total - done * element_bytes;
    if (status == PW_OK && rest > n - at)
        return broken(error);
    if (status == PW_OK)
        memcpy(out + done * element_bytes, in + at, rest);
    return status;
}

enum pw_status pw_bitshuffle_decode(const struct pw_bitshuffle *how, struct pw_codec_state *state,
                                    const unsigned char *in, size_t n, unsigned char *out, size_t *size,
                                    struct pw_error *error)
{
    size_t block = how->block_elements;
    if (how->element_bytes == 0 || how->element_bytes > USUAL_BLOCK_BYTES)
        return broken(error);
    if (how->codec == PW_BITSHUFFLE_BARE)
        return decode_bare(how->element_bytes, block > 0 ? block : usual_block(how->element_bytes), in, n, out, size,
                           error);
    if (n < HEADER_BYTES || big_endian(in, 8) > *size)
        return broken(error);
    /* The header has the bytes of a block, whatever the values of the filter say. */
    block = (size_t)big_endian(in + 8, 4) / how->element_bytes;
    if (block == 0 || block % GROUP != 0)
        return broken(error);
    *size = (size_t)big_endian(in, 8);
    return decode_packed(how, state, block, in, n, out, *size, error);
}
