/* bzip2, one stream or several in a row, as bzip2(1) and Python concatenate them. */
#include <bzlib.h>
#include <limits.h>

#include "base/error.h"
#include "codec/codec.h"

enum {
    DECODER_BYTES = 4 << 20, /* 4 bytes for each of a block's 900 kB, and tables; allocated by libbz2 for each call */
    WORK_FACTOR = 30
};

/* libbz2 counts in unsigned int: larger buffers are handed over in pieces. */
static unsigned piece(size_t n)
{
    return n > INT_MAX ? (unsigned)INT_MAX : (unsigned)n;
}

static enum pw_status fail_bzip2(int code, struct pw_error *error)
{
    switch (code) {
    case BZ_MEM_ERROR: return pw_fail(error, PW_E_NOMEM, "bz2: out of memory");
    case BZ_DATA_ERROR: return pw_fail(error, PW_E_CHECKSUM, "bz2: corrupt block or checksum");
    case BZ_DATA_ERROR_MAGIC: return pw_fail(error, PW_E_FORMAT, "bz2: block is no bzip2 stream");
    default: return pw_fail(error, PW_E_FORMAT, "bz2: corrupt block (%d)", code);
    }
}

/* Decodes one stream.  *in, *n, *out and *room move past what was used. */
static enum pw_status decode_stream(bz_stream *stream, const char **in, size_t *n, char **out, size_t *room,
                                    struct pw_error *error)
{
    char beyond; /* where output would go that does not belong: to notice a block that holds more */
    for (;;) {
        unsigned in_piece = piece(*n), out_piece = *room > 0 ? piece(*room) : 1;
        stream->next_in = (char *)(uintptr_t)*in;
        stream->avail_in = in_piece;
        stream->next_out = *room > 0 ? *out : &beyond;
        stream->avail_out = out_piece;
        int code = BZ2_bzDecompress(stream);
        size_t used = in_piece - stream->avail_in, made = out_piece - stream->avail_out;
        *in += used;
        *n -= used;
        if (made > *room)
            return pw_fail(error, PW_E_FORMAT, "bz2: block holds more than the chunk");
        *out += made;
        *room -= made;
        if (code == BZ_STREAM_END)
            return PW_OK;
        if (code != BZ_OK)
            return fail_bzip2(code, error);
        if (*n == 0 && made == 0)
            return pw_fail(error, PW_E_TRUNCATED, "bz2: block is truncated");
    }
}

static enum pw_status bzip2_decode_some(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                        size_t *size, struct pw_error *error)
{
    const char *in = block;
    char *to = out;
    size_t room = *size;
    (void)state;
    if (n == 0)
        return pw_fail(error, PW_E_TRUNCATED, "bz2: block is empty");
    while (n > 0) {
        bz_stream stream = {0};
        int code = BZ2_bzDecompressInit(&stream, 0, 0);
        if (code != BZ_OK)
            return fail_bzip2(code, error);
        enum pw_status status = decode_stream(&stream, &in, &n, &to, &room, error);
        (void)BZ2_bzDecompressEnd(&stream);
        if (status != PW_OK)
            return status;
    }
    *size -= room;
    return PW_OK;
}

static enum pw_status bzip2_decode(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                                   struct pw_error *error)
{
    size_t got = size;
    enum pw_status status = bzip2_decode_some(state, block, n, out, &got, error);
    if (status == PW_OK && got != size)
        return pw_fail(error, PW_E_FORMAT, "bz2: block decodes to %zu bytes instead of %zu", got, size);
    return status;
}

static enum pw_status bzip2_encode(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                                   size_t size, void *block, size_t *n, struct pw_error *error)
{
    int level = options->level < 1 || options->level > 9 ? 9 : options->level;
    unsigned made = piece(*n);
    (void)state;
    if (size > INT_MAX ||
        BZ2_bzBuffToBuffCompress(block, &made, (char *)(uintptr_t)in, (unsigned)size, level, 0, WORK_FACTOR) != BZ_OK)
        return pw_fail(error, PW_E_ARGUMENT, "bz2: %zu bytes do not fit a block of %zu", size, *n);
    *n = made;
    return PW_OK;
}

static size_t bzip2_bound(size_t size)
{
    return size + size / 100 + 600; /* as its manual says */
}

static size_t bzip2_decode_memory_bytes(size_t size)
{
    (void)size;
    return DECODER_BYTES;
}

const struct pw_codec pw_codec_bz2 = {
    .name = "bz2",
    .decode = bzip2_decode,
    .decode_some = bzip2_decode_some,
    .encode = bzip2_encode,
    .bound = bzip2_bound,
    .decode_memory_bytes = bzip2_decode_memory_bytes,
};
