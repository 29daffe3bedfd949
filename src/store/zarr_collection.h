/*
 * store/zarr_collection - stores of several images: bioformats2raw series, HCS plates and their wells.
 *
 *     struct pw_zarr_member member = {0};
 *     status = pw_zarr_choose_member(kv, path, options, &member, error);     member.path is the image to open
 *     pw_zarr_member_release(&member);
 *
 * A path that is one image, or an array, is left as it is.  What is chosen is named by options->series and options->well;
 * a store with one image needs no choice.
 *
 * Errors: PW_E_ARGUMENT with the names that there are; those of reading metadata.
 * Threads: no shared state.
 */
#ifndef PW_STORE_ZARR_COLLECTION_H
#define PW_STORE_ZARR_COLLECTION_H

#include "base/names.h"
#include "store/zarr_node.h"

/* What was chosen.  Safe to release when zeroed. */
struct pw_zarr_member {
    char path[4096];
    int series;                   /* its number, of n_series */
    struct pw_names series_names; /* of a store of series; empty elsewhere */
};

enum pw_status pw_zarr_choose_member(const struct pw_kv *kv, const char *path, const struct pw_open_options *options,
                                     struct pw_zarr_member *member, struct pw_error *error);
void pw_zarr_member_release(struct pw_zarr_member *member);

/*
 * All images of the store at path: where each is, and what it is called ("A/1/0" in a plate, the name of a series).
 * kind says what the store is; of one image it lists nothing.  The caller releases both lists.
 */
enum pw_status pw_zarr_list_members(const struct pw_kv *kv, const char *path, enum pw_collection_kind *kind,
                                    struct pw_names *paths, struct pw_names *names, struct pw_error *error);

#endif
