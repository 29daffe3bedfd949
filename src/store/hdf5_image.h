/*
 * store/hdf5_image - which datasets of an HDF5 file are the image, and what the file says of it.
 *
 * Layouts: Imaris (DataSet/ResolutionLevel r/TimePoint t/Channel c/Data), BigDataViewer (t00000/s00/r/cells), and a
 * dataset as it is, with the attributes of ilastik, plantseg and CREMI.
 *
 * All functions: with the lock of store/hdf5_library.h held, by one thread.
 */
#ifndef PW_STORE_HDF5_IMAGE_H
#define PW_STORE_HDF5_IMAGE_H

#include "base/names.h"
#include "store/hdf5_library.h"

struct pw_hdf5_image {
    struct pw_image_info info; /* rank, shape, axes, levels, dtype of the whole; without chunks */
    int n_lead;                /* the leading axes: each place along them is a dataset of its own */
    struct pw_names datasets;  /* their paths, in C order of those axes */
    struct pw_names channels;
};

/*
 * Finds the image: that of the dataset or group called name, or, with name NULL, of the file as a whole.
 * path is for messages.  *image needs release in any case.
 * Errors: PW_E_NOT_FOUND (no such dataset), PW_E_ARGUMENT (several to choose from, no such level), PW_E_FORMAT,
 * PW_E_UNSUPPORTED (elements that are no numbers).
 */
enum pw_status pw_hdf5_image_find(hid_t file, const char *path, const char *name, int level,
                                  struct pw_hdf5_image *image, struct pw_error *error);
void pw_hdf5_image_release(struct pw_hdf5_image *image);

/* The layouts, each for a file that has it (hdf5_imaris.c, hdf5_bdv.c). */
int pw_hdf5_is_imaris(hid_t file);
enum pw_status pw_hdf5_imaris(hid_t file, const char *path, int level, struct pw_hdf5_image *image,
                              struct pw_error *error);
int pw_hdf5_is_bdv(hid_t file);
enum pw_status pw_hdf5_bdv(hid_t file, const char *path, int level, struct pw_hdf5_image *image,
                           struct pw_error *error);

/* Shape and element type of the dataset called name; *rank at most PW_MAX_RANK.  As pw_hdf5_image_find(). */
enum pw_status pw_hdf5_dataset(hid_t file, const char *path, const char *name, int *rank, uint64_t *shape,
                               enum pw_dtype *dtype, struct pw_error *error);

/* Appends an axis to image->info. */
void pw_hdf5_axis(struct pw_hdf5_image *image, char letter, uint64_t size, double scale, const char *unit);

#endif
