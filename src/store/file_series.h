/*
 * store/file_series - many files that are one image: which, and in what order.
 *
 *     struct pw_file_series series;
 *     pw_file_series_find("plane_*.tif", &series, error)
 *     ... series.path[0 .. series.n - 1], the last field fastest ...
 *     pw_file_series_release(&series);
 *
 * A pattern is a glob ("t*_z*.tif"), has numbers as printf writes them
 * ("t%02d_z%03d.tif"), or is a directory, which means the TIFF files in it.  The
 * numbers in which names differ are the fields of the series: each a range without
 * gaps, and every combination of them a file.  Names that differ otherwise make one
 * field, in natural order (a2 before a10).
 *
 * Errors: PW_E_NOT_FOUND (nothing matches; a number is missing, with the name that it would have),
 * PW_E_FORMAT (two names of one number), PW_E_UNSUPPORTED (more fields than three), PW_E_NOMEM.
 * Threads: no shared state.
 */
#ifndef PW_STORE_FILE_SERIES_H
#define PW_STORE_FILE_SERIES_H

#include "patchworks.h"

enum {
    PW_SERIES_FIELDS_MAX = 3
};

struct pw_file_series {
    char **path; /* in C order of the fields, which are in the order of the names */
    uint64_t n, capacity;
    int n_fields; /* 0: one file */
    uint64_t size[PW_SERIES_FIELDS_MAX];
    char hint[PW_SERIES_FIELDS_MAX]; /* 't' 'c' or 'z' where the name says it ("_t001", "ch2"), else 0 */
};

/* Whether path, at which there is no file, is a pattern. */
int pw_file_series_is_pattern(const char *path);

/* Whether the directory at path has TIFF files in it. */
int pw_file_series_is_directory(const char *path);

enum pw_status pw_file_series_find(const char *pattern, struct pw_file_series *series, struct pw_error *error);
void pw_file_series_release(struct pw_file_series *series); /* safe on a zeroed one */

/* Compares names as people count: digits by their value, the rest by its bytes. */
int pw_natural_order(const char *a, const char *b);

#endif
