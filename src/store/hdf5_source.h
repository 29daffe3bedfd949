/*
 * store/hdf5_source - an open HDF5 image.  A contiguous dataset is LINEAR.  Of a chunked one whose filters are known
 * the stored bytes of a chunk are read and decoded by whoever needs them: where they are is asked once for all chunks
 * when they are few; of many the library finds and fetches each, since until 1.14 it walks all chunks to tell where
 * one is.  What is left (other filters, virtual and external datasets) is read by the library.
 *
 * hdf5_open.c sets it up, hdf5_source.c reads.  Threads: as store/source.h says.
 */
#ifndef PW_STORE_HDF5_SOURCE_H
#define PW_STORE_HDF5_SOURCE_H

#include "store/hdf5_filters.h"
#include "store/hdf5_image.h"
#include "store/source.h"

/* Where a chunk is. */
struct pw_hdf5_chunk {
    uint64_t offset, length;
    uint32_t skipped; /* filters that were not applied */
};

struct pw_hdf5_source {
    struct pw_source base;
    struct pw_hdf5_image image;
    hid_t file;
    hid_t *dataset; /* image.datasets.n of them; -1: not open yet.  Under the lock */
    int fd;
    int n_lead;
    int is_converted;               /* by the library, when that reads */
    int swap;                       /* stored elements are in the other byte order */
    enum pw_dtype stored;           /* of an element */
    int padding_bits;               /* of integers that are shorter than their bytes */
    int by_library;                 /* decoded by it too */
    struct pw_hdf5_filters filters; /* otherwise */
    uint64_t chunks_per_dataset, grid[PW_MAX_RANK];
    struct pw_hdf5_chunk *place; /* of every chunk, length 0: not stored; NULL: they are many */
};

/* For base.ops. */
extern const struct pw_source_ops pw_hdf5_linear_ops, pw_hdf5_chunk_ops;

/* Opens the dataset with that number among image.datasets, unless it is open.  With the lock held. */
enum pw_status pw_hdf5_open_dataset(struct pw_hdf5_source *hdf5, uint64_t number, struct pw_error *error);

void pw_hdf5_close(struct pw_source *source);

#endif
