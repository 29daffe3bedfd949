/*
 * store/xml_scan - the elements of an XML text one after the other, and their
 * attributes: enough to find facts in OME-XML, without building a tree.
 *
 *     struct pw_xml xml = {text, text + strlen(text)};
 *     struct pw_xml_element element;
 *     while (pw_xml_next(&xml, &element))
 *         if (pw_xml_is(&element, "Pixels") && pw_xml_attribute(&element, "SizeX", value, sizeof value))
 *             ...
 *
 * Comments, processing instructions and CDATA are skipped; namespace prefixes do
 * not count.  Broken text ends the walk.  Threads: pure functions.
 */
#ifndef PW_STORE_XML_SCAN_H
#define PW_STORE_XML_SCAN_H

#include <stddef.h>

struct pw_xml {
    const char *at, *end;
};

struct pw_xml_element {
    const char *name; /* without prefix */
    size_t name_bytes;
    const char *attributes, *attributes_end;
    int closing;      /* </name> */
    const char *text; /* what follows the tag */
};

int pw_xml_next(struct pw_xml *xml, struct pw_xml_element *element);
int pw_xml_is(const struct pw_xml_element *element, const char *name);

/*
 * The attribute's value, as it stands but for the five named character
 * references; 0 when it is missing or longer than out.
 */
int pw_xml_attribute(const struct pw_xml_element *element, const char *name, char *out, size_t capacity);

#endif
