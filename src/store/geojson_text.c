#include "store/geojson_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sys/file.h"

enum {
    ITEM_MAX = 512 /* of one print */
};

static enum pw_status flush(struct pw_geojson_text *text, struct pw_error *error)
{
    enum pw_status status = pw_file_write(text->fd, text->buffer, text->used, text->offset, text->path, error);
    text->offset += text->used;
    text->used = 0;
    return status;
}

__attribute__((format(printf, 3, 4))) static enum pw_status print(struct pw_geojson_text *text, struct pw_error *error,
                                                                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text->buffer + text->used, sizeof text->buffer - text->used, format, arguments);
    va_end(arguments);
    text->used += (size_t)n;
    return text->used + ITEM_MAX > sizeof text->buffer ? flush(text, error) : PW_OK;
}

enum pw_status pw_geojson_begin(struct pw_geojson_text *text, struct pw_error *error)
{
    text->offset = text->n_objects = text->used = 0;
    return print(text, error, "{\"type\":\"FeatureCollection\",\"features\":[");
}

/* The corners, the first once more at the end. */
static enum pw_status print_ring(struct pw_geojson_text *text, const struct pw_outline *outline, uint64_t ring,
                                 struct pw_error *error)
{
    const struct pw_outline_ring *r = &outline->ring[ring];
    enum pw_status status = print(text, error, "[");
    for (uint64_t i = 0; i <= r->n && status == PW_OK; i++) {
        const uint32_t *corner = outline->corner[r->first + i % r->n];
        status = print(text, error, "%s[%" PRIu32 ",%" PRIu32 "]", i > 0 ? "," : "", corner[0], corner[1]);
    }
    return status == PW_OK ? print(text, error, "]") : status;
}

/* An outer ring and its holes. */
static enum pw_status print_polygon(struct pw_geojson_text *text, const struct pw_outline *outline, uint64_t outer,
                                    struct pw_error *error)
{
    enum pw_status status = print(text, error, "[");
    for (uint64_t r = outer; r != PW_OUTLINE_NONE && status == PW_OK; r = outline->ring[r].next_hole) {
        if (r != outer)
            status = print(text, error, ",");
        if (status == PW_OK)
            status = print_ring(text, outline, r, error);
    }
    return status == PW_OK ? print(text, error, "]") : status;
}

/* Voxels: each horizontal edge adds or takes what is below it. */
static uint64_t area(const struct pw_outline *outline)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < outline->n; i++) {
        const struct pw_outline_edge *e = &outline->edge[i];
        uint64_t below_zero = (uint64_t)(e->x1 - e->x0) * e->y;
        sum += e->below ? 0 - below_zero : below_zero;
    }
    return sum;
}

enum pw_status pw_geojson_object(struct pw_geojson_text *text, uint64_t id, const struct pw_outline *outline,
                                 struct pw_error *error)
{
    uint64_t n_outer = 0, printed = 0;
    for (uint64_t r = 0; r < outline->n_rings; r++)
        n_outer += !outline->ring[r].is_hole;
    enum pw_status status =
        print(text, error, "%s\n{\"type\":\"Feature\",\"geometry\":{\"type\":\"%s\",\"coordinates\":%s",
              text->n_objects++ > 0 ? "," : "", n_outer > 1 ? "MultiPolygon" : "Polygon", n_outer > 1 ? "[" : "");
    for (uint64_t r = 0; r < outline->n_rings && status == PW_OK; r++) {
        if (outline->ring[r].is_hole)
            continue;
        if (printed++ > 0)
            status = print(text, error, ",");
        if (status == PW_OK)
            status = print_polygon(text, outline, r, error);
    }
    if (status != PW_OK)
        return status;
    return print(text, error,
                 "%s},\"properties\":{\"objectType\":\"detection\",\"name\":\"%" PRIu64
                 "\",\"measurements\":{\"id\":%" PRIu64 ",\"area\":%" PRIu64 "}}}",
                 n_outer > 1 ? "]" : "", id, id, area(outline));
}

enum pw_status pw_geojson_end(struct pw_geojson_text *text, struct pw_error *error)
{
    enum pw_status status = print(text, error, "\n]}\n");
    return status == PW_OK ? flush(text, error) : status;
}
