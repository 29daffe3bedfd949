#include "table/anndata_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "codec/codec.h"
#include "label/wide.h"
#include "table/anndata_nodes.h"
#include "table/number_text.h"

/* The columns in the file are those of the table, then the region. */
#define INDEX "_index"
#define REGION "region"

enum {
    ELEMENT_BYTES = 8,
    INDEX_BYTES = 4 + 20 /* of a row: length and at most 20 digits */
};

struct anndata_table {
    struct pw_table base;
    char obs[4096]; /* the group of the columns */
    char directory[4096];
    char region[PW_NAME_MAX];
    int version;
    struct pw_codec_state codec;
    unsigned char *cells; /* PW_ANNDATA_ROWS of each column, one after the other */
    unsigned char *index; /* the same as text: number of items, then each with its length */
    size_t index_used;
    unsigned char *encoded;
    size_t encoded_bytes;
    uint32_t rows; /* that wait */
    uint64_t chunks;
    const char **text; /* of the columns that have one for all rows */
};

static struct anndata_table *of(struct pw_table *table)
{
    return (struct anndata_table *)table;
}

static size_t index_bytes(void)
{
    return 4 + (size_t)PW_ANNDATA_ROWS * INDEX_BYTES;
}

static size_t bound(void)
{
    return pw_codec_find("zstd")->bound(index_bytes());
}

uint64_t pw_anndata_table_memory_bytes(int n_columns)
{
    return sizeof(struct anndata_table) +
           (uint64_t)n_columns * ((uint64_t)PW_ANNDATA_ROWS * ELEMENT_BYTES + sizeof(char *)) + index_bytes() +
           bound() + pw_codec_state_memory_bytes();
}

/* ---- numbers ----------------------------------------------------------- */

/* Sums of integers become doubles: no integer type of zarr holds all of them. */
static enum pw_dtype dtype_of(enum pw_cell_kind kind)
{
    switch (kind) {
    case PW_CELL_UNSIGNED: return PW_U64;
    case PW_CELL_SIGNED: return PW_I64;
    case PW_CELL_FLAG: return PW_BOOL;
    default: return PW_F64;
    }
}

static enum pw_status put_chunk(struct anndata_table *self, const char *name, const void *bytes, size_t n,
                                struct pw_error *error)
{
    const struct pw_codec_options options = {.level = 3};
    size_t encoded = self->encoded_bytes;
    enum pw_status status =
        pw_codec_find("zstd")->encode(&self->codec, &options, bytes, n, self->encoded, &encoded, error);
    self->base.bytes_written += encoded;
    return status == PW_OK
               ? pw_anndata_chunk_put(self->obs, name, self->version, self->chunks, self->encoded, encoded, error)
               : status;
}

static unsigned char *cells_of(struct anndata_table *self, int column)
{
    return self->cells + (size_t)column * PW_ANNDATA_ROWS * ELEMENT_BYTES;
}

/* Fills the index up to so many items; empty ones have a length of 0. */
static void end_index(struct anndata_table *self, uint32_t rows)
{
    size_t padding = (size_t)(rows - self->rows) * 4;
    memset(self->index + self->index_used, 0, padding);
    self->index_used += padding;
    memcpy(self->index, &rows, sizeof rows);
}

/* A chunk of so many rows of all columns; what is beyond the table is zero. */
static enum pw_status flush(struct anndata_table *self, uint32_t rows, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (int i = 0; i < self->base.n_columns && status == PW_OK; i++) {
        enum pw_cell_kind kind = self->base.column[i].kind;
        size_t bytes = pw_dtype_bytes(dtype_of(kind));
        if (kind == PW_CELL_TEXT)
            continue;
        memset(cells_of(self, i) + self->rows * bytes, 0, (rows - self->rows) * bytes);
        status = put_chunk(self, self->base.column[i].name, cells_of(self, i), rows * bytes, error);
    }
    end_index(self, rows);
    if (status == PW_OK)
        status = put_chunk(self, INDEX, self->index, self->index_used, error);
    self->chunks++;
    self->rows = 0;
    self->index_used = 4;
    return status;
}

static void take_cell(struct anndata_table *self, int i, const struct pw_cell *cell)
{
    enum pw_cell_kind kind = self->base.column[i].kind;
    unsigned char *to = cells_of(self, i) + self->rows * pw_dtype_bytes(dtype_of(kind));
    switch (kind) {
    case PW_CELL_TEXT: self->text[i] = cell->text; break;
    case PW_CELL_FLAG: *to = (unsigned char)cell->u; break;
    case PW_CELL_UNSIGNED:
    case PW_CELL_SIGNED: memcpy(to, &cell->u, sizeof cell->u); break;
    case PW_CELL_WIDE:
    case PW_CELL_REAL: {
        double value = kind == PW_CELL_REAL ? cell->real : pw_wide_ratio(cell->wide, 3, 0, 1);
        memcpy(to, &value, sizeof value);
        break;
    }
    }
}

static enum pw_status anndata_row(struct pw_table *table, const struct pw_cell *cell, struct pw_error *error)
{
    struct anndata_table *self = of(table);
    char id[PW_NUMBER_BYTES];
    for (int i = 0; i < table->n_columns; i++)
        take_cell(self, i, &cell[i]);
    uint32_t n = (uint32_t)pw_text_of_u64(cell[0].u, id);
    memcpy(self->index + self->index_used, &n, sizeof n);
    memcpy(self->index + self->index_used + 4, id, n);
    self->index_used += 4 + n;
    self->rows++;
    return self->rows == PW_ANNDATA_ROWS ? flush(self, PW_ANNDATA_ROWS, error) : PW_OK;
}

/* ---- metadata ---------------------------------------------------------- */

/* One text: an array of one, or a scalar. */
static enum pw_status put_text(struct anndata_table *self, const char *parent, const char *name,
                               enum pw_anndata_kind kind, const char *text, struct pw_error *error)
{
    const struct pw_anndata_array array = {.kind = kind, .length = 1, .chunk = 1};
    const struct pw_codec_options options = {.level = 3};
    unsigned char items[8 + PW_NAME_MAX];
    uint32_t n = (uint32_t)pw_min_u64(strlen(text), PW_NAME_MAX), one = 1;
    size_t encoded = self->encoded_bytes;
    memcpy(items, &one, sizeof one);
    memcpy(items + 4, &n, sizeof n);
    memcpy(items + 8, text, n);
    enum pw_status status =
        pw_codec_find("zstd")->encode(&self->codec, &options, items, 8 + (size_t)n, self->encoded, &encoded, error);
    return status == PW_OK
               ? pw_anndata_array_put_one(parent, name, self->version, &array, self->encoded, encoded, error)
               : status;
}

/* All rows of one category: codes 0 everywhere, which need no chunk. */
static enum pw_status put_category(struct anndata_table *self, const char *name, const char *text, uint64_t chunk,
                                   struct pw_error *error)
{
    const struct pw_anndata_array codes = {PW_ANNDATA_NUMBERS, PW_I8, self->base.n_rows, chunk};
    char path[4096 + PW_COLUMN_NAME_BYTES];
    struct json_object *attributes = pw_anndata_attributes("categorical", "0.2.0");
    (void)json_object_object_add(attributes, "ordered", json_object_new_boolean(0));
    (void)snprintf(path, sizeof path, "%s/%s", self->obs, name);
    enum pw_status status = pw_anndata_group(self->obs, name, self->version, attributes, error);
    if (status == PW_OK)
        status = pw_anndata_array_make(path, "codes", self->version, error);
    if (status == PW_OK)
        status = pw_anndata_array_describe(path, "codes", self->version, &codes, error);
    return status == PW_OK ? put_text(self, path, "categories", PW_ANNDATA_STRINGS, text, error) : status;
}

static enum pw_status put_frame(struct anndata_table *self, const char *parent, const char *name,
                                struct json_object *order, struct pw_error *error)
{
    struct json_object *attributes = pw_anndata_attributes("dataframe", "0.2.0");
    (void)json_object_object_add(attributes, "_index", json_object_new_string(INDEX));
    (void)json_object_object_add(attributes, "column-order", order);
    return pw_anndata_group(parent, name, self->version, attributes, error);
}

static enum pw_status describe_columns(struct anndata_table *self, struct pw_error *error)
{
    uint64_t rows = self->base.n_rows, chunk = self->chunks > 1 ? PW_ANNDATA_ROWS : pw_max_u64(rows, 1);
    const struct pw_anndata_array index = {.kind = PW_ANNDATA_STRINGS, .length = rows, .chunk = chunk};
    struct json_object *order = json_object_new_array();
    enum pw_status status = PW_OK;
    for (int i = 0; i < self->base.n_columns && status == PW_OK; i++) {
        const struct pw_column *column = &self->base.column[i];
        const struct pw_anndata_array array = {PW_ANNDATA_NUMBERS, dtype_of(column->kind), rows, chunk};
        (void)json_object_array_add(order, json_object_new_string(column->name));
        if (column->kind == PW_CELL_TEXT)
            status = put_category(self, column->name, self->text[i] != NULL ? self->text[i] : "", chunk, error);
        else
            status = pw_anndata_array_describe(self->obs, column->name, self->version, &array, error);
    }
    (void)json_object_array_add(order, json_object_new_string(REGION));
    if (status == PW_OK)
        status = put_category(self, REGION, self->region, chunk, error);
    if (status == PW_OK)
        status = pw_anndata_array_describe(self->obs, INDEX, self->version, &index, error);
    if (status == PW_OK)
        return put_frame(self, self->directory, "obs", order, error);
    json_object_put(order);
    return status;
}

/* The parts of an AnnData that have nothing in them. */
static enum pw_status put_empty_parts(struct anndata_table *self, struct pw_error *error)
{
    static const char *const part[] = {"layers", "obsm", "obsp", "varm", "varp"};
    const struct pw_anndata_array none = {.kind = PW_ANNDATA_STRINGS, .length = 0, .chunk = 1};
    char var[4096 + 8];
    enum pw_status status = PW_OK;
    for (size_t i = 0; i < sizeof part / sizeof part[0] && status == PW_OK; i++)
        status =
            pw_anndata_group(self->directory, part[i], self->version, pw_anndata_attributes("dict", "0.1.0"), error);
    (void)snprintf(var, sizeof var, "%s/var", self->directory);
    if (status == PW_OK)
        status = put_frame(self, self->directory, "var", json_object_new_array(), error);
    if (status == PW_OK)
        status = pw_anndata_array_make(var, INDEX, self->version, error);
    return status == PW_OK ? pw_anndata_array_describe(var, INDEX, self->version, &none, error) : status;
}

/* Which labels the rows are of: what SpatialData asks for. */
static enum pw_status put_annotation(struct anndata_table *self, struct pw_error *error)
{
    const char *const name[3] = {"region", "region_key", "instance_key"};
    const char *const text[3] = {self->region, REGION, self->base.column[0].name};
    char uns[4096 + 8], path[4096 + 40];
    (void)snprintf(uns, sizeof uns, "%s/uns", self->directory);
    (void)snprintf(path, sizeof path, "%s/spatialdata_attrs", uns);
    enum pw_status status =
        pw_anndata_group(self->directory, "uns", self->version, pw_anndata_attributes("dict", "0.1.0"), error);
    if (status == PW_OK)
        status =
            pw_anndata_group(uns, "spatialdata_attrs", self->version, pw_anndata_attributes("dict", "0.1.0"), error);
    for (int i = 0; i < 3 && status == PW_OK; i++)
        status = put_text(self, path, name[i], PW_ANNDATA_STRING, text[i], error);
    return status;
}

static enum pw_status put_root(struct anndata_table *self, struct pw_error *error)
{
    struct json_object *attributes = pw_anndata_attributes("anndata", "0.1.0");
    const char *const pair[][2] = {{"spatialdata-encoding-type", "ngff:regions_table"},
                                   {"region", self->region},
                                   {"region_key", REGION},
                                   {"instance_key", self->base.column[0].name},
                                   {"version", self->version == 3 ? "0.2" : "0.1"}};
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++)
        (void)json_object_object_add(attributes, pair[i][0], json_object_new_string(pair[i][1]));
    return pw_anndata_group(self->directory, NULL, self->version, attributes, error);
}

static enum pw_status anndata_commit(struct pw_table *table, struct pw_error *error)
{
    struct anndata_table *self = of(table);
    enum pw_status status = PW_OK;
    if (self->rows > 0)
        status = flush(self, self->chunks > 0 ? PW_ANNDATA_ROWS : self->rows, error);
    if (status == PW_OK)
        status = describe_columns(self, error);
    if (status == PW_OK)
        status = put_empty_parts(self, error);
    if (status == PW_OK)
        status = put_annotation(self, error);
    return status == PW_OK ? put_root(self, error) : status;
}

/* ---- making ------------------------------------------------------------ */

static void anndata_close(struct pw_table *table)
{
    struct anndata_table *self = of(table);
    pw_codec_state_release(&self->codec);
    free(self->cells);
    free(self->index);
    free(self->encoded);
    free(self->text);
    free(self);
}

static const struct pw_table_ops ops = {anndata_row, anndata_commit, anndata_close};

static enum pw_status make_arrays(struct anndata_table *self, struct pw_error *error)
{
    /* Its attributes are written in the end; until then it is a group of none. */
    enum pw_status status = pw_anndata_group(self->directory, "obs", self->version, json_object_new_object(), error);
    for (int i = 0; i < self->base.n_columns && status == PW_OK; i++)
        if (self->base.column[i].kind != PW_CELL_TEXT)
            status = pw_anndata_array_make(self->obs, self->base.column[i].name, self->version, error);
    return status == PW_OK ? pw_anndata_array_make(self->obs, INDEX, self->version, error) : status;
}

enum pw_status pw_anndata_table_open(const char *directory, int version, const char *region,
                                     const struct pw_column *column, int n_columns, struct pw_table **table,
                                     struct pw_error *error)
{
    struct anndata_table *self = pw_alloc(1, sizeof *self, error);
    if (self == NULL)
        return PW_E_NOMEM;
    self->base.ops = &ops;
    self->base.column = column;
    self->base.n_columns = n_columns;
    self->version = version;
    self->index_used = 4;
    self->encoded_bytes = bound();
    (void)snprintf(self->region, sizeof self->region, "%s", region);
    (void)snprintf(self->directory, sizeof self->directory, "%s", directory);
    int n = snprintf(self->obs, sizeof self->obs, "%s/obs", directory);
    enum pw_status status = n > 0 && (size_t)n < sizeof self->obs
                                ? PW_OK
                                : pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", directory);
    self->cells = pw_alloc((uint64_t)n_columns * PW_ANNDATA_ROWS, ELEMENT_BYTES, error);
    self->index = pw_alloc(1, index_bytes(), error);
    self->encoded = pw_alloc(1, self->encoded_bytes, error);
    self->text = pw_alloc((uint64_t)n_columns, sizeof *self->text, error);
    if (self->cells == NULL || self->index == NULL || self->encoded == NULL || self->text == NULL)
        status = PW_E_NOMEM;
    if (status == PW_OK)
        status = make_arrays(self, error);
    if (status != PW_OK) {
        anndata_close(&self->base);
        return status;
    }
    *table = &self->base;
    return PW_OK;
}
