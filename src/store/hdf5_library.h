/*
 * store/hdf5_library - libhdf5 behind one lock, and the small questions that are asked of it.
 *
 *     status = pw_hdf5_load(path, error);      once it is known that there is something to do
 *     pw_hdf5_lock();
 *     ... any H5 function, and those below ...
 *     pw_hdf5_unlock();
 *
 * The library keeps global state and need not be built for threads, so that every use of it, by all
 * sources of the process, is under this lock.  It prints nothing.
 */
#ifndef PW_STORE_HDF5_LIBRARY_H
#define PW_STORE_HDF5_LIBRARY_H

#include "patchworks.h"
#include "store/hdf5_symbols.h"

/* Finds the library, for the file at path; later calls cost nothing.  PW_E_UNSUPPORTED when it cannot be loaded. */
enum pw_status pw_hdf5_load(const char *path, struct pw_error *error);

/* "1.10.8" of the library that is loaded, not of the header that this was built with; "" when none can be. */
void pw_hdf5_version(char *out, size_t capacity);

/* Also without the library, as whoever ends something that never began. */
void pw_hdf5_lock(void);
void pw_hdf5_unlock(void);

/* All below: with the lock held. */

/* An attribute that is a text: a string, or an array of strings of one character (Imaris).  0: there is none. */
int pw_hdf5_text(hid_t object, const char *name, char *out, size_t capacity);

/* An attribute that is an array of strings: how many, at most max, each in capacity bytes of out. */
int pw_hdf5_texts(hid_t object, const char *name, char *out, size_t capacity, int max);

/* The names of the scales (DIMENSION_LIST) of a dataset's axes, "" where one has none: how many, if not more than max. */
int pw_hdf5_scale_names(hid_t dataset, char *out, size_t capacity, int max);

/* Numbers of an attribute, at most max; how many there are, 0 without the attribute. */
int pw_hdf5_numbers(hid_t object, const char *name, double *out, int max);

/* The same for an attribute of the object at path; for a text too that is a number. */
int pw_hdf5_text_at(hid_t file, const char *path, const char *name, char *out, size_t capacity);
double pw_hdf5_number_at(hid_t file, const char *path, const char *name, double otherwise);

/* Whether there is an object at path, every group before it being there too. */
int pw_hdf5_exists(hid_t file, const char *path);

/* The error that an object which is there cannot be opened. */
enum pw_status pw_hdf5_cannot_open(const char *path, const char *name, struct pw_error *error);

/* The element type that a stored type is, PW_DTYPE_NONE when it is none; *swap: in the other byte order. */
enum pw_dtype pw_hdf5_dtype(hid_t type, int *swap);

/* Whether H5Dread() makes native numbers of the type; else it is to be read as it is stored. */
int pw_hdf5_is_converted(hid_t type);

/* What the elements of a type that is none of ours are, for messages. */
const char *pw_hdf5_class_name(hid_t type);

/* By how many bits integers are shorter than the bytes that hold them, as after the N-bit filter. */
int pw_hdf5_padding_bits(hid_t type);

/* The type in memory that H5Dread() makes of it, when it converts. */
hid_t pw_hdf5_memory_type(enum pw_dtype dtype);

#endif
