#include "table/object_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"

enum source {
    ID,
    TIME,
    VOXELS,
    SIZE,
    SIZE_UNIT,
    BOX_START,
    BOX_END,
    CENTROID,
    POSITION,
    FIRST,
    MEAN,
    LEAST,
    GREATEST,
    DEVIATION,
    SUM,
    N_TILES,
    CROSSES_SEAM,
    TOUCHES_BORDER
};

struct pw_object_field {
    enum source source;
    uint32_t index; /* axis or channel */
};

/* ---- making the columns ------------------------------------------------ */

static void add(struct pw_object_columns *columns, enum source source, uint32_t index, enum pw_cell_kind kind,
                const char *name)
{
    struct pw_column *column = &columns->column[columns->n];
    (void)snprintf(column->name, sizeof column->name, "%s", name);
    column->kind = kind;
    columns->field[columns->n] = (struct pw_object_field){source, index};
    columns->n++;
}

/* One column for each axis: the name with the axis in place of the '*'. */
static void add_axes(struct pw_object_columns *columns, enum source source, enum pw_cell_kind kind, const char *name)
{
    static const char letter[3] = {'z', 'y', 'x'};
    int names_numbered = columns->about.names == PW_COLUMNS_SKIMAGE;
    for (uint32_t i = names_numbered && columns->about.rank == 2 ? 1 : 0; i < 3; i++) {
        char text[PW_COLUMN_NAME_BYTES];
        if (names_numbered)
            (void)snprintf(text, sizeof text, "%s-%d", name,
                           (int)i - (3 - columns->about.rank) + (source == BOX_END ? columns->about.rank : 0));
        else
            (void)snprintf(text, sizeof text, "%.*s%c%s", (int)strcspn(name, "*"), name, letter[i],
                           strchr(name, '*') + 1);
        add(columns, source, i, kind, text);
    }
}

/* One channel's column; the number of the channel is in the name when there are several. */
static void add_channel(struct pw_object_columns *columns, enum source source, uint32_t c, enum pw_cell_kind kind,
                        const char *name, char separator)
{
    char text[PW_COLUMN_NAME_BYTES];
    if (columns->about.form->n_channels == 1)
        (void)snprintf(text, sizeof text, "%s", name);
    else
        (void)snprintf(text, sizeof text, "%s%c%u", name, separator, columns->about.first_channel + c);
    add(columns, source, c, kind, text);
}

static void own_columns(struct pw_object_columns *columns)
{
    const struct pw_measure_form *form = columns->about.form;
    int is_float = pw_dtype_is_float(form->dtype);
    enum pw_cell_kind extreme = is_float                          ? PW_CELL_REAL
                                : pw_dtype_is_signed(form->dtype) ? PW_CELL_SIGNED
                                                                  : PW_CELL_UNSIGNED;
    add(columns, ID, 0, PW_CELL_UNSIGNED, "id");
    if (columns->about.with_time)
        add(columns, TIME, 0, PW_CELL_UNSIGNED, "time");
    add(columns, VOXELS, 0, PW_CELL_UNSIGNED, "voxels");
    add(columns, SIZE, 0, PW_CELL_REAL, "size");
    add(columns, SIZE_UNIT, 0, PW_CELL_TEXT, "size_unit");
    add_axes(columns, BOX_START, PW_CELL_UNSIGNED, "*0");
    add_axes(columns, BOX_END, PW_CELL_UNSIGNED, "*1");
    add_axes(columns, CENTROID, PW_CELL_REAL, "centroid_*");
    add_axes(columns, POSITION, PW_CELL_REAL, "position_*");
    add_axes(columns, FIRST, PW_CELL_UNSIGNED, "first_*");
    for (uint32_t c = 0; c < form->n_channels; c++) {
        add_channel(columns, MEAN, c, PW_CELL_REAL, "mean", '_');
        add_channel(columns, LEAST, c, extreme, "min", '_');
        add_channel(columns, GREATEST, c, extreme, "max", '_');
        add_channel(columns, DEVIATION, c, PW_CELL_REAL, "std", '_');
        add_channel(columns, SUM, c, is_float ? PW_CELL_REAL : PW_CELL_WIDE, "sum", '_');
    }
    if (columns->about.with_tiles) {
        add(columns, N_TILES, 0, PW_CELL_UNSIGNED, "n_tiles");
        add(columns, CROSSES_SEAM, 0, PW_CELL_FLAG, "crosses_seam");
    }
    add(columns, TOUCHES_BORDER, 0, PW_CELL_FLAG, "touches_border");
}

/* What skimage.measure.regionprops_table() calls its columns; in voxels, and of as many axes as the image has. */
static void skimage_columns(struct pw_object_columns *columns)
{
    const struct pw_measure_form *form = columns->about.form;
    static const enum source source[4] = {MEAN, LEAST, GREATEST, DEVIATION};
    static const char *const name[4] = {"intensity_mean", "intensity_min", "intensity_max", "intensity_std"};
    int is_float = pw_dtype_is_float(form->dtype);
    enum pw_cell_kind extreme = is_float                          ? PW_CELL_REAL
                                : pw_dtype_is_signed(form->dtype) ? PW_CELL_SIGNED
                                                                  : PW_CELL_UNSIGNED;
    add(columns, ID, 0, PW_CELL_UNSIGNED, "label");
    if (columns->about.with_time)
        add(columns, TIME, 0, PW_CELL_UNSIGNED, "time");
    add(columns, VOXELS, 0, PW_CELL_UNSIGNED, "area");
    add_axes(columns, BOX_START, PW_CELL_UNSIGNED, "bbox");
    add_axes(columns, BOX_END, PW_CELL_UNSIGNED, "bbox");
    add_axes(columns, CENTROID, PW_CELL_REAL, "centroid");
    for (int i = 0; i < 4; i++)
        for (uint32_t c = 0; c < form->n_channels; c++)
            add_channel(columns, source[i], c, i == 1 || i == 2 ? extreme : PW_CELL_REAL, name[i], '-');
}

/* "micrometer^3" where all axes have one unit, "second*meter*meter" where not, "voxel" without any. */
static void name_unit(struct pw_object_columns *columns)
{
    const struct pw_axis *axis = columns->about.axis + 3 - columns->about.rank;
    int rank = columns->about.rank, same = 1, any = 0;
    size_t used = 0;
    for (int i = 0; i < rank; i++) {
        same = same && strcmp(axis[i].unit, axis[0].unit) == 0;
        any = any || axis[i].unit[0] != '\0';
    }
    if (!any || same) {
        (void)snprintf(columns->size_unit, sizeof columns->size_unit, any ? "%s^%d" : "voxel", axis[0].unit, rank);
        return;
    }
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(columns->size_unit + used, sizeof columns->size_unit - used, "%s%s", i > 0 ? "*" : "",
                                 axis[i].unit[0] != '\0' ? axis[i].unit : "voxel");
}

int pw_object_columns_most(const struct pw_measure_form *form)
{
    uint64_t most = 29 + 5 * (uint64_t)form->n_channels;
    return most < PW_COLUMNS_MAX ? (int)most : PW_COLUMNS_MAX;
}

enum pw_status pw_object_columns_init(struct pw_object_columns *columns, const struct pw_object_about *about,
                                      struct pw_error *error)
{
    memset(columns, 0, sizeof *columns);
    columns->about = *about;
    uint64_t most = (uint64_t)pw_object_columns_most(about->form);
    if (most == PW_COLUMNS_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "a table of %u channels: choose one with --channel",
                       about->form->n_channels);
    columns->column = pw_alloc(most, sizeof *columns->column, error);
    columns->field = pw_alloc(most, sizeof *columns->field, error);
    columns->cell = pw_alloc(most, sizeof *columns->cell, error);
    if (columns->column == NULL || columns->field == NULL || columns->cell == NULL)
        return PW_E_NOMEM;
    name_unit(columns);
    if (about->names == PW_COLUMNS_SKIMAGE)
        skimage_columns(columns);
    else
        own_columns(columns);
    return PW_OK;
}

void pw_object_columns_release(struct pw_object_columns *columns)
{
    free(columns->column);
    free(columns->field);
    free(columns->cell);
    memset(columns, 0, sizeof *columns);
}

/* ---- filling them ------------------------------------------------------- */

int pw_object_touches_border(const uint64_t start[3], const uint64_t end[3], const struct pw_box *part)
{
    for (int i = 0; i < 3; i++)
        if (part->shape[i] > 1 && (start[i] == part->start[i] || end[i] == part->start[i] + part->shape[i]))
            return 1;
    return 0;
}

static double size_of(const struct pw_object_about *about, uint64_t voxels)
{
    double size = (double)voxels;
    for (int i = 3 - about->rank; i < 3; i++)
        size *= about->axis[i].scale;
    return size;
}

static void fill_place(const struct pw_object_columns *columns, const struct pw_object_field *field,
                       const struct pw_object *object, const double centroid[3], struct pw_cell *cell)
{
    const struct pw_object_about *about = &columns->about;
    const struct pw_measure_total *total = &object->total;
    uint32_t i = field->index;
    switch (field->source) {
    case ID: cell->u = object->id; break;
    case TIME: cell->u = about->first_time + object->time; break;
    case VOXELS: cell->u = total->voxels; break;
    case SIZE: cell->real = size_of(about, total->voxels); break;
    case SIZE_UNIT: cell->text = columns->size_unit; break;
    case BOX_START: cell->u = total->start[i]; break;
    case BOX_END: cell->u = total->end[i]; break;
    case CENTROID: cell->real = centroid[i]; break;
    case POSITION: cell->real = centroid[i] * about->axis[i].scale + about->axis[i].translation; break;
    case FIRST: cell->u = total->first[i]; break;
    case N_TILES: cell->u = object->n_tiles; break;
    case CROSSES_SEAM: cell->u = object->n_tiles > 1; break;
    default: cell->u = (uint64_t)pw_object_touches_border(total->start, total->end, &about->part); break;
    }
}

static void fill_extreme(const struct pw_measure_form *form, union pw_extreme value, struct pw_cell *cell)
{
    if (pw_dtype_is_float(form->dtype))
        cell->real = value.f;
    else
        cell->u = value.u;
}

static void fill_intensity(const struct pw_measure_form *form, enum source source, const struct pw_intensity *intensity,
                           struct pw_cell *cell)
{
    switch (source) {
    case MEAN: cell->real = intensity->mean; break;
    case DEVIATION: cell->real = intensity->deviation; break;
    case LEAST: fill_extreme(form, intensity->least, cell); break;
    case GREATEST: fill_extreme(form, intensity->greatest, cell); break;
    default:
        cell->real = intensity->sum;
        memcpy(cell->wide, intensity->whole_sum, sizeof cell->wide);
        break;
    }
}

void pw_object_columns_fill(struct pw_object_columns *columns, const struct pw_object *object)
{
    const struct pw_measure_form *form = columns->about.form;
    struct pw_intensity intensity = {0};
    double centroid[3];
    uint32_t known = UINT32_MAX;
    pw_measure_total_centroid(&object->total, centroid);
    for (int i = 0; i < columns->n; i++) {
        const struct pw_object_field *field = &columns->field[i];
        if (field->source < MEAN || field->source > SUM) {
            fill_place(columns, field, object, centroid, &columns->cell[i]);
            continue;
        }
        if (field->index != known)
            pw_measure_total_intensity(&object->total, field->index, &intensity);
        known = field->index;
        fill_intensity(form, field->source, &intensity, &columns->cell[i]);
    }
}
