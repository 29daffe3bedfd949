/*
 * table/table - a table of typed columns, written row by row to a file of any form.
 *
 *     struct pw_table *table;
 *     pw_text_table_open(&request, &table, error)      checks; nothing can be seen yet
 *     pw_table_row(table, cell, error)                 in order
 *     pw_table_commit(table, error)                    whole, and in place; or not
 *     pw_table_close(table)
 *
 * Ownership: columns are the caller's and live as long as the table; cells are read during the call.
 * Threads: one at a time.
 */
#ifndef PW_TABLE_TABLE_H
#define PW_TABLE_TABLE_H

#include "patchworks.h"

enum {
    PW_COLUMN_NAME_BYTES = 40,
    PW_COLUMNS_MAX = 4096
};

enum pw_cell_kind {
    PW_CELL_UNSIGNED,
    PW_CELL_SIGNED,
    PW_CELL_WIDE, /* an integer of 192 bits (label/wide.h) */
    PW_CELL_REAL,
    PW_CELL_FLAG,
    PW_CELL_TEXT /* the same in all rows */
};

struct pw_column {
    char name[PW_COLUMN_NAME_BYTES];
    enum pw_cell_kind kind;
};

struct pw_cell {
    union {
        uint64_t u; /* and flags: 0 or 1 */
        int64_t i;
        double real;
        const char *text;
    };
    uint64_t wide[3];
};

struct pw_table;

struct pw_table_ops {
    enum pw_status (*row)(struct pw_table *table, const struct pw_cell *cell, struct pw_error *error);
    enum pw_status (*commit)(struct pw_table *table, struct pw_error *error);
    void (*close)(struct pw_table *table); /* frees it; what is not committed is gone */
};

/* The base of every table. */
struct pw_table {
    const struct pw_table_ops *ops;
    const struct pw_column *column;
    int n_columns;
    uint64_t n_rows;
    uint64_t bytes_written;
};

enum pw_status pw_table_row(struct pw_table *table, const struct pw_cell *cell, struct pw_error *error);
enum pw_status pw_table_commit(struct pw_table *table, struct pw_error *error);
void pw_table_close(struct pw_table *table); /* NULL allowed */

/* ---- text: comma or tab separated ---- */

/*
 * The form that path asks for: 1 when its suffix is .csv or .tsv (format NULL), or format is "csv" or "tsv";
 * "-" is standard output, csv when nothing else is said.
 * Errors: PW_E_ARGUMENT for another suffix or format; PW_E_UNSUPPORTED for .parquet, with what to use.
 */
enum pw_status pw_text_table_check(const char *path, const char *format, int overwrite, struct pw_error *error);

/*
 * RFC 4180 with a header line, rows that end with a line feed; tabs instead of commas and no quotes for tsv.
 * Numbers are the shortest that read back as the same.
 */
enum pw_status pw_text_table_open(const char *path, const char *format, int overwrite, const struct pw_column *column,
                                  int n_columns, struct pw_table **table, struct pw_error *error);
uint64_t pw_text_table_memory_bytes(void);

#endif
