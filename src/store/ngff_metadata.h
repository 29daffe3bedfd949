/*
 * store/ngff_metadata - the metadata of a label image in OME-NGFF 0.4 (zarr v2) and 0.5 (zarr v3).
 *
 * Written as the specification's strict schemas want it and as viewers read it: object
 * form for every codec, axis names as dimension names, no unit outside the
 * specification's list, never an empty list of colours.
 *
 *     pw_ngff_write_array(&image, level, directory, error)    zarr.json, or .zarray and .zattrs
 *     pw_ngff_write_label(&image, directory, error)           of the group of levels; last
 *     pw_ngff_list_label(version, labels, name, error)        adds name to the list of labels/
 *
 * Errors: those of writing; PW_E_FORMAT when labels/ holds metadata that is no JSON.
 * Threads: no shared state.
 */
#ifndef PW_STORE_NGFF_METADATA_H
#define PW_STORE_NGFF_METADATA_H

#include "store/ngff_multiscale.h"

/* A label image that is written. */
struct pw_ngff_label {
    int version; /* of zarr: 2 or 3 */
    const char *name;
    const char *segmenter; /* may be NULL */
    uint64_t n_objects;
    struct pw_array_axes axes; /* names are not empty */
    int n_levels;
    const struct pw_output_array *level;
    const double (*scale)[3], (*translation)[3]; /* of each level, z y x */
    enum pw_pyramid_rule rule;                   /* that levels are made by */
};

enum pw_status pw_ngff_write_array(const struct pw_ngff_label *label, int level, const char *directory,
                                   struct pw_error *error);

/* The same of an array without a group, with the attributes of the array at old beside what is said of the label. */
enum pw_status pw_ngff_write_lone_array(const struct pw_ngff_label *label, const char *old, const char *directory,
                                        struct pw_error *error);
enum pw_status pw_ngff_write_label(const struct pw_ngff_label *label, const char *directory, struct pw_error *error);

/*
 * What labels/ lists with name added, its other metadata kept, or a new list; to be
 * given to pw_ngff_list_write() and freed with free().
 */
enum pw_status pw_ngff_list_prepare(int version, const char *labels, const char *name, char **text,
                                    struct pw_error *error);
enum pw_status pw_ngff_list_write(int version, const char *labels, const char *text, struct pw_error *error);

#endif
