/*
 * store/hdf5_filters - undoing the filters of an HDF5 dataset without the library, so that threads do it at once.
 *
 * Known: deflate, shuffle, fletcher32, bzip2, LZF, Blosc, LZ4, Zstandard, Bitshuffle.  Threads: as store/source.h's decoders.
 */
#ifndef PW_STORE_HDF5_FILTERS_H
#define PW_STORE_HDF5_FILTERS_H

#include <stdint.h>

#include "codec/codec.h"
#include "patchworks.h"
#include "store/hdf5_bitshuffle.h"

enum {
    PW_HDF5_FILTERS_MAX = 8
};

struct pw_hdf5_filters {
    int n;
    int id[PW_HDF5_FILTERS_MAX]; /* in the order in which they were applied */
    size_t element_bytes;        /* of shuffle */
    char names[128];             /* "shuffle gzip" */
    struct pw_bitshuffle bitshuffle;
};

/* Whether a filter is known; its name, or NULL. */
const char *pw_hdf5_filter_name(int id);

/* Adds a filter that is known, with its n values.  0 when it is used in a way that is not known. */
int pw_hdf5_filters_add(struct pw_hdf5_filters *filters, int id, const unsigned *value, size_t n);

/* What undoing them allocates for a chunk of size bytes, beside the state and the scratch. */
size_t pw_hdf5_filters_memory_bytes(const struct pw_hdf5_filters *filters, size_t size);

/*
 * Undoes the filters but for those whose bit is set in skipped, last first: n bytes at stored into size at out.
 * scratch holds twice pw_hdf5_filtered_max(size) bytes.  The message names no file.
 */
enum pw_status pw_hdf5_unfilter(const struct pw_hdf5_filters *filters, uint32_t skipped, struct pw_codec_state *state,
                                const void *stored, size_t n, void *out, size_t size, unsigned char *scratch,
                                struct pw_error *error);

/* As many bytes as filters can make of size. */
size_t pw_hdf5_filtered_max(size_t size);

/* LibLZF's format: up to *size bytes at out, *size set.  0 when the data are broken. */
int pw_lzf_decode(const unsigned char *in, size_t n, unsigned char *out, size_t *size);

#endif
