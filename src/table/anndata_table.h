/*
 * table/anndata_table - a table as an AnnData group of zarr, version 2 or 3, the way anndata and SpatialData read it.
 *
 * Rows are observations (obs), whose index is the first column as text; there are no variables and no X.  A column is an
 * array of chunks of PW_ANNDATA_ROWS rows; columns of one text are categories.  region is the name of the label image
 * that the table annotates, by the first column.  doc/OBJECTS.md shows the whole group.
 *
 * Memory: pw_anndata_table_memory_bytes().
 */
#ifndef PW_TABLE_ANNDATA_TABLE_H
#define PW_TABLE_ANNDATA_TABLE_H

#include "table/table.h"

enum {
    PW_ANNDATA_ROWS = 16384
};

/*
 * directory exists and is empty; committing writes the metadata, closing without it leaves what there is to the
 * caller.  Errors: those of writing, with the path.
 */
enum pw_status pw_anndata_table_open(const char *directory, int version, const char *region,
                                     const struct pw_column *column, int n_columns, struct pw_table **table,
                                     struct pw_error *error);
uint64_t pw_anndata_table_memory_bytes(int n_columns);

#endif
