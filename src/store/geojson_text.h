/*
 * store/geojson_text - objects as GeoJSON features (RFC 7946), printed one after the other.
 *
 *     struct pw_geojson_text text = {.fd = fd, .path = path};
 *     pw_geojson_begin -> pw_geojson_object ... -> pw_geojson_end
 *
 * An object is a Polygon, or a MultiPolygon when it is in several pieces; its properties are what QuPath knows objects by:
 * objectType "detection", its id as name, and id and area as measurements.
 *
 * Errors: those of writing.  Threads: one at a time.
 */
#ifndef PW_STORE_GEOJSON_TEXT_H
#define PW_STORE_GEOJSON_TEXT_H

#include "label/outline.h"

struct pw_geojson_text {
    int fd;
    const char *path; /* for messages */
    uint64_t offset;  /* bytes written to fd */
    uint64_t n_objects;
    size_t used;
    char buffer[1 << 16];
};

enum pw_status pw_geojson_begin(struct pw_geojson_text *text, struct pw_error *error);

/* The rings of an outline that is closed. */
enum pw_status pw_geojson_object(struct pw_geojson_text *text, uint64_t id, const struct pw_outline *outline,
                                 struct pw_error *error);
enum pw_status pw_geojson_end(struct pw_geojson_text *text, struct pw_error *error);

#endif
