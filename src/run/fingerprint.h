/*
 * run/fingerprint - what the records of a run's tiles depend on, as text that can be compared.
 *
 * The image (path, the files that it is read from, shape and type), the part of it, the mask, the tiles, what is kept of
 * them, which tiles are skipped, and the segmentation function: the words of its specification and the files that they
 * name (run/read_files.h).  A change within the chunks of a store that is a directory is not seen.
 */
#ifndef PW_RUN_FINGERPRINT_H
#define PW_RUN_FINGERPRINT_H

#include "base/json.h"
#include "run/job.h"

/* Which image it is, a part of the next. */
struct json_object *pw_fingerprint_image(const struct pw_job *job);

/* A new object; json_object_put() frees it. */
struct json_object *pw_fingerprint_of(const struct pw_job *job);

/*
 * Compares the fingerprint in the file at path with mine.  Returns 1 when they are the same, else 0 with the first
 * difference in text: "its tile is [1,8,8], not [1,16,16]", "seeds.npy has changed since".
 */
int pw_fingerprint_is(const char *path, struct json_object *mine, char *text, size_t capacity);

#endif
