/* The ImageDescription of a label stack. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/tiff_directory.h"

/* Units of length: as OME-NGFF names them, as OME-XML abbreviates them (in ASCII), and in centimetres. */
static const struct {
    const char *name, *ome;
    double centimetres;
} units[] = {
    {"micrometer", "&#181;m", 1e-4}, {"nanometer", "nm", 1e-7}, {"millimeter", "mm", 1e-1},
    {"centimeter", "cm", 1},         {"meter", "m", 1e2},       {"picometer", "pm", 1e-10},
    {"angstrom", "&#197;", 1e-8},    {"inch", "in", 2.54},
};

static int unit_of(const struct pw_axis *axis)
{
    for (int i = 0; i < (int)(sizeof units / sizeof units[0]); i++)
        if (strcmp(axis->unit, units[i].name) == 0 && isfinite(axis->scale) && axis->scale > 0)
            return i;
    return -1;
}

double pw_tiff_centimetres(const struct pw_axis *axis)
{
    int unit = unit_of(axis);
    return unit >= 0 ? axis->scale * units[unit].centimetres : 0.0;
}

/* Text that grows in a fixed buffer; what does not fit is cut, and the caller's capacity is ample. */
struct text {
    char *at;
    size_t used, capacity;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->at + text->used, text->capacity - text->used, format, args);
    va_end(args);
    if (n > 0)
        text->used += (size_t)n < text->capacity - text->used ? (size_t)n : text->capacity - text->used - 1;
}

static void add_size(struct text *text, char letter, const struct pw_axis *axis)
{
    int unit = unit_of(axis);
    if (unit >= 0)
        add(text, " PhysicalSize%c=\"%.12g\" PhysicalSize%cUnit=\"%s\"", letter, axis->scale, letter, units[unit].ome);
}

/* From one time point to the next. */
static void add_interval(struct text *text, const struct pw_axis *time)
{
    static const struct {
        const char *name, *ome;
    } known[] = {{"second", "s"},      {"millisecond", "ms"}, {"microsecond", "&#181;s"},
                 {"nanosecond", "ns"}, {"minute", "min"},     {"hour", "h"},
                 {"day", "d"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(time->unit, known[i].name) == 0 && isfinite(time->scale) && time->scale > 0)
            add(text, " TimeIncrement=\"%.12g\" TimeIncrementUnit=\"%s\"", time->scale, known[i].ome);
}

size_t pw_tiff_description(const struct pw_tiff_pages *pages, int rank, const struct pw_axis axis[3], char *out,
                           size_t capacity)
{
    struct text text = {out, 0, capacity};
    uint64_t times = pages->times > 0 ? pages->times : 1;
    if (pages->dtype == PW_U64) {
        add(&text, "{\"shape\": [");
        if (pages->has_time)
            add(&text, "%llu, ", (unsigned long long)times);
        if (rank == 3)
            add(&text, "%llu, ", (unsigned long long)(pages->n_pages / times));
        add(&text, "%u, %u]}", pages->height, pages->width);
        return text.used + 1;
    }
    add(&text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
        "<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" "
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
        "xsi:schemaLocation=\"http://www.openmicroscopy.org/Schemas/OME/2016-06 "
        "http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd\" Creator=\"patchworks\">"
        "<Image ID=\"Image:0\" Name=\"labels\">"
        "<Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"%s\"",
        pw_dtype_name(pages->dtype));
    add(&text, " SizeX=\"%u\" SizeY=\"%u\" SizeZ=\"%llu\" SizeC=\"1\" SizeT=\"%llu\"", pages->width, pages->height,
        (unsigned long long)(pages->n_pages / times), (unsigned long long)times);
    add(&text, " BigEndian=\"%s\"", __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "true" : "false");
    add_size(&text, 'X', &axis[2]);
    add_size(&text, 'Y', &axis[1]);
    add_size(&text, 'Z', &axis[0]);
    if (pages->has_time)
        add_interval(&text, &pages->time);
    add(&text,
        "><Channel ID=\"Channel:0:0\" SamplesPerPixel=\"1\"/><TiffData IFD=\"0\" PlaneCount=\"%llu\"/>"
        "</Pixels></Image></OME>",
        (unsigned long long)pages->n_pages);
    return text.used + 1;
}
