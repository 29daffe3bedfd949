#include "run/object_table.h"

#include "base/checked.h"
#include "base/error.h"
#include "sys/host.h"
#include "table/anndata_table.h"

static uint64_t writer_bytes(const struct pw_measure_form *form, int in_store)
{
    uint64_t bytes = pw_text_table_memory_bytes();
    return in_store ? bytes + pw_anndata_table_memory_bytes(pw_object_columns_most(form)) : bytes;
}

uint64_t pw_object_table_memory_least(const struct pw_measure_form *form, int in_store)
{
    return pw_object_sort_memory_least(form) + writer_bytes(form, in_store);
}

/* Tells how many rows there are, about ten times a second. */
static enum pw_status report(const struct pw_object_table *table, double *told, struct pw_error *error)
{
    const struct pw_watch *watch = &table->watch;
    double now = watch->progress != NULL && table->n_objects % 1024 == 0 ? pw_host_seconds() : *told;
    if (now - *told < 0.1)
        return PW_OK;
    struct pw_progress progress = {.pass = watch->pass, .done = table->n_objects, .total = watch->total};
    *told = now;
    return watch->progress(&progress, watch->user) == 0 ? PW_OK : pw_fail(error, PW_E_CANCELLED, "stopped");
}

static enum pw_status write_rows(struct pw_object_table *table, struct pw_error *error)
{
    struct pw_object object;
    double told = pw_host_seconds();
    enum pw_status status;
    while ((status = pw_object_sort_next(&table->sort, &object, error)) == PW_OK) {
        pw_object_columns_fill(&table->columns, &object);
        table->n_objects++;
        table->n_voxels += object.total.voxels;
        if (table->text != NULL)
            status = pw_table_row(table->text, table->columns.cell, error);
        if (status == PW_OK && table->stored != NULL)
            status = pw_table_row(table->stored, table->columns.cell, error);
        if (status == PW_OK)
            status = report(table, &told, error);
        if (status != PW_OK)
            return status;
    }
    return status == PW_EMPTY ? PW_OK : status;
}

static enum pw_status open_tables(struct pw_object_table *table, struct pw_error *error)
{
    const struct pw_column *column = table->columns.column;
    enum pw_status status = PW_OK;
    if (table->path != NULL)
        status = pw_text_table_open(table->path, table->format, table->overwrite, column, table->columns.n,
                                    &table->text, error);
    if (status != PW_OK || table->place == NULL)
        return status;
    status = pw_table_place_start(table->place, error);
    return status == PW_OK ? pw_anndata_table_open(table->place->build, table->place->version, table->region, column,
                                                   table->columns.n, &table->stored, error)
                           : status;
}

enum pw_status pw_object_table_write(struct pw_object_table *table, struct pw_error *error)
{
    const struct pw_object_about *about = table->about;
    int in_store = table->place != NULL;
    uint64_t memory = pw_max_u64(table->memory_bytes, pw_object_table_memory_least(about->form, in_store)) -
                      writer_bytes(about->form, in_store);
    enum pw_status status = pw_object_columns_init(&table->columns, about, error);
    if (status == PW_OK)
        status = pw_object_sort_init(&table->sort, about->form, table->grid, memory, table->scratch_dir, error);
    if (status == PW_OK)
        status = pw_object_sort_take(&table->sort, table->log, table->ids, table->ids_context, error);
    if (status == PW_OK)
        status = pw_object_sort_finish(&table->sort, error);
    if (status == PW_OK)
        status = open_tables(table, error);
    if (status == PW_OK)
        status = write_rows(table, error);
    if (status == PW_OK && table->stored != NULL)
        status = pw_table_commit(table->stored, error); /* its metadata; it is not in view yet */
    pw_object_sort_release(&table->sort);
    return status;
}

enum pw_status pw_object_table_commit(struct pw_object_table *table, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (table->place != NULL)
        status = pw_table_place_commit(table->place, error);
    if (status == PW_OK && table->text != NULL)
        status = pw_table_commit(table->text, error);
    table->bytes_written = (table->text != NULL ? table->text->bytes_written : 0) +
                           (table->stored != NULL ? table->stored->bytes_written : 0);
    return status;
}

void pw_object_table_close(struct pw_object_table *table)
{
    pw_table_close(table->text);
    pw_table_close(table->stored);
    table->text = table->stored = NULL;
    if (table->place != NULL)
        pw_table_place_abort(table->place);
    pw_object_sort_release(&table->sort);
    pw_object_columns_release(&table->columns);
}
