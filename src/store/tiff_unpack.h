/*
 * store/tiff_unpack - samples as TIFF stores them, of any number of bits, into elements.
 *
 * 1 bit becomes bool, 2..8 uint8, 9..16 uint16, 17..32 uint32, 33..64 uint64 (or
 * the signed types, sign-extended); floats of 16, 32 and 64 bits stay, those of
 * 24 become float32.
 *
 * Threads: pure functions.
 */
#ifndef PW_STORE_TIFF_UNPACK_H
#define PW_STORE_TIFF_UNPACK_H

#include "patchworks.h"

enum pw_tiff_sample_kind {
    PW_TIFF_UNSIGNED,
    PW_TIFF_SIGNED,
    PW_TIFF_FLOAT
};

/* Element type of such samples; PW_DTYPE_NONE when there is none. */
enum pw_dtype pw_tiff_sample_dtype(enum pw_tiff_sample_kind kind, unsigned bits);

/* Whether stored samples are elements already, but for their byte order. */
int pw_tiff_sample_is_native(unsigned bits);

/* Whether samples are integers of 24 bits, which are stored high byte first whatever the file's byte order. */
int pw_tiff_is_integer_of_24(enum pw_tiff_sample_kind kind, unsigned bits);

/* Bytes of one stored row of that many samples. */
uint64_t pw_tiff_row_bytes(uint64_t samples, unsigned bits);

/*
 * Unpacks rows rows of samples samples each, packed rows beginning at a byte, into
 * a dense array.  big_endian is the order of the bytes of samples of 8, 16, 24,
 * 32 and 64 bits; others are bit streams, high bit first.
 */
void pw_tiff_unpack(enum pw_tiff_sample_kind kind, unsigned bits, int big_endian, const void *packed, uint64_t rows,
                    uint64_t samples, void *out);

#endif
