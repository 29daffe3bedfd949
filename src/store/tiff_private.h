/*
 * store/tiff_private - what Zeiss LSM and MetaMorph STK files say in private tags of their first directory.
 *
 * Both are classic little-endian TIFF, and some of their tags do not mean what their types say (UIC2 is six numbers for each
 * "rational"), so the directory is read here byte by byte and not by libtiff.
 *
 *     struct pw_tiff_private found = {0};
 *     pw_tiff_private_read(handle, &found, error)         of the current directory
 *
 * Threads: a handle belongs to one.  Errors: PW_E_IO, PW_E_TRUNCATED, PW_E_FORMAT.
 */
#ifndef PW_STORE_TIFF_PRIVATE_H
#define PW_STORE_TIFF_PRIVATE_H

#include "store/tiff_handle.h"

/* CZ_LSMINFO, tag 34412. */
struct pw_tiff_lsm {
    uint64_t x, y, z, channels, times, positions, mosaic;
    double x_um, y_um, z_um, interval_s; /* 0: not known */
    int rows_are_z, rows_are_times;      /* scans of lines: what y is otherwise */
};

/* UIC1 and UIC2, tags 33628 and 33629. */
struct pw_tiff_stk {
    uint64_t n_planes;
    double z_distance; /* between planes, 0: none */
    int times_differ;  /* each plane was taken at a time of its own */
    double x, y;       /* pixel size, 0: not known */
    char unit[32];     /* of all three, as the file spells it */
};

struct pw_tiff_private {
    int is_lsm, is_stk;
    struct pw_tiff_lsm lsm;
    struct pw_tiff_stk stk;
};

/* Leaves both flags 0 where the file is neither. */
enum pw_status pw_tiff_private_read(struct pw_tiff *handle, struct pw_tiff_private *found, struct pw_error *error);

#endif
