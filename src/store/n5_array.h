/*
 * store/n5_array - the attributes.json of an N5 data set, checked, and what N5's image conventions say of its axes.
 *
 * N5 names the fastest axis first; everything here is the other way round, slowest first, as in the rest of patchworks.
 *
 *     struct pw_n5_array array = {0};
 *     status = pw_n5_open(path, level, &array, error);
 *
 * A path to a data set is that; one to a group with data sets s0, s1, ... (n5-viewer, n5-ij, COSEM, Paintera,
 * BigDataViewer) is its level.  Scales come from pixelResolution or resolution and downsamplingFactors (or scales),
 * of the data set, its group or the group above, and from a COSEM transform.  Odd ones count as 1.
 *
 * Errors: PW_E_NOT_FOUND (no attributes.json), PW_E_FORMAT, PW_E_UNSUPPORTED, PW_E_ARGUMENT, naming the file.
 * Threads: no shared state.
 */
#ifndef PW_STORE_N5_ARRAY_H
#define PW_STORE_N5_ARRAY_H

#include "codec/codec.h"
#include "patchworks.h"

struct pw_n5_array {
    char directory[4096];
    const struct pw_codec *codec; /* NULL: raw */
    struct pw_image_info info;
};

/* Whether the directory is an N5 data set or group. */
int pw_n5_exists(const char *directory);

enum pw_status pw_n5_open(const char *path, int level, struct pw_n5_array *array, struct pw_error *error);

/* ---- the parts, one file each ---- */

struct json_object;

/* n5_array.c: attributes of a directory; NULL with PW_OK when it has none. */
enum pw_status pw_n5_attributes(const char *directory, struct json_object **out, struct pw_error *error);

/* n5_levels.c: how many data sets s0, s1, ... are in group. */
int pw_n5_level_count(const char *group);

/*
 * n5_levels.c: fills axes and levels of info, whose shape is set, for the data set in directory, which is level level
 * of n of its group; n is 0 for one that stands alone.
 */
void pw_n5_describe(const char *directory, int level, int n, struct pw_image_info *info);

#endif
