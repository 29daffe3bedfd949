/*
 * run/object_table - from an object log to a table in place: sorted, put together, written.
 *
 *     struct pw_object_table table = {.about = .., ...};       see the fields
 *     pw_object_table_write(&table, error)                     all rows, to hidden files and directories
 *     pw_object_table_commit(&table, error)                    in place
 *     pw_object_table_close(&table)                            also after an error: then nothing was changed
 *
 * Memory: at most memory_bytes while it writes.  Threads: the caller's.
 */
#ifndef PW_RUN_OBJECT_TABLE_H
#define PW_RUN_OBJECT_TABLE_H

#include "run/crew.h"
#include "table/object_columns.h"
#include "table/object_log.h"
#include "table/table.h"
#include "table/table_place.h"

struct pw_object_table {
    /* set by the caller */
    const struct pw_object_about *about;
    const struct pw_grid *grid; /* of the log */
    const struct pw_object_log *log;
    pw_object_ids_fn ids; /* NULL: labels are ids */
    void *ids_context;
    uint64_t memory_bytes;
    const char *scratch_dir;
    const char *path; /* of a text table; NULL: none */
    const char *format;
    int overwrite;
    struct pw_table_place *place; /* of a table in a store, made but not started; NULL: none */
    const char *region;           /* name of the label image there */
    struct pw_watch watch;        /* total 0: unknown */

    /* set by writing */
    uint64_t n_objects, n_voxels, bytes_written;
    struct pw_object_columns columns;
    struct pw_object_sort sort;
    struct pw_table *text, *stored;
};

/* The least memory that it works in; in_store: with a table in a store. */
uint64_t pw_object_table_memory_least(const struct pw_measure_form *form, int in_store);

enum pw_status pw_object_table_write(struct pw_object_table *table, struct pw_error *error);
enum pw_status pw_object_table_commit(struct pw_object_table *table, struct pw_error *error);
void pw_object_table_close(struct pw_object_table *table);

#endif
