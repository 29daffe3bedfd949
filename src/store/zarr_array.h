/*
 * store/zarr_array - the metadata of one zarr array, v2 or v3, checked and in one form.
 *
 *     struct pw_zarr_array array = {0};
 *     status = pw_zarr_array_parse(&node, &array, error);
 *     pw_zarr_array_release(&array);                          safe on a zeroed array
 *
 * What patchworks does not read is refused by its name (PW_E_UNSUPPORTED); what
 * contradicts itself or overflows is PW_E_FORMAT.  Nothing is allocated in
 * proportion to a number in the metadata.
 */
#ifndef PW_STORE_ZARR_ARRAY_H
#define PW_STORE_ZARR_ARRAY_H

#include "store/zarr_chain.h"
#include "store/zarr_node.h"

#define PW_ZARR_KEY_BYTES 200 /* 8 indices of 20 digits, separators, "c/" */

struct pw_zarr_array {
    int version;
    int rank;
    uint64_t shape[PW_MAX_RANK];
    enum pw_dtype dtype;
    uint64_t fill;
    char separator;                  /* of chunk keys: '.' or '/' */
    int key_prefix;                  /* keys begin with "c" (v3 "default") */
    struct pw_zarr_chain chain;      /* of the chunks (shards) of the grid */
    char axis_name[PW_MAX_RANK][16]; /* v3 dimension_names, v2 _ARRAY_DIMENSIONS; "" when absent */
    char codec_text[160];
};

enum pw_status pw_zarr_array_parse(const struct pw_zarr_node *node, struct pw_zarr_array *array,
                                   struct pw_error *error);
void pw_zarr_array_release(struct pw_zarr_array *array);

/* The key of the chunk (shard) at index, relative to the array's directory. */
void pw_zarr_array_key(const struct pw_zarr_array *array, const uint64_t *index, char key[PW_ZARR_KEY_BYTES]);

/* ---- the parts of the parser, one file each ---- */

/* zarr_v2.c and zarr_v3.c: everything but what both versions share. */
enum pw_status pw_zarr_v2_parse(const struct pw_zarr_node *node, struct pw_zarr_array *array, struct pw_error *error);
enum pw_status pw_zarr_v3_parse(const struct pw_zarr_node *node, struct pw_zarr_array *array, struct pw_error *error);

/* What the codec parsers know of the array, and the text that describes its codecs. */
struct pw_zarr_context {
    const char *path; /* of the metadata, for messages */
    enum pw_dtype dtype;
    char *text;
    size_t text_bytes;
};

/* Appends to the description. */
void pw_zarr_describe(const struct pw_zarr_context *context, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* zarr_codecs.c: appends a step; refuses too many. */
enum pw_status pw_zarr_add_step(const struct pw_zarr_context *context, const struct pw_zarr_step *step,
                                struct pw_zarr_chain *chain, struct pw_error *error);

/*
 * zarr_codecs.c: appends what turns bytes into bytes and is called name (v2 id, v3 name without
 * "numcodecs.") with its configuration to chain; refuses unknown ones by name.
 */
enum pw_status pw_zarr_add_codec(const struct pw_zarr_context *context, const char *name,
                                 const struct json_object *configuration, struct pw_zarr_chain *chain,
                                 struct pw_error *error);

/* What a filter needs of the array: nothing; its elements; its elements in their order. */
enum pw_zarr_filter_class {
    PW_ZARR_FILTER_UNKNOWN,
    PW_ZARR_FILTER_BYTES,
    PW_ZARR_FILTER_EACH,
    PW_ZARR_FILTER_ORDERED
};

/* zarr_filters.c: numcodecs' filters and checksums; name is one that pw_zarr_filter_find(), pw_checksum_find() knows. */
enum pw_zarr_filter_class pw_zarr_filter_find(const char *name);
enum pw_status pw_zarr_add_filter(const struct pw_zarr_context *context, const char *name,
                                  const struct json_object *configuration, struct pw_zarr_chain *chain,
                                  struct pw_error *error);
enum pw_status pw_zarr_add_checksum(const struct pw_zarr_context *context, const char *name,
                                    const struct json_object *configuration, struct pw_zarr_chain *chain,
                                    struct pw_error *error);

/* zarr_codecs.c: the codec list of v3; chain's rank, shape and element_bytes are set.  depth 0 for the array's. */
enum pw_status pw_zarr_v3_codecs(const struct pw_zarr_context *context, const struct json_object *list, int depth,
                                 struct pw_zarr_chain *chain, struct pw_error *error);

/*
 * The name and configuration of a v3 extension point: a string, or an object with
 * "name" and perhaps "configuration".  NULL when value is neither.
 */
const char *pw_zarr_extension(const struct json_object *value, struct json_object **configuration);

#endif
