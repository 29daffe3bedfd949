/*
 * Labels as NRRD (.nrrd, or .nhdr with the elements in a .raw beside it) and as MetaImage (.mha, or .mhd with a .raw): a
 * header in text, and rows.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/raster_sink.h"

/* Axes fastest first, as both formats list them: x y z, then time. */
struct axes {
    int n, n_space;
    const struct pw_axis *axis[4];
    uint64_t size[4];
};

static struct axes axes_of(const struct pw_raster_labels *labels)
{
    struct axes axes = {.n_space = labels->axes.rank};
    for (int i = 2; i >= 3 - labels->axes.rank; i--) {
        axes.axis[axes.n] = &labels->axes.space[i];
        axes.size[axes.n++] = labels->shape[i];
    }
    if (labels->axes.has_time) {
        axes.axis[axes.n] = &labels->axes.time;
        axes.size[axes.n++] = labels->axes.times;
    }
    return axes;
}

static double step(const struct pw_axis *axis)
{
    return isfinite(axis->scale) && axis->scale > 0 ? axis->scale : 1;
}

static double origin(const struct pw_axis *axis)
{
    return isfinite(axis->translation) ? axis->translation : 0;
}

/* Text behind what there is; what does not fit is cut, and headers are far shorter than there is room for. */
static void add(char *header, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char *header, const char *format, ...)
{
    va_list args;
    size_t used = strlen(header);
    va_start(args, format);
    (void)vsnprintf(header + used, PW_RASTER_HEADER_MAX - used, format, args);
    va_end(args);
}

static int is_big_endian(void)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

/* ---- NRRD ---- */

/* A grid in space, with its origin. */
static void add_space(char *header, const struct axes *axes)
{
    add(header, "\nspace dimension: %d\nspace directions:", axes->n);
    for (int i = 0; i < axes->n; i++)
        for (int k = 0; k < axes->n; k++)
            add(header, "%s%.12g%s", k == 0 ? " (" : ",", k == i ? step(axes->axis[i]) : 0.0,
                k + 1 == axes->n ? ")" : "");
    add(header, "\nspace origin:");
    for (int i = 0; i < axes->n; i++)
        add(header, "%s%.12g", i == 0 ? " (" : ",", origin(axes->axis[i]));
    add(header, ")%s", axes->axis[0]->unit[0] != '\0' ? "\nspace units:" : "");
    for (int i = 0; i < axes->n && axes->axis[0]->unit[0] != '\0'; i++)
        add(header, " \"%s\"", axes->axis[i]->unit);
}

/* With time the axes are calibrated one by one: ITK reads no grid in space that has another axis besides. */
static void add_steps(char *header, const struct axes *axes)
{
    add(header, "\nspacings:");
    for (int i = 0; i < axes->n; i++)
        add(header, " %.12g", step(axes->axis[i]));
    add(header, "\nunits:");
    for (int i = 0; i < axes->n; i++)
        add(header, " \"%s\"", axes->axis[i]->unit);
}

static size_t nrrd_header(const struct pw_raster_labels *labels, const char *data_file, char *header)
{
    const struct axes axes = axes_of(labels);
    header[0] = '\0';
    add(header, "NRRD0005\ntype: %s\ndimension: %d\nsizes:", pw_dtype_name(labels->dtype), axes.n);
    for (int i = 0; i < axes.n; i++)
        add(header, " %llu", (unsigned long long)axes.size[i]);
    if (labels->axes.has_time)
        add_steps(header, &axes);
    else
        add_space(header, &axes);
    add(header, "\nkinds:");
    for (int i = 0; i < axes.n; i++)
        add(header, i < axes.n_space ? " space" : " time");
    add(header, "\nencoding: raw\nendian: %s\n", is_big_endian() ? "big" : "little");
    if (data_file != NULL)
        add(header, "data file: %s\n", data_file);
    else
        add(header, "\n");
    return strlen(header);
}

enum pw_status pw_nrrd_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    const struct pw_raster_format format = {"nrrd", nrrd_header, ".nhdr"};
    return pw_raster_sink_open(&format, request, sink, error);
}

/* ---- MetaImage ---- */

static const char *mhd_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_U8: return "MET_UCHAR";
    case PW_U16: return "MET_USHORT";
    case PW_U32: return "MET_UINT";
    default: return "MET_ULONG_LONG";
    }
}

/* MetaImage knows three units, and one of them for all axes. */
static const char *mhd_unit(const struct axes *axes)
{
    static const struct {
        const char *name, *written;
    } known[] = {{"micrometer", "um"}, {"millimeter", "mm"}, {"centimeter", "cm"}};
    for (int i = 1; i < axes->n_space; i++)
        if (strcmp(axes->axis[i]->unit, axes->axis[0]->unit) != 0)
            return NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, axes->axis[0]->unit) == 0)
            return known[i].written;
    return NULL;
}

static size_t mhd_header(const struct pw_raster_labels *labels, const char *data_file, char *header)
{
    const struct axes axes = axes_of(labels);
    const char *unit = mhd_unit(&axes);
    header[0] = '\0';
    add(header,
        "ObjectType = Image\nNDims = %d\nBinaryData = True\nBinaryDataByteOrderMSB = %s\nCompressedData = "
        "False\nOffset =",
        axes.n, is_big_endian() ? "True" : "False");
    for (int i = 0; i < axes.n; i++)
        add(header, " %.12g", origin(axes.axis[i]));
    add(header, "\nElementSpacing =");
    for (int i = 0; i < axes.n; i++)
        add(header, " %.12g", step(axes.axis[i]));
    add(header, "\nDimSize =");
    for (int i = 0; i < axes.n; i++)
        add(header, " %llu", (unsigned long long)axes.size[i]);
    if (unit != NULL)
        add(header, "\nDistanceUnits = %s", unit);
    add(header, "\nElementType = %s\nElementDataFile = %s\n", mhd_type(labels->dtype),
        data_file != NULL ? data_file : "LOCAL");
    return strlen(header);
}

enum pw_status pw_mhd_sink_open(const struct pw_sink_request *request, struct pw_sink **sink, struct pw_error *error)
{
    const struct pw_raster_format format = {"mhd", mhd_header, ".mhd"};
    return pw_raster_sink_open(&format, request, sink, error);
}
