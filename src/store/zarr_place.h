/*
 * store/zarr_place - where a label image is built, and how it comes into view.
 *
 * Alone: PATH becomes a plain group with the label image at PATH/labels/NAME.  Into an
 * image: the label image is added to (or replaced in) the labels of the group at PATH.
 * In place: the label image or the bare array at PATH is replaced by one of its kind.
 * Each is built in a hidden directory beside its place and renamed there when it is whole,
 * so that a killed run leaves the old result or the new one, never half of one.
 *
 *     pw_zarr_place_init(&place, request, error)     checks only; nothing is made
 *     pw_zarr_place_start(&place, error)             place.build is a new, empty directory
 *     ... write the label image to place.build ...
 *     pw_zarr_place_commit(&place, error)            synced and in view as place.label_path
 *     pw_zarr_place_abort(&place)                    or gone; nothing after commit
 *
 * What is replaced must be asked for (overwrite) and be what it is taken for: a store
 * that holds labels only, or a label image.  Anything else is refused, never deleted.
 *
 * Errors: PW_E_EXISTS, PW_E_NOT_FOUND, PW_E_ARGUMENT, PW_E_IO, and PW_E_FORMAT for a
 * store with broken metadata.  Threads: one at a time.
 */
#ifndef PW_STORE_ZARR_PLACE_H
#define PW_STORE_ZARR_PLACE_H

#include "store/sink.h"
#include "sys/tree.h"

struct pw_zarr_place {
    int version; /* of zarr: 2 or 3 */
    int into_image;
    int labels_alone; /* a store of its own */
    int is_array;     /* in place of a bare array: build is the array itself */
    int overwrite;
    int made_labels;                     /* the labels directory is ours */
    char name[PW_NAME_MAX];              /* of the label image */
    char final[PW_TREE_PATH_BYTES];      /* what is renamed: the store, or the label image */
    char labels[PW_TREE_PATH_BYTES];     /* into an image: its labels */
    char label_path[PW_TREE_PATH_BYTES]; /* where the label image will be */
    char hidden[PW_TREE_PATH_BYTES];     /* "" while there is none */
    int lock;                            /* of hidden, while there is one */
    char build[PW_TREE_PATH_BYTES];      /* the label image, within hidden */
};

enum pw_status pw_zarr_place_init(struct pw_zarr_place *place, const struct pw_sink_request *request,
                                  struct pw_error *error);
enum pw_status pw_zarr_place_start(struct pw_zarr_place *place, struct pw_error *error);
enum pw_status pw_zarr_place_commit(struct pw_zarr_place *place, struct pw_error *error);
void pw_zarr_place_abort(struct pw_zarr_place *place); /* safe when nothing was started */

#endif
