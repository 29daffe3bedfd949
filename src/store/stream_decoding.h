/*
 * store/stream_decoding - the elements of an array out of an encoded stream, piece by piece.
 *
 * Encodings of NRRD and MetaImage: zlib or gzip, bzip2, hexadecimal digits, and numbers as text.  Compressed streams may
 * have several members; whatever else follows one is not the array's.
 *
 *     struct pw_stream_decoding decoding = {0};
 *     pw_stream_decoding_begin(&decoding, encoding, dtype, error)
 *     pw_stream_decoding_step(&decoding, in, n, &used, last, out, capacity, &made, error)    until at_end, or the stream is
 *     pw_stream_decoding_end(&decoding)                                          safe on a zeroed one
 *
 * Memory: what zlib or libbz2 need.  Threads: one.  Errors: PW_E_FORMAT, PW_E_NOMEM; messages name no file.
 */
#ifndef PW_STORE_STREAM_DECODING_H
#define PW_STORE_STREAM_DECODING_H

#include <bzlib.h>
#include <stddef.h>
#include <zlib.h>

#include "patchworks.h"

enum pw_stream_encoding {
    PW_ENCODED_DEFLATE, /* zlib or gzip, as its first bytes say */
    PW_ENCODED_BZIP2,
    PW_ENCODED_HEX,
    PW_ENCODED_TEXT,
    PW_ENCODINGS
};

struct pw_stream_decoding {
    enum pw_stream_encoding encoding;
    enum pw_dtype dtype; /* of numbers that are text */
    int begun;
    int member_ended;
    int at_end; /* of the compressed data, whatever follows */
    z_stream deflate;
    bz_stream bzip2;
    char word[64]; /* a number, or a digit, that the next piece goes on with */
    size_t word_n;
};

/* "gzip", "bzip2", "hex", "text". */
const char *pw_stream_encoding_name(enum pw_stream_encoding encoding);

enum pw_status pw_stream_decoding_begin(struct pw_stream_decoding *decoding, enum pw_stream_encoding encoding,
                                        enum pw_dtype dtype, struct pw_error *error);

/* Up to n bytes at in, *used of them, to up to capacity at out, *made.  last: no more bytes come. */
enum pw_status pw_stream_decoding_step(struct pw_stream_decoding *decoding, const unsigned char *in, size_t n,
                                       size_t *used, int last, unsigned char *out, size_t capacity, size_t *made,
                                       struct pw_error *error);
void pw_stream_decoding_end(struct pw_stream_decoding *decoding);

#endif
