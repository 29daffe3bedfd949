#include "store/bdv_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/hdf5_format.h"
#include "store/xml_scan.h"
#include "sys/file.h"

enum {
    XML_BYTES = 1 << 20 /* as much of the file as is looked at */
};

/* The text up to the next tag. */
static void take_text(const struct pw_xml_element *element, char *out, size_t capacity)
{
    size_t n = strcspn(element->text, "<");
    if (n < capacity)
        (void)snprintf(out, capacity, "%.*s", (int)n, element->text);
}

static void take_place(const struct pw_xml_element *element, const char *path, struct pw_bdv_xml *xml)
{
    char type[16] = "", name[2048] = "", directory[2048];
    (void)pw_xml_attribute(element, "type", type, sizeof type);
    take_text(element, name, sizeof name);
    pw_file_parent(path, directory, sizeof directory);
    if (name[0] != '\0')
        (void)snprintf(xml->data, sizeof xml->data, "%s%s%s", strcmp(type, "absolute") == 0 ? "" : directory,
                       strcmp(type, "absolute") == 0 ? "" : "/", name);
}

static int is_any(const struct pw_xml_element *element, const char *const *names)
{
    for (; *names != NULL; names++)
        if (pw_xml_is(element, *names))
            return 1;
    return 0;
}

/* Where one is in the text. */
struct place {
    int in_loader, in_size, in_attributes, n_sizes;
};

static void take_element(const struct pw_xml_element *element, const char *path, struct place *place,
                         struct pw_bdv_xml *xml)
{
    static const char *const stores[] = {"hdf5", "n5", "zarr", NULL};
    static const char *const others[] = {"tile", "angle", "illumination", NULL};
    if (pw_xml_is(element, "ImageLoader")) {
        place->in_loader = !element->closing;
        if (place->in_loader)
            (void)pw_xml_attribute(element, "format", xml->loader, sizeof xml->loader);
    } else if (pw_xml_is(element, "voxelSize")) {
        place->in_size = !element->closing;
        place->n_sizes += place->in_size;
    } else if (pw_xml_is(element, "attributes")) {
        place->in_attributes = !element->closing;
    } else if (element->closing) {
        return;
    } else if (place->in_loader && is_any(element, stores)) {
        take_place(element, path, xml);
    } else if (place->in_size && place->n_sizes == 1 && pw_xml_is(element, "unit")) {
        take_text(element, xml->unit, sizeof xml->unit);
    } else if (place->in_size && place->n_sizes == 1 && pw_xml_is(element, "size")) {
        (void)sscanf(element->text, "%lf %lf %lf", &xml->voxel[2], &xml->voxel[1], &xml->voxel[0]);
    } else if (place->in_attributes && is_any(element, others)) {
        xml->beyond_channel |= strtol(element->text, NULL, 10) > 0;
    }
}

enum pw_status pw_bdv_xml_read(const char *path, struct pw_bdv_xml *xml, struct pw_error *error)
{
    size_t n = 0;
    int fd = -1;
    memset(xml, 0, sizeof *xml);
    char *text = pw_alloc(XML_BYTES + 1, 1, error);
    if (text == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_file_open_read(path, &fd, error);
    if (status == PW_OK) {
        status = pw_file_read(fd, text, XML_BYTES, 0, &n, path, error);
        (void)close(fd);
    }
    struct pw_xml scan = {text, text + n};
    struct pw_xml_element element;
    struct place place = {0};
    while (status == PW_OK && pw_xml_next(&scan, &element))
        take_element(&element, path, &place, xml);
    free(text);
    return status;
}

static enum pw_status bdv_xml_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                   struct pw_error *error)
{
    struct pw_bdv_xml xml;
    enum pw_status status = pw_bdv_xml_read(path, &xml, error);
    if (status != PW_OK)
        return status;
    if (xml.data[0] == '\0')
        return pw_fail(
            error, PW_E_UNSUPPORTED,
            "%s: is BigDataViewer's description of views that \"%s\" loads, which is not read; resave them as "
            "HDF5",
            path, xml.loader);
    if (access(xml.data, F_OK) != 0)
        return pw_fail(error, PW_E_NOT_FOUND, "%s: is missing; %s says that the voxels are in it", xml.data, path);
    if (strcmp(xml.loader, "bdv.hdf5") != 0)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: is BigDataViewer's description of %s; give that, and the path of a view in it", path,
                       xml.data);
    return pw_format_hdf5.open(xml.data, options, source, error);
}

static int bdv_xml_recognise(const char *path, const unsigned char *head, size_t n)
{
    (void)path;
    return n > 0 && memmem(head, n, "<SpimData", 9) != NULL; /* of a directory there is no head */
}

const struct pw_format pw_format_bdv_xml = {
    .name = "BigDataViewer XML", .recognise = bdv_xml_recognise, .open = bdv_xml_open};
