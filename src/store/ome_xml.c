#include "store/ome_xml.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/tiff_stack.h"
#include "store/xml_scan.h"

static const char letters[PW_OME_AXES + 1] = "czt";

static int number(const struct pw_xml_element *element, const char *name, uint64_t *value)
{
    char text[32], *end;
    if (!pw_xml_attribute(element, name, text, sizeof text) || text[0] < '0' || text[0] > '9')
        return 0;
    *value = strtoull(text, &end, 10);
    return *end == '\0';
}

static int read_order(const struct pw_xml_element *pixels, struct pw_ome *ome)
{
    char text[16];
    if (!pw_xml_attribute(pixels, "DimensionOrder", text, sizeof text) || strlen(text) != 5 ||
        memcmp(text, "XY", 2) != 0)
        return 0;
    unsigned seen = 0;
    for (int i = 0; i < PW_OME_AXES; i++) {
        const char *at = memchr(letters, text[2 + i] | 0x20, PW_OME_AXES);
        if (at == NULL)
            return 0;
        ome->order[i] = (int)(at - letters);
        seen |= 1u << ome->order[i];
    }
    return seen == 7;
}

/* PhysicalSizeX and its unit, µm by default. */
static void physical_size(const struct pw_xml_element *pixels, struct pw_ome *ome, int axis, const char *size_name,
                          const char *unit_name, const char *default_unit)
{
    char text[64];
    ome->scale[axis] = pw_xml_attribute(pixels, size_name, text, sizeof text) ? strtod(text, NULL) : 0.0;
    ome->unit[axis] = pw_xml_attribute(pixels, unit_name, text, sizeof text) ? pw_tiff_unit(text) : default_unit;
}

static int read_pixels(const struct pw_xml_element *pixels, struct pw_ome *ome)
{
    if (!number(pixels, "SizeX", &ome->width) || !number(pixels, "SizeY", &ome->height) ||
        !number(pixels, "SizeC", &ome->size[PW_OME_C]) || !number(pixels, "SizeZ", &ome->size[PW_OME_Z]) ||
        !number(pixels, "SizeT", &ome->size[PW_OME_T]) || !read_order(pixels, ome))
        return 0;
    physical_size(pixels, ome, 0, "TimeIncrement", "TimeIncrementUnit", "second");
    ome->unit[1] = "";
    physical_size(pixels, ome, 2, "PhysicalSizeZ", "PhysicalSizeZUnit", "micrometer");
    physical_size(pixels, ome, 3, "PhysicalSizeY", "PhysicalSizeYUnit", "micrometer");
    physical_size(pixels, ome, 4, "PhysicalSizeX", "PhysicalSizeXUnit", "micrometer");
    return 1;
}

/* Without any attribute it means all planes; with a place or an IFD alone one plane. */
static enum pw_status add_data(const struct pw_xml_element *element, struct pw_ome *ome, struct pw_error *error)
{
    struct pw_ome_data data = {.count = 1};
    int any = number(element, "IFD", &data.ifd);
    any |= number(element, "FirstC", &data.first[PW_OME_C]) | number(element, "FirstZ", &data.first[PW_OME_Z]) |
           number(element, "FirstT", &data.first[PW_OME_T]);
    uint64_t count;
    if (number(element, "PlaneCount", &count))
        data.count = count;
    else if (!any)
        data.count = 0;
    if (ome->n_data == ome->data_capacity) {
        uint64_t capacity = ome->data_capacity ? ome->data_capacity * 2 : 16;
        struct pw_ome_data *grown = realloc(ome->data, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: %llu entries of OME-XML", (unsigned long long)capacity);
        ome->data = grown;
        ome->data_capacity = capacity;
    }
    ome->data[ome->n_data++] = data;
    return PW_OK;
}

/* The file that the TiffData before it speaks of.  A renamed file keeps its UUID. */
static enum pw_status name_file(const struct pw_xml_element *uuid, struct pw_ome *ome, struct pw_error *error)
{
    char name[256];
    if (ome->n_data == 0 || !pw_xml_attribute(uuid, "FileName", name, sizeof name))
        return PW_OK;
    struct pw_ome_data *data = &ome->data[ome->n_data - 1];
    size_t n = strlen(ome->uuid);
    const char *text = uuid->text + strspn(uuid->text, " \t\r\n");
    data->own = n > 0 && strncmp(text, ome->uuid, n) == 0;
    free(data->file_name);
    data->file_name = pw_strdup(name, error);
    return data->file_name != NULL ? PW_OK : PW_E_NOMEM;
}

static enum pw_status name_channel(const struct pw_xml_element *channel, struct pw_ome *ome, struct pw_error *error)
{
    char name[PW_NAME_MAX], colour[24], show[32] = "";
    if (!pw_xml_attribute(channel, "Name", name, sizeof name))
        name[0] = '\0';
    enum pw_status status = pw_names_add(&ome->channels, name, error);
    /* Red, green, blue and alpha in a signed number; -1 is the white that is meant when nothing is said. */
    if (pw_xml_attribute(channel, "Color", colour, sizeof colour) && strcmp(colour, "-1") != 0)
        (void)snprintf(show, sizeof show, "{\"color\":\"%06X\"}",
                       ((unsigned)strtoll(colour, NULL, 10) >> 8) & 0xffffffU);
    return status == PW_OK ? pw_names_add(&ome->channel_shows, show, error) : status;
}

static int any_is_named(const struct pw_names *names)
{
    for (int i = 0; i < names->n; i++)
        if (names->name[i][0] != '\0')
            return 1;
    return 0;
}

/* Walks what is inside Pixels. */
static enum pw_status read_data(struct pw_xml *xml, struct pw_ome *ome, struct pw_error *error)
{
    struct pw_xml_element element;
    enum pw_status status = PW_OK;
    while (status == PW_OK && pw_xml_next(xml, &element) && !(element.closing && pw_xml_is(&element, "Pixels"))) {
        if (element.closing)
            continue;
        if (pw_xml_is(&element, "TiffData"))
            status = add_data(&element, ome, error);
        else if (pw_xml_is(&element, "UUID"))
            status = name_file(&element, ome, error);
        else if (pw_xml_is(&element, "Channel"))
            status = name_channel(&element, ome, error);
    }
    if (!any_is_named(&ome->channels))
        pw_names_release(&ome->channels);
    if (!any_is_named(&ome->channel_shows))
        pw_names_release(&ome->channel_shows);
    return status;
}

/* The names of all images. */
static enum pw_status list_images(struct pw_xml xml, struct pw_ome *ome, struct pw_error *error)
{
    struct pw_xml_element element;
    enum pw_status status = PW_OK;
    while (status == PW_OK && pw_xml_next(&xml, &element)) {
        char name[PW_NAME_MAX];
        if (element.closing || !pw_xml_is(&element, "Image"))
            continue;
        if (!pw_xml_attribute(&element, "Name", name, sizeof name))
            name[0] = '\0';
        status = pw_names_add(&ome->images, name, error);
    }
    return status;
}

/* A number from 0, or a name. */
static enum pw_status choose_image(struct pw_ome *ome, const char *series, struct pw_error *error)
{
    char list[512], *end;
    if (series == NULL)
        return PW_OK;
    long number = strtol(series, &end, 10);
    if (end != series && *end == '\0' && number >= 0 && number < ome->images.n)
        ome->image = (int)number;
    else
        ome->image =
            series[0] != '\0' ? pw_names_find((const char *const *)ome->images.name, ome->images.n, series) : -1;
    if (ome->image >= 0)
        return PW_OK;
    pw_names_list((const char *const *)ome->images.name, ome->images.n, list, sizeof list);
    return pw_fail(error, PW_E_ARGUMENT, "--series %s: there are %d in the OME-XML, from 0: %s", series, ome->images.n,
                   list);
}

int pw_ome_parse(const char *text, const char *series, struct pw_ome *ome, struct pw_error *error)
{
    struct pw_xml xml = {text, text + strlen(text)};
    struct pw_xml_element element;
    int number = 0;
    memset(ome, 0, sizeof *ome);
    if (memmem(xml.at, (size_t)(xml.end - xml.at), "<OME", 4) == NULL && strstr(xml.at, ":OME") == NULL)
        return 0;
    enum pw_status status = list_images(xml, ome, error);
    if (status == PW_OK && ome->images.n > 0)
        status = choose_image(ome, series, error);
    if (status != PW_OK)
        return (int)status;
    while (pw_xml_next(&xml, &element)) {
        if (element.closing)
            continue;
        if (pw_xml_is(&element, "OME") && !pw_xml_attribute(&element, "UUID", ome->uuid, sizeof ome->uuid))
            ome->uuid[0] = '\0';
        if (!pw_xml_is(&element, "Pixels") || number++ != ome->image)
            continue;
        if (!read_pixels(&element, ome))
            return 0;
        status = read_data(&xml, ome, error);
        return status == PW_OK ? 1 : (int)status;
    }
    return 0;
}

void pw_ome_release(struct pw_ome *ome)
{
    for (uint64_t i = 0; i < ome->n_data; i++)
        free(ome->data[i].file_name);
    free(ome->data);
    pw_names_release(&ome->images);
    pw_names_release(&ome->channel_shows);
    pw_names_release(&ome->channels);
    memset(ome, 0, sizeof *ome);
}
