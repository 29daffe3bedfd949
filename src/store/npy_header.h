/*
 * store/npy_header - the header of a .npy file (numpy.lib.format, versions 1 to 3).
 *
 *     pw_npy_prefix(first PW_NPY_PREFIX_BYTES bytes, ...)   -> how long the header is
 *     pw_npy_parse(the text of the header, ...)             -> what it says
 *     pw_npy_format(...)                                    -> a header to write
 *
 * Errors name the file (name) and the value.  Threads: pure functions.
 */
#ifndef PW_STORE_NPY_HEADER_H
#define PW_STORE_NPY_HEADER_H

#include "patchworks.h"

enum {
    PW_NPY_PREFIX_BYTES = 12,         /* magic, version and the longest form of the length */
    PW_NPY_HEADER_BYTES_MAX = 1 << 20 /* of the text; numpy itself refuses more than 10000 */
};

struct pw_npy_header {
    enum pw_dtype dtype;
    int big_endian;
    int fortran; /* column-major, and it matters */
    int rank;
    uint64_t shape[PW_MAX_RANK];
};

/* Whether n bytes begin as a .npy file does. */
int pw_npy_is(const unsigned char *head, size_t n);

/* From the first PW_NPY_PREFIX_BYTES of a file: where its text starts, and how long it is. */
enum pw_status pw_npy_prefix(const unsigned char *prefix, const char *name, size_t *text_start, size_t *text_bytes,
                             struct pw_error *error);

/* Reads the n bytes of text, a Python dictionary literal. */
enum pw_status pw_npy_parse(const char *text, size_t n, const char *name, struct pw_npy_header *header,
                            struct pw_error *error);

/* Writes a version 1 header, padded to a multiple of 64 bytes, native byte order; returns its length. */
size_t pw_npy_format(const struct pw_npy_header *header, char *out, size_t capacity);

#endif
