/*
 * table/table_place - where the table of a label image is in its store: LABELS/tables/objects.
 *
 * In a label image that is being written the group is made where it belongs, and comes into view with it.  In one
 * that is there already it is built in a hidden directory beside its place and renamed when it is whole.
 *
 *     pw_table_place_init(&place, labels, version, overwrite, error)    of a label image in view; checks only
 *     pw_table_place_inside(&place, building, version, error)           or of one that is being written
 *     pw_table_place_start(&place, error)                               place.build is a new, empty directory
 *     pw_table_place_commit(&place, error)                              in view, and in the list of tables
 *     pw_table_place_abort(&place)                                      or gone; nothing after commit
 *
 * Errors: PW_E_EXISTS without overwrite, PW_E_ARGUMENT, PW_E_IO, PW_E_FORMAT for a broken list.
 * Threads: one at a time.
 */
#ifndef PW_TABLE_TABLE_PLACE_H
#define PW_TABLE_TABLE_PLACE_H

#include "patchworks.h"
#include "sys/tree.h"

struct pw_table_place {
    int version; /* of zarr: 2 or 3 */
    int inside;
    int overwrite;
    int made_tables;                 /* the tables group is ours */
    char tables[PW_TREE_PATH_BYTES]; /* LABELS/tables */
    char final[PW_TREE_PATH_BYTES];  /* LABELS/tables/objects */
    char build[PW_TREE_PATH_BYTES];  /* "" while there is none */
    int lock;                        /* of build, while it is hidden */
};

enum pw_status pw_table_place_init(struct pw_table_place *place, const char *labels, int version, int overwrite,
                                   struct pw_error *error);
enum pw_status pw_table_place_inside(struct pw_table_place *place, const char *labels, int version,
                                     struct pw_error *error);
enum pw_status pw_table_place_start(struct pw_table_place *place, struct pw_error *error);
enum pw_status pw_table_place_commit(struct pw_table_place *place, struct pw_error *error);
void pw_table_place_abort(struct pw_table_place *place); /* safe on a zeroed one */

#endif
