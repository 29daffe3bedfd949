#include "store/raster_header.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/dtype.h"
#include "base/error.h"
#include "store/npy_header.h"
#include "store/pending_file.h"
#include "sys/file.h"

enum {
    AXES_MAX = 5
};

/* Axes fastest first, as NRRD and MetaImage list them: x y z, then channels, then time. */
struct axes {
    int n, n_space;
    const struct pw_axis *axis[AXES_MAX];
    uint64_t size[AXES_MAX];
    const char *kind[AXES_MAX]; /* as NRRD calls it */
};

static void add_axis(struct axes *axes, const struct pw_axis *axis, uint64_t size, const char *kind)
{
    axes->axis[axes->n] = axis;
    axes->kind[axes->n] = kind;
    axes->size[axes->n++] = size;
}

static struct axes axes_of(const struct pw_raster_array *array)
{
    struct axes axes = {.n_space = array->axes.rank};
    for (int i = 2; i >= 3 - array->axes.rank; i--)
        add_axis(&axes, &array->axes.space[i], array->shape[i], "space");
    if (array->axes.has_channel)
        add_axis(&axes, &array->axes.channel, array->axes.channels, "list");
    if (array->axes.has_time)
        add_axis(&axes, &array->axes.time, array->axes.times, "time");
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

/* With others the axes are calibrated one by one: ITK reads no grid in space that has another axis besides. */
static void add_steps(char *header, const struct axes *axes)
{
    add(header, "\nspacings:");
    for (int i = 0; i < axes->n; i++)
        add(header, " %.12g", step(axes->axis[i]));
    add(header, "\nunits:");
    for (int i = 0; i < axes->n; i++)
        add(header, " \"%s\"", axes->axis[i]->unit);
}

static const char *nrrd_type(enum pw_dtype dtype)
{
    return dtype == PW_F32 ? "float" : dtype == PW_F64 ? "double" : dtype == PW_BOOL ? "uint8" : pw_dtype_name(dtype);
}

static size_t nrrd_header(const struct pw_raster_array *array, const char *data_file, char *header)
{
    const struct axes axes = axes_of(array);
    header[0] = '\0';
    add(header, "NRRD0005\ntype: %s\ndimension: %d\nsizes:", nrrd_type(array->dtype), axes.n);
    for (int i = 0; i < axes.n; i++)
        add(header, " %llu", (unsigned long long)axes.size[i]);
    if (axes.n > axes.n_space)
        add_steps(header, &axes);
    else
        add_space(header, &axes);
    add(header, "\nkinds:");
    for (int i = 0; i < axes.n; i++)
        add(header, " %s", axes.kind[i]);
    add(header, "\nencoding: raw\nendian: %s\n", is_big_endian() ? "big" : "little");
    if (data_file != NULL)
        add(header, "data file: %s\n", data_file);
    else
        add(header, "\n");
    return strlen(header);
}

const struct pw_raster_format pw_raster_nrrd = {"nrrd", nrrd_header, ".nhdr", 1};

/* ---- MetaImage ---- */

static const char *mhd_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: return "MET_UCHAR";
    case PW_I8: return "MET_CHAR";
    case PW_I16: return "MET_SHORT";
    case PW_I32: return "MET_INT";
    case PW_I64: return "MET_LONG_LONG";
    case PW_F32: return "MET_FLOAT";
    case PW_F64: return "MET_DOUBLE";
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

static size_t mhd_header(const struct pw_raster_array *array, const char *data_file, char *header)
{
    const struct axes axes = axes_of(array);
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
    add(header, "\nElementType = %s\nElementDataFile = %s\n", mhd_type(array->dtype),
        data_file != NULL ? data_file : "LOCAL");
    return strlen(header);
}

const struct pw_raster_format pw_raster_mhd = {"mhd", mhd_header, ".mhd", 1};

/* ---- npy and raw ---- */

static size_t npy_header(const struct pw_raster_array *array, const char *data_file, char *out)
{
    struct pw_npy_header header = {.dtype = array->dtype};
    (void)data_file;
    if (array->axes.has_time)
        header.shape[header.rank++] = array->axes.times;
    if (array->axes.has_channel)
        header.shape[header.rank++] = array->axes.channels;
    for (int i = 3 - array->axes.rank; i < 3; i++)
        header.shape[header.rank++] = array->shape[i];
    return pw_npy_format(&header, out, PW_RASTER_HEADER_MAX);
}

const struct pw_raster_format pw_raster_npy = {"npy", npy_header, NULL, 0};
const struct pw_raster_format pw_raster_raw = {"raw", NULL, NULL, 0};

/* ---- files ---- */

enum pw_status pw_raster_check_dtype(const struct pw_raster_format *format, enum pw_dtype dtype, const char *path,
                                     struct pw_error *error)
{
    if (dtype != PW_F16 || !format->lacks_half_floats)
        return PW_OK;
    return pw_fail(error, PW_E_UNSUPPORTED, "%s: %s has no float16; zarr, tiff, hdf5, npy and raw have", path,
                   format->name);
}

enum pw_status pw_raster_place(const struct pw_raster_format *format, const char *path, int overwrite, char *data_path,
                               struct pw_error *error)
{
    size_t n = strlen(path), s = format->detached != NULL ? strlen(format->detached) : 0;
    data_path[0] = '\0';
    enum pw_status status = pw_pending_check(path, overwrite, error);
    if (status != PW_OK || s == 0 || n <= s || strcasecmp(path + n - s, format->detached) != 0)
        return status;
    (void)snprintf(data_path, 4096, "%.*s.raw", (int)(n - s), path);
    return pw_pending_check(data_path, overwrite, error);
}

enum pw_status pw_raster_put_header(const struct pw_raster_format *format, const struct pw_raster_array *array,
                                    const char *path, const char *data_path, int overwrite, uint64_t *bytes,
                                    struct pw_error *error)
{
    char header[PW_RASTER_HEADER_MAX];
    const char *slash = strrchr(data_path, '/');
    struct pw_pending_file file = {.fd = -1};
    size_t n = format->header(array, slash != NULL ? slash + 1 : data_path, header);
    enum pw_status status = pw_pending_open(&file, path, overwrite, error);
    if (status == PW_OK)
        status = pw_file_write(file.fd, header, n, 0, path, error);
    if (status == PW_OK)
        status = pw_pending_commit(&file, error);
    pw_pending_abort(&file);
    *bytes = n;
    return status;
}
