/*
 * table/object_columns - the columns of a table of objects, and the cells of one object.  doc/OBJECTS.md lists them.
 *
 *     pw_object_columns_init(&columns, &about, error)
 *     pw_object_columns_fill(&columns, &object)          columns.cell is then a row of columns.column
 *     pw_object_columns_release(&columns)
 *
 * Threads: one at a time.
 */
#ifndef PW_TABLE_OBJECT_COLUMNS_H
#define PW_TABLE_OBJECT_COLUMNS_H

#include "base/region.h"
#include "table/object_sort.h"
#include "table/table.h"

/* What the columns depend on. */
struct pw_object_about {
    const struct pw_measure_form *form;
    uint32_t first_channel; /* number of the first that was measured, for names */
    int rank;               /* of the image: 2 or 3 */
    struct pw_box part; /* of the volume of a time point, that was looked at: it has the border that objects touch */
    struct pw_axis axis[3]; /* z y x: scale, translation and unit */
    int with_tiles;         /* the columns that depend on the tiles */
    int with_time;          /* a column of the time point */
    uint64_t first_time;    /* number of the grid's first in the image */
    enum pw_table_columns names;
};

struct pw_object_field; /* where the cell of a column comes from */

struct pw_object_columns {
    struct pw_object_about about;
    struct pw_column *column;
    struct pw_object_field *field;
    struct pw_cell *cell;
    int n;
    char size_unit[112];
};

/* The most columns there can be. */
int pw_object_columns_most(const struct pw_measure_form *form);

enum pw_status pw_object_columns_init(struct pw_object_columns *columns, const struct pw_object_about *about,
                                      struct pw_error *error);
void pw_object_columns_release(struct pw_object_columns *columns); /* safe on a zeroed one */
void pw_object_columns_fill(struct pw_object_columns *columns, const struct pw_object *object);

/*
 * Whether a box, [start, end), touches the border of part.  An axis of one voxel has no border: all would
 * touch it.
 */
int pw_object_touches_border(const uint64_t start[3], const uint64_t end[3], const struct pw_box *part);

#endif
