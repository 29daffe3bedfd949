/*
 * store/tiff_handle - a libtiff handle that prints nothing and shares a descriptor.
 *
 *     struct pw_tiff *handle;
 *     pw_tiff_open(fd, path, &handle, error);
 *     if (!TIFFSetSubDirectory(handle->tif, offset))
 *         return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %d", page);
 *     pw_tiff_close(handle);
 *
 * The handle reads with pread through fd, which stays the caller's, so any number
 * of handles, one per thread, may share it.  Strip and tile tables are read when
 * first asked for.  libtiff's messages are kept for pw_tiff_fail().
 *
 * Threads: a handle belongs to one thread at a time.
 */
#ifndef PW_STORE_TIFF_HANDLE_H
#define PW_STORE_TIFF_HANDLE_H

#include <tiffio.h>

#include "patchworks.h"

struct pw_tiff {
    TIFF *tif;
    int fd;
    uint64_t position;
    uint64_t file_bytes;
    int counts_are_of_pixels; /* LSM: the byte counts of compressed strips are those of what is in them */
    int offsets_wrap;         /* LSM above 4 GB: offsets are of 32 bits, and have begun again at 0 ... */
    uint32_t wraps;           /* ... so often before the first strip of the current page */
    char path[4096];
    char said[512]; /* libtiff's first complaint since the last pw_tiff_fail() or pw_tiff_forget() */
};

/* Opens the first directory.  Errors: PW_E_FORMAT (not a TIFF file, broken), PW_E_TRUNCATED, PW_E_NOMEM. */
enum pw_status pw_tiff_open(int fd, const char *path, struct pw_tiff **handle, struct pw_error *error);
void pw_tiff_close(struct pw_tiff *handle); /* NULL allowed */

/* Drops what libtiff said so far. */
void pw_tiff_forget(struct pw_tiff *handle);

/* "PATH: <what>: <what libtiff said>" with status. */
enum pw_status pw_tiff_fail(struct pw_tiff *handle, struct pw_error *error, enum pw_status status, const char *format,
                            ...) __attribute__((format(printf, 4, 5)));

/* Memory of an open handle, without the state of a decompressor. */
enum {
    PW_TIFF_HANDLE_BYTES = 64 << 10
};

#endif
