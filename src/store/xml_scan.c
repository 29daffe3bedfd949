#include "store/xml_scan.h"

#include <string.h>

static const char *find(const char *at, const char *end, const char *wanted)
{
    size_t n = strlen(wanted);
    const char *found = memmem(at, (size_t)(end - at), wanted, n);
    return found != NULL ? found + n : end;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of a tag: '>' outside quotes. */
static const char *tag_end(const char *at, const char *end)
{
    char quote = '\0';
    for (; at < end; at++) {
        if (quote != '\0')
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        else if (*at == '>')
            return at;
    }
    return NULL;
}

static int begins(const char *at, const char *end, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(end - at) >= n && memcmp(at, with, n) == 0;
}

/* Moves to the next '<' that opens or closes an element; 0 at the end. */
static int skip_to_element(struct pw_xml *xml)
{
    for (;;) {
        const char *open = memchr(xml->at, '<', (size_t)(xml->end - xml->at));
        if (open == NULL)
            return 0;
        if (begins(open, xml->end, "<!--"))
            xml->at = find(open + 4, xml->end, "-->");
        else if (begins(open, xml->end, "<![CDATA["))
            xml->at = find(open + 9, xml->end, "]]>");
        else if (begins(open, xml->end, "<?"))
            xml->at = find(open + 2, xml->end, "?>");
        else if (begins(open, xml->end, "<!"))
            xml->at = find(open + 2, xml->end, ">");
        else {
            xml->at = open + 1;
            return 1;
        }
    }
}

int pw_xml_next(struct pw_xml *xml, struct pw_xml_element *element)
{
    if (xml->at >= xml->end || !skip_to_element(xml))
        return 0;
    const char *close = tag_end(xml->at, xml->end);
    if (close == NULL)
        return 0;
    const char *at = xml->at;
    element->closing = *at == '/';
    at += element->closing;
    element->name = at;
    for (; at < close && !is_blank(*at) && *at != '/'; at++)
        if (*at == ':')
            element->name = at + 1;
    element->name_bytes = (size_t)(at - element->name);
    element->attributes = at;
    element->attributes_end = close;
    element->text = close + 1;
    xml->at = close + 1;
    return 1;
}

int pw_xml_is(const struct pw_xml_element *element, const char *name)
{
    return element->name_bytes == strlen(name) && memcmp(element->name, name, element->name_bytes) == 0;
}

static int copy_value(const char *at, const char *end, char *out, size_t capacity)
{
    static const struct {
        const char *reference;
        char character;
    } named[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
    size_t n = 0;
    while (at < end) {
        char c = *at;
        size_t step = 1;
        for (size_t i = 0; c == '&' && i < sizeof named / sizeof named[0]; i++)
            if (begins(at, end, named[i].reference)) {
                c = named[i].character;
                step = strlen(named[i].reference);
                break;
            }
        if (n + 1 >= capacity)
            return 0;
        out[n++] = c;
        at += step;
    }
    out[n] = '\0';
    return 1;
}

int pw_xml_attribute(const struct pw_xml_element *element, const char *name, char *out, size_t capacity)
{
    const char *at = element->attributes, *end = element->attributes_end;
    for (;;) {
        while (at < end && (is_blank(*at) || *at == '/'))
            at++;
        const char *key = at;
        while (at < end && *at != '=' && !is_blank(*at))
            at++;
        size_t key_bytes = (size_t)(at - key);
        while (at < end && is_blank(*at))
            at++;
        if (at >= end || *at != '=')
            return 0;
        at++;
        while (at < end && is_blank(*at))
            at++;
        if (at >= end || (*at != '"' && *at != '\''))
            return 0;
        const char *value = at + 1;
        const char *close = memchr(value, *at, (size_t)(end - value));
        if (close == NULL)
            return 0;
        if (key_bytes == strlen(name) && memcmp(key, name, key_bytes) == 0)
            return copy_value(value, close, out, capacity);
        at = close + 1;
    }
}
