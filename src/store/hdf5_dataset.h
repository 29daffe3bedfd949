/*
 * store/hdf5_dataset - an HDF5 file that is made, with one dataset of chunks.
 *
 * Chunks are compressed by their writers and handed to the library as they are (H5Dwrite_chunk); where they are in the file
 * follows from the order in which they are handed over, which is the caller's to keep.  A chunk that is not handed over reads as 0.
 *
 *     struct pw_hdf5_dataset dataset;
 *     pw_hdf5_dataset_init(&dataset, path, name, dtype, &axes, shape, chunk, error)     0 in chunk: chosen
 *     pw_hdf5_dataset_codec(&dataset, spec, error)
 *     pw_hdf5_dataset_start(&dataset, overwrite, error)                           a hidden file
 *     pw_hdf5_dataset_put(&dataset, time, channel, start, stored, n, error)       for each chunk
 *     pw_hdf5_dataset_commit(&dataset, error)                                     renamed to path; or _abort()
 *     pw_hdf5_dataset_release(&dataset)                                           aborts what is not committed
 *
 * Axes are t c z y x, those that there are.  Memory: PW_HDF5_LIBRARY_BYTES.  Threads: put from any, one at a time.
 * Errors: those of pending_file.h; PW_E_ARGUMENT, PW_E_RANGE, PW_E_NOMEM; PW_E_IO of the library.
 */
#ifndef PW_STORE_HDF5_DATASET_H
#define PW_STORE_HDF5_DATASET_H

#include "store/array_axes.h"
#include "store/hdf5_library.h"
#include "store/output_codec.h"
#include "store/pending_file.h"

enum {
    PW_HDF5_LIBRARY_BYTES = 8 << 20 /* its cache of metadata, and what it writes on closing */
};

struct pw_hdf5_dataset {
    char *name;
    char path[4096]; /* of the finished file */
    enum pw_dtype dtype;
    struct pw_array_axes axes;
    uint64_t shape[3], chunk[3]; /* of a time point and channel */
    struct pw_output_codec codec;
    struct pw_pending_file file;
    hid_t library_file, dataset; /* under the library's lock */
};

/*
 * Copies name.  Errors: also PW_E_ARGUMENT (no name of a dataset), PW_E_RANGE (chunks above 2 GiB), PW_E_UNSUPPORTED
 * (the library cannot be loaded).
 */
enum pw_status pw_hdf5_dataset_init(struct pw_hdf5_dataset *dataset, const char *path, const char *name,
                                    enum pw_dtype dtype, const struct pw_array_axes *axes, const uint64_t shape[3],
                                    const uint64_t chunk[3], struct pw_error *error);

/* gzip[:LEVEL] or none; NULL: gzip:3. */
enum pw_status pw_hdf5_dataset_codec(struct pw_hdf5_dataset *dataset, const char *spec, struct pw_error *error);

size_t pw_hdf5_dataset_chunk_bytes(const struct pw_hdf5_dataset *dataset);
enum pw_status pw_hdf5_dataset_start(struct pw_hdf5_dataset *dataset, int overwrite, struct pw_error *error);
enum pw_status pw_hdf5_dataset_put(struct pw_hdf5_dataset *dataset, uint64_t time, uint64_t channel,
                                   const uint64_t start[3], const void *stored, size_t n, struct pw_error *error);
enum pw_status pw_hdf5_dataset_commit(struct pw_hdf5_dataset *dataset, struct pw_error *error);
void pw_hdf5_dataset_abort(struct pw_hdf5_dataset *dataset);
void pw_hdf5_dataset_release(struct pw_hdf5_dataset *dataset);

#endif
