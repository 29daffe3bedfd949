/*
 * store/ngff_multiscale - the part of OME-NGFF metadata that images and label images have in common: axes, levels, and where
 * their voxels lie.
 *
 * No unit outside the specification's list: viewers refuse others.
 *
 * Threads: no shared state.
 */
#ifndef PW_STORE_NGFF_MULTISCALE_H
#define PW_STORE_NGFF_MULTISCALE_H

#include "store/zarr_metadata.h"

struct pw_ngff_multiscale {
    int version; /* of zarr: 2 (NGFF 0.4) or 3 (0.5) */
    const char *name;
    struct pw_array_axes axes; /* names are not empty */
    int n_levels;
    const double (*scale)[3], (*translation)[3]; /* of each level, z y x */
    const char *type, *method;                   /* how smaller levels are made */
};

/* "multiscales": a list of one. */
struct json_object *pw_ngff_multiscales(const struct pw_ngff_multiscale *multiscale);

/* One of its datasets, at path "l". */
struct json_object *pw_ngff_dataset(const struct pw_ngff_multiscale *multiscale, int l);

/*
 * The attributes of a group with what is under "ome" from version 0.5 on: *ome is where those keys belong.  The
 * caller owns the attributes.
 */
struct json_object *pw_ngff_attributes(int version, struct json_object **ome);

/* Whether unit is one that OME-NGFF knows for a space axis, or a time axis. */
int pw_ngff_unit_is_known(const char *unit);
int pw_ngff_time_unit_is_known(const char *unit);

#endif
