/*
 * table/anndata_nodes - groups and arrays of zarr, version 2 or 3, with the attributes that AnnData gives them.
 *
 * Errors: those of writing, with the path.  Threads: pure functions but for the files.
 */
#ifndef PW_TABLE_ANNDATA_NODES_H
#define PW_TABLE_ANNDATA_NODES_H

#include <json-c/json.h>

#include "patchworks.h"

/* "encoding-type" and "encoding-version", for more to be added. */
struct json_object *pw_anndata_attributes(const char *type, const char *version);

/* Makes parent/name (name NULL: parent, which is there) a group, and gives attributes up. */
enum pw_status pw_anndata_group(const char *parent, const char *name, int version, struct json_object *attributes,
                                struct pw_error *error);

enum pw_anndata_kind {
    PW_ANNDATA_NUMBERS,
    PW_ANNDATA_STRINGS, /* each with its length before it, in UTF-8 */
    PW_ANNDATA_STRING   /* a single one, not an array of one */
};

/* An array of one axis. */
struct pw_anndata_array {
    enum pw_anndata_kind kind;
    enum pw_dtype dtype; /* of numbers */
    uint64_t length, chunk;
};

/* Makes the directory of an array, where its chunks go: parent/name. */
enum pw_status pw_anndata_array_make(const char *parent, const char *name, int version, struct pw_error *error);

/* Writes its metadata. */
enum pw_status pw_anndata_array_describe(const char *parent, const char *name, int version,
                                         const struct pw_anndata_array *array, struct pw_error *error);

/* Writes the encoded bytes of a chunk. */
enum pw_status pw_anndata_chunk_put(const char *parent, const char *name, int version, uint64_t chunk,
                                    const void *encoded, size_t n, struct pw_error *error);

/* An array of one chunk, or a single string, whole. */
enum pw_status pw_anndata_array_put_one(const char *parent, const char *name, int version,
                                        const struct pw_anndata_array *array, const void *encoded, size_t n,
                                        struct pw_error *error);

#endif
