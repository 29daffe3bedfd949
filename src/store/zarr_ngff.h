/*
 * store/zarr_ngff - what OME-NGFF metadata says about an image: axes, levels, labels.
 *
 * Reads versions 0.1 to 0.5 and is lenient: of the stores found in the wild most
 * break a rule of the specification.  A missing or odd transformation counts as
 * scale 1, as does a scale that is not positive; a wrong number of axes is an error.
 *
 * Ownership: pw_ngff_labels() allocates; free with pw_ngff_labels_free().
 */
#ifndef PW_STORE_ZARR_NGFF_H
#define PW_STORE_ZARR_NGFF_H

#include "base/names.h"
#include "store/zarr_node.h"

/* The first multiscales entry of a group; NULL when it is no image. */
const struct json_object *pw_ngff_multiscale(const struct pw_zarr_node *group);

/* The number of its levels. */
int pw_ngff_level_count(const struct json_object *multiscale);

/* The path of a level relative to the group; NULL when it is missing or leads out of it. */
const char *pw_ngff_level_path(const struct json_object *multiscale, int level);

/* The level whose path is path, or -1. */
int pw_ngff_level_find(const struct json_object *multiscale, const char *path);

/*
 * Fills axes, levels, is_label and n_objects of info, whose rank and shape are those
 * of the array at level.  The shape of a level whose metadata cannot be read stays 0.
 */
enum pw_status pw_ngff_describe(const struct pw_zarr_node *group, int level, struct pw_image_info *info,
                                struct pw_error *error);

/* The label images listed in the labels group below an image. */
enum pw_status pw_ngff_labels(const struct pw_zarr_node *group, char ***names, int *count, struct pw_error *error);
void pw_ngff_labels_free(char **names, int count);

/* The labels of the channels, as omero metadata has them; "" for one without, and none without such metadata. */
enum pw_status pw_ngff_channels(const struct pw_zarr_node *group, struct pw_names *names, struct pw_names *shows,
                                struct pw_error *error);

/* 't' 'c' 's' of a well-known axis name, '?' of another. */
char pw_ngff_axis_kind(const char *name);

#endif
