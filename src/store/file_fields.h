/*
 * store/file_fields - the numbers in which the names of a series' files differ.
 *
 * Threads: no shared state.
 */
#ifndef PW_STORE_FILE_FIELDS_H
#define PW_STORE_FILE_FIELDS_H

#include "store/file_series.h"

/* Sorts series->path and fills its fields.  Errors: as pw_file_series_find(). */
enum pw_status pw_file_fields_arrange(struct pw_file_series *series, struct pw_error *error);

#endif
