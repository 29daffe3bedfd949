/*
 * codec/filter - undoing what array libraries call filters: steps that see elements, not just bytes.
 *
 *   delta             each element but the first is the difference from the one before
 *   shuffle           all first bytes of the elements, then all second ones, ...
 *   cast              another element type (astype, quantize)
 *   fixedscaleoffset  round((x - offset) * scale), of another type
 *   packbits          eight booleans a byte, after one byte that says how many bits of the last are padding
 *
 * bitround needs no undoing.  The definitions are those of numcodecs.  Values are converted as numpy does;
 * a float that an integer type cannot hold, which C and numpy leave undefined, becomes the nearest value that
 * it can, and NaN 0.
 *
 * A struct pw_filter is filled by whoever parses metadata.  pw_filter_decode() is a pure function: in and out
 * must not overlap.  Any thread.
 */
#ifndef PW_CODEC_FILTER_H
#define PW_CODEC_FILTER_H

#include "patchworks.h"

enum pw_filter_kind {
    PW_FILTER_NONE = 0,
    PW_FILTER_DELTA,
    PW_FILTER_SHUFFLE,
    PW_FILTER_CAST,
    PW_FILTER_SCALE,
    PW_FILTER_PACKBITS
};

/* An element type and its byte order in the buffer. */
struct pw_filter_type {
    enum pw_dtype dtype;
    int swap; /* not the machine's byte order */
};

struct pw_filter {
    enum pw_filter_kind kind;
    struct pw_filter_type decoded; /* DELTA, CAST, SCALE */
    struct pw_filter_type encoded;
    size_t element_bytes; /* SHUFFLE */
    double scale, offset; /* SCALE */
};

/* What size decoded bytes are when encoded.  Returns 0 when they are no whole elements, or do not fit 64 bits. */
int pw_filter_encoded_bytes(const struct pw_filter *filter, uint64_t size, uint64_t *encoded);

/* Decodes n bytes into at most *size; *size is set.  Errors: PW_E_FORMAT, PW_E_TRUNCATED. */
enum pw_status pw_filter_decode(const struct pw_filter *filter, const void *in, size_t n, void *out, size_t *size,
                                struct pw_error *error);

#endif
