/* Tables as text: comma or tab separated, to a file that appears when it is whole, or to standard output. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "label/wide.h"
#include "store/pending_file.h"
#include "sys/file.h"
#include "table/number_text.h"
#include "table/table.h"

enum {
    BUFFER_BYTES = 1 << 18
};

struct text_table {
    struct pw_table base;
    struct pw_pending_file file; /* fd STDOUT_FILENO without a path: standard output */
    char separator;
    char path[4096]; /* for messages */
    char *buffer;
    size_t used;
};

/* ---- what a name asks for ---------------------------------------------- */

static int is_standard_output(const char *path)
{
    return strcmp(path, "-") == 0;
}

static const char *suffix_of(const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    return dot != NULL && (slash == NULL || dot > slash) ? dot + 1 : "";
}

/* ',' or '\t'; 0 after an error. */
static char find_separator(const char *path, const char *format, struct pw_error *error)
{
    const char *form = format != NULL ? format : is_standard_output(path) ? "csv" : suffix_of(path);
    if (strcasecmp(form, "csv") == 0)
        return ',';
    if (strcasecmp(form, "tsv") == 0)
        return '\t';
    if (strcasecmp(form, "parquet") == 0)
        (void)pw_fail(error, PW_E_UNSUPPORTED,
                      "%s: tables are not written as parquet; use .csv, and convert it with "
                      "pandas.read_csv(...).to_parquet(...) or duckdb",
                      path);
    else
        (void)pw_fail(error, PW_E_ARGUMENT, "%s: a table is .csv or .tsv, or - for standard output", path);
    return 0;
}

enum pw_status pw_text_table_check(const char *path, const char *format, int overwrite, struct pw_error *error)
{
    if (find_separator(path, format, error) == 0)
        return error != NULL ? error->status : PW_E_ARGUMENT;
    return is_standard_output(path) ? PW_OK : pw_pending_check(path, overwrite, error);
}

/* ---- bytes out --------------------------------------------------------- */

static enum pw_status write_out(const struct text_table *self, struct pw_error *error)
{
    size_t done = 0;
    if (self->file.fd != STDOUT_FILENO)
        return pw_file_write(self->file.fd, self->buffer, self->used, self->base.bytes_written, self->path, error);
    while (done < self->used) {
        ssize_t n = write(STDOUT_FILENO, self->buffer + done, self->used - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pw_fail_errno(error, PW_E_IO, errno, "standard output");
        done += (size_t)n;
    }
    return PW_OK;
}

static enum pw_status flush(struct text_table *self, struct pw_error *error)
{
    enum pw_status status = write_out(self, error);
    self->base.bytes_written += self->used;
    self->used = 0;
    return status;
}

static enum pw_status put(struct text_table *self, const char *text, size_t n, struct pw_error *error)
{
    if (n > BUFFER_BYTES - self->used) {
        enum pw_status status = flush(self, error);
        if (status != PW_OK)
            return status;
    }
    memcpy(self->buffer + self->used, text, n);
    self->used += n;
    return PW_OK;
}

/* A field that may hold anything; at most a few hundred bytes. */
static enum pw_status put_text(struct text_table *self, const char *text, struct pw_error *error)
{
    char quoted[512];
    size_t n = 0;
    int quote = self->separator == ',' && strpbrk(text, ",\"\r\n") != NULL;
    if (quote)
        quoted[n++] = '"';
    for (; *text != '\0' && n + 3 < sizeof quoted; text++) {
        if (quote && *text == '"')
            quoted[n++] = '"';
        quoted[n++] = self->separator == '\t' && strchr("\t\r\n", *text) != NULL ? ' ' : *text;
    }
    if (quote)
        quoted[n++] = '"';
    return put(self, quoted, n, error);
}

static enum pw_status put_cell(struct text_table *self, enum pw_cell_kind kind, const struct pw_cell *cell,
                               struct pw_error *error)
{
    char text[PW_NUMBER_BYTES];
    size_t n = 0;
    switch (kind) {
    case PW_CELL_UNSIGNED:
    case PW_CELL_FLAG: n = pw_text_of_u64(cell->u, text); break;
    case PW_CELL_SIGNED: n = (size_t)snprintf(text, sizeof text, "%lld", (long long)cell->i); break;
    case PW_CELL_REAL: n = pw_text_of_double(cell->real, text); break;
    case PW_CELL_TEXT: return put_text(self, cell->text, error);
    case PW_CELL_WIDE:
        pw_wide_decimal(cell->wide, 3, text);
        n = strlen(text);
        break;
    }
    return put(self, text, n, error);
}

/* ---- the table --------------------------------------------------------- */

static struct text_table *of(struct pw_table *table)
{
    return (struct text_table *)table;
}

static enum pw_status put_header(struct text_table *self, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int i = 0; i < self->base.n_columns && status == PW_OK; i++) {
        status = put_text(self, self->base.column[i].name, error);
        if (status == PW_OK)
            status = put(self, i + 1 < self->base.n_columns ? &self->separator : "\n", 1, error);
    }
    return status;
}

static enum pw_status text_row(struct pw_table *table, const struct pw_cell *cell, struct pw_error *error)
{
    struct text_table *self = of(table);
    enum pw_status status = PW_OK;
    for (int i = 0; i < table->n_columns && status == PW_OK; i++) {
        status = put_cell(self, table->column[i].kind, &cell[i], error);
        if (status == PW_OK)
            status = put(self, i + 1 < table->n_columns ? &self->separator : "\n", 1, error);
    }
    return status;
}

static enum pw_status text_commit(struct pw_table *table, struct pw_error *error)
{
    struct text_table *self = of(table);
    enum pw_status status = flush(self, error);
    if (status != PW_OK || self->file.fd == STDOUT_FILENO)
        return status;
    return pw_pending_commit(&self->file, error);
}

static void text_close(struct pw_table *table)
{
    struct text_table *self = of(table);
    if (self->file.fd != STDOUT_FILENO)
        pw_pending_abort(&self->file);
    free(self->buffer);
    free(self);
}

static const struct pw_table_ops ops = {text_row, text_commit, text_close};

uint64_t pw_text_table_memory_bytes(void)
{
    return sizeof(struct text_table) + BUFFER_BYTES;
}

enum pw_status pw_text_table_open(const char *path, const char *format, int overwrite, const struct pw_column *column,
                                  int n_columns, struct pw_table **table, struct pw_error *error)
{
    enum pw_status status = pw_text_table_check(path, format, overwrite, error);
    if (status != PW_OK)
        return status;
    struct text_table *self = pw_alloc(1, sizeof *self, error);
    if (self == NULL)
        return PW_E_NOMEM;
    self->base.ops = &ops;
    self->base.column = column;
    self->base.n_columns = n_columns;
    self->separator = find_separator(path, format, error);
    self->file.fd = is_standard_output(path) ? STDOUT_FILENO : -1;
    (void)snprintf(self->path, sizeof self->path, "%s", path);
    self->buffer = pw_alloc(1, BUFFER_BYTES, error);
    if (self->buffer == NULL)
        status = PW_E_NOMEM;
    if (status == PW_OK && !is_standard_output(path))
        status = pw_pending_open(&self->file, path, overwrite, error);
    if (status == PW_OK)
        status = put_header(self, error);
    if (status != PW_OK) {
        text_close(&self->base);
        return status;
    }
    *table = &self->base;
    return PW_OK;
}

/* ---- any table --------------------------------------------------------- */

enum pw_status pw_table_row(struct pw_table *table, const struct pw_cell *cell, struct pw_error *error)
{
    table->n_rows++;
    return table->ops->row(table, cell, error);
}

enum pw_status pw_table_commit(struct pw_table *table, struct pw_error *error)
{
    return table->ops->commit(table, error);
}

void pw_table_close(struct pw_table *table)
{
    if (table != NULL)
        table->ops->close(table);
}
