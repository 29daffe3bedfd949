#include "store/stream_decoding.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"

const char *pw_stream_encoding_name(enum pw_stream_encoding encoding)
{
    static const char *const names[PW_ENCODINGS] = {"zlib or gzip", "bzip2", "hex", "text"};
    return names[encoding];
}

enum pw_status pw_stream_decoding_begin(struct pw_stream_decoding *decoding, enum pw_stream_encoding encoding,
                                        enum pw_dtype dtype, struct pw_error *error)
{
    memset(decoding, 0, sizeof *decoding);
    decoding->encoding = encoding;
    decoding->dtype = dtype;
    /* 32: a zlib or a gzip header, whichever there is. */
    if ((encoding == PW_ENCODED_DEFLATE && inflateInit2(&decoding->deflate, 15 + 32) != Z_OK) ||
        (encoding == PW_ENCODED_BZIP2 && BZ2_bzDecompressInit(&decoding->bzip2, 0, 0) != BZ_OK))
        return pw_fail(error, PW_E_NOMEM, "out of memory for decompression");
    decoding->begun = 1;
    return PW_OK;
}

void pw_stream_decoding_end(struct pw_stream_decoding *decoding)
{
    if (decoding->begun && decoding->encoding == PW_ENCODED_DEFLATE)
        (void)inflateEnd(&decoding->deflate);
    if (decoding->begun && decoding->encoding == PW_ENCODED_BZIP2)
        (void)BZ2_bzDecompressEnd(&decoding->bzip2);
    memset(decoding, 0, sizeof *decoding);
}

/* ---- compressed ---- */

/* Between two members, which ended says: does what follows begin another? */
static int another_begins(const unsigned char *next, size_t left, unsigned char first)
{
    return left > 0 && next[0] == first;
}

static enum pw_status step_deflate(struct pw_stream_decoding *decoding, const unsigned char *in, size_t n, size_t *used,
                                   unsigned char *out, size_t capacity, size_t *made, struct pw_error *error)
{
    z_stream *stream = &decoding->deflate;
    int result;
    if (decoding->member_ended) {
        decoding->at_end = !another_begins(in, n, 0x1f) || inflateReset(stream) != Z_OK;
        decoding->member_ended = 0;
        if (decoding->at_end)
            return PW_OK;
    }
    stream->next_in = (unsigned char *)(uintptr_t)in;
    stream->avail_in = (uInt)n;
    stream->next_out = out;
    stream->avail_out = (uInt)capacity;
    do /* also without input: what did not fit before may be waiting */
        result = inflate(stream, Z_NO_FLUSH);
    while (stream->avail_out > 0 && stream->avail_in > 0 && result == Z_OK);
    *used = n - stream->avail_in;
    *made = capacity - stream->avail_out;
    decoding->member_ended = result == Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR
               ? PW_OK
               : pw_fail(error, PW_E_FORMAT, "%s", stream->msg != NULL ? stream->msg : "zlib refuses it");
}

static enum pw_status step_bzip2(struct pw_stream_decoding *decoding, const unsigned char *in, size_t n, size_t *used,
                                 unsigned char *out, size_t capacity, size_t *made, struct pw_error *error)
{
    bz_stream *stream = &decoding->bzip2;
    int result;
    if (decoding->member_ended) {
        decoding->at_end = !another_begins(in, n, 'B');
        decoding->member_ended = 0;
        if (decoding->at_end)
            return PW_OK;
        (void)BZ2_bzDecompressEnd(stream);
        memset(stream, 0, sizeof *stream);
        if (BZ2_bzDecompressInit(stream, 0, 0) != BZ_OK) {
            decoding->begun = 0;
            return pw_fail(error, PW_E_NOMEM, "out of memory for decompression");
        }
    }
    stream->next_in = (char *)(uintptr_t)in;
    stream->avail_in = (unsigned)n;
    stream->next_out = (char *)out;
    stream->avail_out = (unsigned)capacity;
    do
        result = BZ2_bzDecompress(stream);
    while (stream->avail_out > 0 && stream->avail_in > 0 && result == BZ_OK);
    *used = n - stream->avail_in;
    *made = capacity - stream->avail_out;
    decoding->member_ended = result == BZ_STREAM_END;
    return result == BZ_OK || result == BZ_STREAM_END ? PW_OK
                                                      : pw_fail(error, PW_E_FORMAT, "libbz2 refuses it (%d)", result);
}

/* ---- characters ---- */

static int digit_of(unsigned char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static enum pw_status step_hex(struct pw_stream_decoding *decoding, const unsigned char *in, size_t n, size_t *used,
                               unsigned char *out, size_t capacity, size_t *made, struct pw_error *error)
{
    while (*used < n && *made < capacity) {
        unsigned char c = in[(*used)++];
        int digit = digit_of(c);
        if (isspace(c))
            continue;
        if (digit < 0)
            return pw_fail(error, PW_E_FORMAT, "a character 0x%02x among hexadecimal digits", c);
        if (decoding->word_n == 0) {
            decoding->word[0] = (char)digit;
            decoding->word_n = 1;
            continue;
        }
        out[(*made)++] = (unsigned char)(decoding->word[0] << 4 | digit);
        decoding->word_n = 0;
    }
    return PW_OK;
}

/* A number of the type, in the byte order of the host. */
static int put_number(enum pw_dtype dtype, const char *word, unsigned char *out)
{
    size_t bytes = pw_dtype_bytes(dtype);
    char *end;
    errno = 0;
    if (pw_dtype_is_float(dtype)) {
        double value = strtod(word, &end);
        float narrow = (float)value;
        memcpy(out, dtype == PW_F32 ? (const void *)&narrow : (const void *)&value, bytes);
        return end != word && *end == '\0' && dtype != PW_F16;
    }
    int negative = word[0] == '-';
    unsigned long long value = negative ? (unsigned long long)strtoll(word, &end, 10) : strtoull(word, &end, 10);
    if (end == word || *end != '\0' || errno == ERANGE || (negative && !pw_dtype_is_signed(dtype)))
        return 0;
    unsigned unused = (unsigned)(64 - 8 * bytes), sign = pw_dtype_is_signed(dtype) != 0;
    uint64_t magnitude = negative ? ~(uint64_t)value : (uint64_t)value;
    if (unused + sign > 0 && magnitude >> (64 - unused - sign) != 0)
        return 0;
    uint64_t bits = value;
    memcpy(out, (const unsigned char *)&bits + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - bytes : 0), bytes);
    return 1;
}

static enum pw_status finish_word(struct pw_stream_decoding *decoding, unsigned char *out, size_t *made,
                                  struct pw_error *error)
{
    decoding->word[decoding->word_n] = '\0';
    if (!put_number(decoding->dtype, decoding->word, out + *made))
        return pw_fail(error, PW_E_FORMAT, "\"%s\" is no %s", decoding->word, pw_dtype_name(decoding->dtype));
    *made += pw_dtype_bytes(decoding->dtype);
    decoding->word_n = 0;
    return PW_OK;
}

static enum pw_status step_text(struct pw_stream_decoding *decoding, const unsigned char *in, size_t n, size_t *used,
                                int last, unsigned char *out, size_t capacity, size_t *made, struct pw_error *error)
{
    size_t each = pw_dtype_bytes(decoding->dtype);
    enum pw_status status = PW_OK;
    while (status == PW_OK && *used < n && capacity - *made >= each) {
        unsigned char c = in[(*used)++];
        int between = isspace(c) || c == ',';
        if (between && decoding->word_n > 0)
            status = finish_word(decoding, out, made, error);
        else if (!between && decoding->word_n + 1 == sizeof decoding->word)
            return pw_fail(error, PW_E_FORMAT, "\"%.20s...\" is no number", decoding->word);
        else if (!between)
            decoding->word[decoding->word_n++] = (char)c;
    }
    if (status == PW_OK && last && *used == n && decoding->word_n > 0 && capacity - *made >= each)
        status = finish_word(decoding, out, made, error);
    return status;
}

enum pw_status pw_stream_decoding_step(struct pw_stream_decoding *decoding, const unsigned char *in, size_t n,
                                       size_t *used, int last, unsigned char *out, size_t capacity, size_t *made,
                                       struct pw_error *error)
{
    *used = *made = 0;
    switch (decoding->encoding) {
    case PW_ENCODED_DEFLATE: return step_deflate(decoding, in, n, used, out, capacity, made, error);
    case PW_ENCODED_BZIP2: return step_bzip2(decoding, in, n, used, out, capacity, made, error);
    case PW_ENCODED_HEX: return step_hex(decoding, in, n, used, out, capacity, made, error);
    default: return step_text(decoding, in, n, used, last, out, capacity, made, error);
    }
}
