/*
 * gzip (RFC 1952, possibly several members in a row) and zlib (RFC 1950): the two
 * wrappers of deflate, told apart by their first bytes whichever name the metadata
 * uses, because files with the one labelled as the other occur.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "codec/codec_state.h"
#include "codec/inflate_whole.h"

enum {
    NO_WRAPPER = -15,
    ANY_WRAPPER = 15 + 32, /* inflateInit2: the largest window, zlib or gzip detected */
    GZIP_WRAPPER = 15 + 16,
    ZLIB_WRAPPER = 15,
    MEMORY_LEVEL = 8,
    DEFLATE_BYTES = 272 << 10, /* zconf.h: 2^(15+2) + 2^(8+9), and its structures */
    INFLATE_BYTES = 48 << 10   /* 32 KiB window and about 10 KiB of tables, as zlib documents it */
};

void pw_deflate_state_release(struct pw_codec_state *state)
{
    if (state->inflate_stream != NULL)
        (void)inflateEnd(state->inflate_stream);
    free(state->inflate_stream);
    state->inflate_stream = NULL;
    if (state->deflate_stream != NULL)
        (void)deflateEnd(state->deflate_stream);
    free(state->deflate_stream);
    state->deflate_stream = NULL;
    pw_inflate_whole_release(&state->inflate_whole);
}

size_t pw_deflate_encoder_memory_bytes(void)
{
    return DEFLATE_BYTES;
}

size_t pw_deflate_decoder_memory_bytes(void)
{
    return INFLATE_BYTES + pw_inflate_whole_memory_bytes();
}

static z_stream *inflate_stream(struct pw_codec_state *state, struct pw_error *error)
{
    z_stream *stream = state->inflate_stream;
    if (stream != NULL) {
        (void)inflateReset2(stream, ANY_WRAPPER);
        return stream;
    }
    stream = calloc(1, sizeof *stream);
    if (stream == NULL || inflateInit2(stream, ANY_WRAPPER) != Z_OK) {
        free(stream);
        (void)pw_fail(error, PW_E_NOMEM, "gzip: out of memory");
        return NULL;
    }
    state->inflate_stream = stream;
    return stream;
}

/* zlib counts in unsigned int: larger buffers are handed over in pieces. */
static uInt piece(size_t n)
{
    return n > INT_MAX ? (uInt)INT_MAX : (uInt)n;
}

/* Inflates one member or stream.  *in, *n, *out and *room move past what was used. */
static enum pw_status inflate_one(z_stream *stream, const unsigned char **in, size_t *n, unsigned char **out,
                                  size_t *room, struct pw_error *error)
{
    unsigned char beyond; /* where output would go that does not belong: to notice a block that holds more */
    for (;;) {
        uInt in_piece = piece(*n), out_piece = piece(*room);
        stream->next_in = (z_const Bytef *)*in;
        stream->avail_in = in_piece;
        stream->next_out = *room > 0 ? *out : &beyond;
        stream->avail_out = *room > 0 ? out_piece : 1;
        int code = inflate(stream, Z_NO_FLUSH);
        size_t used = in_piece - stream->avail_in;
        size_t made = (*room > 0 ? out_piece : 1) - stream->avail_out;
        *in += used;
        *n -= used;
        if (made > *room)
            return pw_fail(error, PW_E_FORMAT, "gzip: block holds more than the chunk");
        *out += made;
        *room -= made;
        if (code == Z_STREAM_END)
            return PW_OK;
        if (code == Z_MEM_ERROR)
            return pw_fail(error, PW_E_NOMEM, "gzip: out of memory");
        if (code == Z_DATA_ERROR && stream->msg != NULL && strstr(stream->msg, "check") != NULL &&
            strstr(stream->msg, "header") == NULL)
            return pw_fail(error, PW_E_CHECKSUM, "gzip: checksum of the block differs");
        if (code != Z_OK && code != Z_BUF_ERROR)
            return pw_fail(error, PW_E_FORMAT, "gzip: corrupt block (%s)",
                           stream->msg ? stream->msg : "no reason given");
        if (*n == 0)
            return pw_fail(error, PW_E_TRUNCATED, "gzip: block is truncated");
        if (used == 0 && made == 0)
            return pw_fail(error, PW_E_FORMAT, "gzip: corrupt block (no progress)");
    }
}

static enum pw_status deflate_decode_some(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                          size_t *size, struct pw_error *error)
{
    if (pw_inflate_whole(&state->inflate_whole, PW_INFLATE_GZIP_OR_ZLIB, block, n, out, size))
        return PW_OK;
    const unsigned char *in = block;
    unsigned char *to = out;
    size_t room = *size;
    z_stream *stream = inflate_stream(state, error);
    if (stream == NULL)
        return PW_E_NOMEM;
    if (n == 0)
        return pw_fail(error, PW_E_TRUNCATED, "gzip: block is empty");
    do {
        enum pw_status status = inflate_one(stream, &in, &n, &to, &room, error);
        if (status != PW_OK)
            return status;
        while (n > 0 && *in == 0) { /* gzip files may be padded with zeros */
            in++;
            n--;
        }
        if (n > 0 && (n < 2 || in[0] != 0x1f || in[1] != 0x8b))
            return pw_fail(error, PW_E_FORMAT, "gzip: %zu bytes that are no gzip member follow the block", n);
        (void)inflateReset2(stream, ANY_WRAPPER);
    } while (n > 0);
    *size -= room;
    return PW_OK;
}

static enum pw_status deflate_decode(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                                     struct pw_error *error)
{
    size_t got = size;
    enum pw_status status = deflate_decode_some(state, block, n, out, &got, error);
    if (status == PW_OK && got != size)
        return pw_fail(error, PW_E_FORMAT, "gzip: block decodes to %zu bytes instead of %zu", got, size);
    return status;
}

enum pw_status pw_inflate_raw(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                              struct pw_error *error)
{
    size_t got = size;
    if (pw_inflate_whole(&state->inflate_whole, PW_INFLATE_BARE, block, n, out, &got) && got == size)
        return PW_OK;
    const unsigned char *in = block;
    unsigned char *to = out;
    size_t room = size;
    z_stream *stream = inflate_stream(state, error);
    if (stream == NULL)
        return PW_E_NOMEM;
    (void)inflateReset2(stream, NO_WRAPPER);
    enum pw_status status = inflate_one(stream, &in, &n, &to, &room, error);
    if (status == PW_OK && (room > 0 || n > 0))
        return pw_fail(error, PW_E_FORMAT, "deflate: block holds %zu bytes instead of %zu", size - room, size);
    return status;
}

/* The state's stream, ready for a block. */
static z_stream *deflate_stream(struct pw_codec_state *state, int wrapper, int level)
{
    z_stream *stream = state->deflate_stream;
    if (stream != NULL && state->deflate_wrapper == wrapper && state->deflate_level == level)
        return deflateReset(stream) == Z_OK ? stream : NULL;
    if (stream != NULL)
        (void)deflateEnd(stream);
    else
        stream = malloc(sizeof *stream);
    state->deflate_stream = NULL;
    if (stream == NULL)
        return NULL;
    memset(stream, 0, sizeof *stream);
    if (deflateInit2(stream, level, Z_DEFLATED, wrapper, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    state->deflate_stream = stream;
    state->deflate_wrapper = wrapper;
    state->deflate_level = level;
    return stream;
}

static enum pw_status encode_with(struct pw_codec_state *state, int wrapper, const struct pw_codec_options *options,
                                  const void *in, size_t size, void *block, size_t *n, struct pw_error *error)
{
    size_t done = 0, room = *n;
    int level = options->level < 0 || options->level > 9 ? Z_DEFAULT_COMPRESSION : options->level;
    z_stream *stream = deflate_stream(state, wrapper, level);
    int code;
    if (stream == NULL)
        return pw_fail(error, PW_E_NOMEM, "gzip: out of memory");
    do {
        uInt in_piece = piece(size - done), out_piece = piece(room);
        stream->next_in = (z_const Bytef *)in + done;
        stream->avail_in = in_piece;
        stream->next_out = (unsigned char *)block + (*n - room);
        stream->avail_out = out_piece;
        code = deflate(stream, done + in_piece == size ? Z_FINISH : Z_NO_FLUSH);
        done += in_piece - stream->avail_in;
        room -= out_piece - stream->avail_out;
    } while (code == Z_OK && room > 0);
    if (code != Z_STREAM_END)
        return pw_fail(error, PW_E_ARGUMENT, "gzip: %zu bytes do not fit a block of %zu", size, *n);
    *n -= room;
    return PW_OK;
}

static enum pw_status gzip_encode(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                                  size_t size, void *block, size_t *n, struct pw_error *error)
{
    return encode_with(state, GZIP_WRAPPER, options, in, size, block, n, error);
}

static enum pw_status zlib_encode(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                                  size_t size, void *block, size_t *n, struct pw_error *error)
{
    return encode_with(state, ZLIB_WRAPPER, options, in, size, block, n, error);
}

static size_t deflate_bound(size_t size)
{
    return size + (size >> 10) + 64; /* stored blocks of at least 16 KiB cost 5 bytes each; the wrapper at most 18 */
}

const struct pw_codec pw_codec_gzip = {
    .name = "gzip",
    .decode = deflate_decode,
    .decode_some = deflate_decode_some,
    .encode = gzip_encode,
    .bound = deflate_bound,
};

const struct pw_codec pw_codec_zlib = {
    .name = "zlib",
    .decode = deflate_decode,
    .decode_some = deflate_decode_some,
    .encode = zlib_encode,
    .bound = deflate_bound,
};
