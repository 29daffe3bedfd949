/*
 * codec/checksum - sums of 32 bits that stand before or after the bytes they guard.
 *
 *     const struct pw_checksum *sum = pw_checksum_find("fletcher32");
 *     status = pw_checksum_verify(sum, sum->at_start, &data, &n, error);     data, n: now without the sum
 *
 * They are stored little-endian, as numcodecs, zarr and HDF5 do.  One table, in checksum.c.
 * Threads: no shared state.  Errors: PW_E_TRUNCATED, PW_E_CHECKSUM; messages do not name the file.
 */
#ifndef PW_CODEC_CHECKSUM_H
#define PW_CODEC_CHECKSUM_H

#include "patchworks.h"

#define PW_CHECKSUM_BYTES 4

struct pw_checksum {
    const char *name; /* "crc32" "crc32c" "adler32" "fletcher32" "jenkins_lookup3" */
    int at_start;     /* where it is when the metadata does not say */
    uint32_t (*compute)(const void *data, size_t n);
};

const struct pw_checksum *pw_checksum_find(const char *name); /* NULL when unknown */

/* Compares the sum at the start or the end of *data with that of the rest, which *data and *n become. */
enum pw_status pw_checksum_verify(const struct pw_checksum *checksum, int at_start, const unsigned char **data,
                                  size_t *n, struct pw_error *error);

/* Fletcher's sum over big-endian words of 16 bits, modulo 65535, as HDF5 and netCDF compute it. */
uint32_t pw_fletcher32(const void *data, size_t n);

/* lookup3.c: Jenkins' sum that begins with 0. */
uint32_t pw_lookup3(const void *data, size_t n);

#endif
