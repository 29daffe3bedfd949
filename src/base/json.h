/*
 * base/json - reading JSON metadata that may be broken or hostile.
 *
 *     struct json_object *meta;
 *     if (pw_json_load(path, &meta, error) != PW_OK)  ...      PW_E_NOT_FOUND when there is no such file
 *     struct pw_json place = {meta, path};                      path is for messages
 *     status = pw_json_u64_list(&place, "shape", PW_MAX_RANK, shape, &rank, error);
 *     json_object_put(meta);
 *
 * A leading UTF-8 byte order mark is skipped, bare NaN and Infinity are numbers
 * (Python writes them), nesting is limited and so is the size of a file.  Integers
 * keep all 64 bits.
 *
 * Ownership: pw_json_load() and pw_json_parse() give a reference to the caller;
 * the getters hand out pointers that live as long as the object asked.
 * Errors: PW_E_FORMAT with the path and the key.  Threads: no shared state.
 */
#ifndef PW_BASE_JSON_H
#define PW_BASE_JSON_H

#include <json-c/json.h>

#include "patchworks.h"

/* The root of a plate of 1536 wells that holds a copy of all metadata below it (zarr v3, consolidated) is of 40 MB. */
#define PW_JSON_BYTES_MAX ((size_t)64 << 20)
#define PW_JSON_DEPTH_MAX 32

/* An object and where it comes from. */
struct pw_json {
    struct json_object *object;
    const char *path;
};

enum pw_status pw_json_parse(const char *text, size_t n, const char *path, struct json_object **out,
                             struct pw_error *error);
enum pw_status pw_json_load(const char *path, struct json_object **out, struct pw_error *error);

/* The member key of object; NULL when absent, null, or object is no JSON object. */
struct json_object *pw_json_get(const struct json_object *object, const char *key);

/* The same, of the given type only. */
struct json_object *pw_json_get_typed(const struct json_object *object, const char *key, enum json_type type);

/* The text of a string member, NULL when it is absent or no string. */
const char *pw_json_text(const struct json_object *object, const char *key);

/* A non-negative integer; also one that is written as 3.0.  Returns 0 when value is none. */
int pw_json_to_u64(const struct json_object *value, uint64_t *out);

/* A finite number.  Returns 0 when value is none. */
int pw_json_to_double(const struct json_object *value, double *out);

/* A list of at most max non-negative integers.  PW_E_UNSUPPORTED when it is longer. */
enum pw_status pw_json_u64_list(const struct pw_json *place, const char *key, int max, uint64_t *out, int *count,
                                struct pw_error *error);

/* value as text for a message, cut to fit. */
void pw_json_excerpt(const struct json_object *value, char *out, size_t out_bytes);

#endif
