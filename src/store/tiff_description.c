/* The ImageDescription. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "store/channel_colour.h"
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

/* Text that is counted, and written as far as there is room: once to know how much is needed, and once into it. */
struct text {
    char *at;
    size_t used, capacity;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list args;
    size_t room = text->capacity > text->used ? text->capacity - text->used : 0;
    va_start(args, format);
    int n = vsnprintf(room > 0 ? text->at + text->used : NULL, room, format, args);
    va_end(args);
    if (n > 0)
        text->used += (size_t)n;
}

/* name="value", as XML wants it; in ASCII, as TIFF wants it: other characters by their number. */
static void add_attribute(struct text *text, const char *name, const char *value)
{
    add(text, " %s=\"", name);
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0';) {
        uint32_t code = *c++;
        int more = code >= 0xf0 ? 3 : code >= 0xe0 ? 2 : code >= 0xc0 ? 1 : 0;
        if (code >= 0x80)
            code &= 0x3fu >> more;
        for (; more > 0 && (*c & 0xc0) == 0x80; more--)
            code = code << 6 | (*c++ & 0x3f);
        if (code >= 0x20 && code < 0x7f && strchr("<>&\"", (int)code) == NULL)
            add(text, "%c", (char)code);
        else if (code >= 0x20)
            add(text, "&#%u;", (unsigned)code);
    }
    add(text, "\"");
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

/* OME-XML's name of the type; NULL when it has none. */
static const char *ome_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_BOOL: return "uint8";
    case PW_F32: return "float";
    case PW_F64: return "double";
    case PW_F16:
    case PW_U64:
    case PW_I64: return NULL;
    default: return pw_dtype_name(dtype);
    }
}

/* tifffile takes levels of a shape for such only when z is smaller as well, or is not called so: Q is any axis. */
static void add_shape(struct text *text, const struct pw_tiff_pages *pages, int level)
{
    const struct pw_array_axes *axes = &pages->axes;
    add(text, "{\"shape\": [");
    if (axes->has_time)
        add(text, "%llu, ", (unsigned long long)axes->times);
    if (axes->has_channel)
        add(text, "%llu, ", (unsigned long long)axes->channels);
    if (axes->rank == 3)
        add(text, "%llu, ", (unsigned long long)pages->depth);
    add(text, "%u, %u], \"axes\": \"%s%s%sYX\"}", pages->level[level].height, pages->level[level].width,
        axes->has_time ? "T" : "", axes->has_channel ? "C" : "",
        axes->rank < 3        ? ""
        : pages->n_levels > 1 ? "Q"
                              : "Z");
}

/* The colour that the image which is converted gives a channel, "color": "RRGGBB" within how it is shown. */
static int shown_colour(const char *show, uint32_t *colour)
{
    struct json_object *given = show != NULL ? json_tokener_parse(show) : NULL;
    const char *text = pw_json_text(given, "color");
    int is_one = text != NULL && strlen(text) == 6 && strspn(text, "0123456789abcdefABCDEF") == 6;
    if (is_one)
        *colour = (uint32_t)strtoul(text, NULL, 16);
    json_object_put(given);
    return is_one;
}

static void add_channels(struct text *text, const struct pw_tiff_pages *pages)
{
    for (uint64_t c = 0; c < pages->axes.channels; c++) {
        add(text, "<Channel ID=\"Channel:0:%llu\" SamplesPerPixel=\"1\"", (unsigned long long)c);
        if (pages->channel_name != NULL && pages->channel_name[c][0] != '\0')
            add_attribute(text, "Name", pages->channel_name[c]);
        uint32_t colour = pw_channel_colour(c, pages->axes.channels);
        int given = pages->channel_show != NULL && shown_colour(pages->channel_show[c], &colour);
        if (given || pages->axes.channels > 1) /* RGBA as a signed number of 32 bits */
            add(text, " Color=\"%ld\"", (long)colour * 256 + 255 - (colour >= 0x800000 ? 4294967296L : 0));
        add(text, "/>");
    }
}

static void add_ome(struct text *text, const struct pw_tiff_pages *pages, int level)
{
    const struct pw_array_axes *axes = &pages->axes;
    add(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
              "<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" "
              "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
              "xsi:schemaLocation=\"http://www.openmicroscopy.org/Schemas/OME/2016-06 "
              "http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd\" Creator=\"patchworks\">"
              "<Image ID=\"Image:0\"");
    add_attribute(text, "Name", pages->name);
    add(text, "><Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"%s\"", ome_type(pages->dtype));
    add(text, " SizeX=\"%u\" SizeY=\"%u\" SizeZ=\"%llu\" SizeC=\"%llu\" SizeT=\"%llu\"", pages->level[level].width,
        pages->level[level].height, (unsigned long long)pages->depth, (unsigned long long)axes->channels,
        (unsigned long long)axes->times);
    add(text, " BigEndian=\"%s\"", __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "true" : "false");
    add_size(text, 'X', &axes->space[2]);
    add_size(text, 'Y', &axes->space[1]);
    add_size(text, 'Z', &axes->space[0]);
    if (axes->has_time)
        add_interval(text, &axes->time);
    add(text, ">");
    add_channels(text, pages);
    add(text, "<TiffData IFD=\"0\" PlaneCount=\"%llu\"/></Pixels></Image></OME>", (unsigned long long)pages->n_pages);
}

static void add_all(struct text *text, const struct pw_tiff_pages *pages, int level)
{
    if (ome_type(pages->dtype) == NULL)
        add_shape(text, pages, level);
    else
        add_ome(text, pages, level);
}

int pw_tiff_describes_levels(const struct pw_tiff_pages *pages)
{
    return ome_type(pages->dtype) == NULL;
}

char *pw_tiff_description(const struct pw_tiff_pages *pages, int level, size_t *n, struct pw_error *error)
{
    struct text text = {0};
    add_all(&text, pages, level);
    *n = text.capacity = text.used + 1;
    text.used = 0;
    text.at = pw_alloc(*n, 1, error);
    if (text.at != NULL)
        add_all(&text, pages, level);
    return text.at;
}
