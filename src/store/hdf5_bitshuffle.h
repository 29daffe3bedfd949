/*
 * store/hdf5_bitshuffle - the filter Bitshuffle (32008 in the HDF Group's registry), alone or with LZ4 or Zstandard.
 *
 * The elements of a block lie as bit rows: first the lowest bit of all, and so on (github.com/kiyo-masui/bitshuffle).  Blocks are of a
 * multiple of 8 elements; what is left behind them, fewer than 8, is as it was.  With compression there is a header, and
 * each block has its length before it, high byte first.
 *
 * Threads: none; the codec state is the caller's.  Errors: PW_E_FORMAT.
 */
#ifndef PW_STORE_HDF5_BITSHUFFLE_H
#define PW_STORE_HDF5_BITSHUFFLE_H

#include <stdint.h>

#include "codec/codec.h"
#include "patchworks.h"

enum pw_bitshuffle_codec {
    PW_BITSHUFFLE_BARE = 0,
    PW_BITSHUFFLE_LZ4 = 2,
    PW_BITSHUFFLE_ZSTD = 3
};

/* The filter's values in a dataset. */
struct pw_bitshuffle {
    uint32_t element_bytes, block_elements; /* block_elements 0: the usual number */
    enum pw_bitshuffle_codec codec;
};

/* n bytes at in to at most *size at out, *size set. */
enum pw_status pw_bitshuffle_decode(const struct pw_bitshuffle *how, struct pw_codec_state *state,
                                    const unsigned char *in, size_t n, unsigned char *out, size_t *size,
                                    struct pw_error *error);

#endif
