/*
 * OME-XML in the first ImageDescription: sizes, order and calibration of the
 * first Image, and which page holds which plane.  Its Pixels element and the
 * TiffData below it are all that is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "store/tiff_stack.h"
#include "store/xml_scan.h"

/* The axes t, z and c: their letters, sizes, and steps in planes by DimensionOrder. */
enum {
    AXIS_C,
    AXIS_Z,
    AXIS_T,
    AXES
};
static const char letters[AXES + 1] = "czt";

struct ome {
    uint64_t size[AXES]; /* c counts planes: its samples per pixel are one */
    uint64_t step[AXES];
    int order[AXES]; /* fastest first */
    uint64_t n_planes;
    char uuid[80]; /* of this file; "" when it has none */
};

static int number(const struct pw_xml_element *element, const char *name, uint64_t *value)
{
    char text[32], *end;
    if (!pw_xml_attribute(element, name, text, sizeof text) || text[0] < '0' || text[0] > '9')
        return 0;
    *value = strtoull(text, &end, 10);
    return *end == '\0';
}

static int read_order(const struct pw_xml_element *pixels, struct ome *ome)
{
    char text[16];
    if (!pw_xml_attribute(pixels, "DimensionOrder", text, sizeof text) || strlen(text) != 5 ||
        memcmp(text, "XY", 2) != 0)
        return 0;
    unsigned seen = 0;
    for (int i = 0; i < AXES; i++) {
        const char *at = memchr(letters, text[2 + i] | 0x20, AXES);
        if (at == NULL)
            return 0;
        ome->order[i] = (int)(at - letters);
        seen |= 1u << ome->order[i];
    }
    return seen == 7;
}

static int read_pixels(const struct pw_xml_element *pixels, const struct pw_tiff_form *form, struct ome *ome)
{
    uint64_t x, y;
    if (!number(pixels, "SizeX", &x) || !number(pixels, "SizeY", &y) || x != form->width || y != form->height)
        return 0;
    if (!number(pixels, "SizeC", &ome->size[AXIS_C]) || !number(pixels, "SizeZ", &ome->size[AXIS_Z]) ||
        !number(pixels, "SizeT", &ome->size[AXIS_T]) || !read_order(pixels, ome))
        return 0;
    if (ome->size[AXIS_C] % form->samples != 0)
        return 0;
    ome->size[AXIS_C] /= form->samples;
    ome->n_planes = 1;
    for (int i = 0; i < AXES; i++) {
        ome->step[ome->order[i]] = ome->n_planes;
        if (!pw_mul_u64(ome->n_planes, ome->size[ome->order[i]], &ome->n_planes))
            return 0;
    }
    return ome->n_planes > 0;
}

/* The page whose directory has this number, or UINT64_MAX when it is not part of the stack. */
static uint64_t page_numbered(const struct pw_tiff_index *index, uint64_t wanted)
{
    uint64_t low = 0, high = index->n_pages;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (index->page[middle].number < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->n_pages && index->page[low].number == wanted ? low : UINT64_MAX;
}

/*
 * One TiffData: planes from (FirstC, FirstZ, FirstT) on, in DimensionOrder, are the directories from IFD on.
 * Without any attribute it means all planes; with an IFD alone one plane.
 */
static int place_planes(const struct pw_xml_element *data, const struct ome *ome, const struct pw_tiff_index *index,
                        uint64_t *page_of_plane)
{
    uint64_t first[AXES] = {0}, directory = 0, count;
    int any = number(data, "IFD", &directory);
    int counted = number(data, "PlaneCount", &count);
    any |= number(data, "FirstC", &first[AXIS_C]) | number(data, "FirstZ", &first[AXIS_Z]) |
           number(data, "FirstT", &first[AXIS_T]);
    uint64_t plane = 0;
    for (int i = 0; i < AXES; i++) {
        if (first[i] >= ome->size[i])
            return 0;
        plane += first[i] * ome->step[i];
    }
    if (!counted)
        count = any ? 1 : ome->n_planes;
    if (count > ome->n_planes - plane)
        return 0;
    for (uint64_t i = 0; i < count; i++) {
        page_of_plane[plane + i] = page_numbered(index, directory + i);
        if (page_of_plane[plane + i] == UINT64_MAX)
            return 0;
    }
    return 1;
}

/*
 * Whether a UUID element means another file: one with neither this file's name
 * nor its UUID (a renamed file keeps that).  Sets of several files are not put
 * together here.
 */
static int is_other_file(const struct pw_xml_element *uuid, const struct ome *ome, const char *file_name)
{
    char name[256];
    if (!pw_xml_attribute(uuid, "FileName", name, sizeof name) || strcmp(name, file_name) == 0)
        return 0;
    size_t n = strlen(ome->uuid);
    return n == 0 || strncmp(uuid->text, ome->uuid, n) != 0;
}

/* Walks what is inside Pixels.  Returns 0 when it does not place every plane on a page of this file. */
static int read_planes(struct pw_xml *xml, const struct ome *ome, const struct pw_tiff_index *index,
                       const char *file_name, uint64_t *page_of_plane)
{
    struct pw_xml_element element;
    int any = 0;
    for (uint64_t i = 0; i < ome->n_planes; i++)
        page_of_plane[i] = UINT64_MAX;
    while (pw_xml_next(xml, &element) && !(element.closing && pw_xml_is(&element, "Pixels"))) {
        if (element.closing)
            continue;
        if (pw_xml_is(&element, "UUID") && is_other_file(&element, ome, file_name))
            return 0;
        if (!pw_xml_is(&element, "TiffData"))
            continue;
        any = 1;
        if (!place_planes(&element, ome, index, page_of_plane))
            return 0;
    }
    for (uint64_t i = 0; i < ome->n_planes; i++) {
        if (!any)
            page_of_plane[i] = page_numbered(index, i);
        if (page_of_plane[i] == UINT64_MAX)
            return 0;
    }
    return 1;
}

/* PhysicalSizeX and its unit, µm by default, into an axis. */
static const char *physical_size(const struct pw_xml_element *pixels, const char *size_name, const char *unit_name,
                                 const char *default_unit, double *size)
{
    char text[64];
    *size = pw_xml_attribute(pixels, size_name, text, sizeof text) ? strtod(text, NULL) : 0.0;
    return pw_xml_attribute(pixels, unit_name, text, sizeof text) ? pw_tiff_unit(text) : default_unit;
}

static void describe(const struct pw_xml_element *pixels, const struct ome *ome, struct pw_tiff_stack *stack)
{
    double size[AXES] = {0}, plane;
    const char *unit[AXES] = {"", "", ""};
    unit[AXIS_Z] = physical_size(pixels, "PhysicalSizeZ", "PhysicalSizeZUnit", "micrometer", &size[AXIS_Z]);
    unit[AXIS_T] = physical_size(pixels, "TimeIncrement", "TimeIncrementUnit", "second", &size[AXIS_T]);
    for (int i = AXES - 1; i >= 0; i--) {
        int axis = ome->order[i];
        pw_tiff_stack_lead(stack, letters[axis], ome->size[axis], size[axis], unit[axis]);
    }
    const char *y_unit = physical_size(pixels, "PhysicalSizeY", "PhysicalSizeYUnit", "micrometer", &plane);
    pw_tiff_axis(&stack->y, 'y', plane, y_unit);
    const char *x_unit = physical_size(pixels, "PhysicalSizeX", "PhysicalSizeXUnit", "micrometer", &plane);
    pw_tiff_axis(&stack->x, 'x', plane, x_unit);
    stack->n_planes = ome->n_planes;
}

int pw_tiff_ome_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index, const char *file_name,
                      struct pw_error *error)
{
    struct pw_xml xml = {index->description, index->description + strlen(index->description)};
    struct pw_xml_element element;
    struct ome ome = {0};
    if (memmem(xml.at, (size_t)(xml.end - xml.at), "<OME", 4) == NULL && strstr(xml.at, ":OME") == NULL)
        return 0;
    int found = 0;
    while (!found && pw_xml_next(&xml, &element)) {
        found = !element.closing && pw_xml_is(&element, "Pixels");
        if (pw_xml_is(&element, "OME") && !pw_xml_attribute(&element, "UUID", ome.uuid, sizeof ome.uuid))
            ome.uuid[0] = '\0';
    }
    if (!found || !read_pixels(&element, &index->form, &ome))
        return 0;
    if (ome.n_planes > index->n_pages)
        return 0;
    uint64_t *page_of_plane = pw_alloc(ome.n_planes, sizeof *page_of_plane, error);
    if (page_of_plane == NULL)
        return PW_E_NOMEM;
    if (!read_planes(&xml, &ome, index, file_name, page_of_plane)) {
        free(page_of_plane);
        return 0;
    }
    describe(&element, &ome, stack);
    stack->page_of_plane = page_of_plane;
    return 1;
}
