/*
 * store/hdf5_format - recognising HDF5 files, and the names of datasets behind their paths:
 * FILE.h5:/group/dataset or FILE.h5/group/dataset.
 *
 * In a build without HDF5 such a file is refused by name.  Threads: no shared state.
 */
#ifndef PW_STORE_HDF5_FORMAT_H
#define PW_STORE_HDF5_FORMAT_H

#include "store/source.h"

/* Whether path, at which there is no file, is that of a dataset in an HDF5 file. */
int pw_hdf5_is_inside(const char *path);

extern const struct pw_format pw_format_hdf5; /* opens a file, or a path as above */

/* hdf5_source.c: the dataset or group in the file at path, NULL: the only one. */
enum pw_status pw_hdf5_open(const char *path, const char *dataset, const struct pw_open_options *options,
                            struct pw_source **source, struct pw_error *error);

#endif
