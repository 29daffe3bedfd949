/*
 * base/json_make - JSON objects that are written, in few words.
 *
 *     struct json_object *axis = pw_json_single("name", pw_json_make_text("z"));
 *     pw_json_set(axis, "type", pw_json_make_text("space"));
 *
 * Ownership: what is put into an object or a list is given to it.  Memory that is refused makes values null, which whoever
 * prints the whole finds out.  Threads: no shared state.
 */
#ifndef PW_BASE_JSON_MAKE_H
#define PW_BASE_JSON_MAKE_H

#include <json-c/json.h>

#include "patchworks.h"

struct json_object *pw_json_make_text(const char *value);
struct json_object *pw_json_make_real(double value); /* the shortest decimal that reads back as value */
struct json_object *pw_json_make_whole(uint64_t value);
struct json_object *pw_json_make_wholes(const uint64_t *value, int n);

void pw_json_set(struct json_object *object, const char *key, struct json_object *value);
void pw_json_append(struct json_object *list, struct json_object *value);

/* {key: value} */
struct json_object *pw_json_single(const char *key, struct json_object *value);

#endif
