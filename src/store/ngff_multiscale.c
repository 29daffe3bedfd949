#include "store/ngff_multiscale.h"

#include <stdio.h>
#include <string.h>

#include "base/json_make.h"

typedef struct json_object json;

/* ---- units ---- */

static int is_one_of(const char *unit, const char *const *known, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(unit, known[i]) == 0)
            return 1;
    return 0;
}

int pw_ngff_time_unit_is_known(const char *unit)
{
    static const char *const known[] = {"attosecond",  "centisecond", "day",         "decisecond", "exasecond",
                                        "femtosecond", "gigasecond",  "hectosecond", "hour",       "kilosecond",
                                        "megasecond",  "microsecond", "millisecond", "minute",     "nanosecond",
                                        "petasecond",  "picosecond",  "second",      "terasecond", "yoctosecond",
                                        "yottasecond", "zeptosecond", "zettasecond"};
    return is_one_of(unit, known, sizeof known / sizeof known[0]);
}

int pw_ngff_unit_is_known(const char *unit)
{
    static const char *const known[] = {
        "angstrom",  "attometer",  "centimeter", "decimeter",  "exameter",  "femtometer", "foot",
        "gigameter", "hectometer", "inch",       "kilometer",  "megameter", "meter",      "micrometer",
        "mile",      "millimeter", "nanometer",  "parsec",     "petameter", "picometer",  "terameter",
        "yard",      "yoctometer", "yottameter", "zeptometer", "zettameter"};
    return is_one_of(unit, known, sizeof known / sizeof known[0]);
}

/* ---- axes and levels ---- */

static json *axes(const struct pw_ngff_multiscale *m)
{
    json *list = json_object_new_array();
    if (m->axes.has_time) {
        json *time = pw_json_single("name", pw_json_make_text(m->axes.time.name));
        pw_json_set(time, "type", pw_json_make_text("time"));
        if (pw_ngff_time_unit_is_known(m->axes.time.unit))
            pw_json_set(time, "unit", pw_json_make_text(m->axes.time.unit));
        pw_json_append(list, time);
    }
    if (m->axes.has_channel) {
        json *channel = pw_json_single("name", pw_json_make_text(m->axes.channel.name));
        pw_json_set(channel, "type", pw_json_make_text("channel"));
        pw_json_append(list, channel);
    }
    for (int i = 3 - m->axes.rank; i < 3; i++) {
        json *axis = pw_json_single("name", pw_json_make_text(m->axes.space[i].name));
        pw_json_set(axis, "type", pw_json_make_text("space"));
        if (pw_ngff_unit_is_known(m->axes.space[i].unit))
            pw_json_set(axis, "unit", pw_json_make_text(m->axes.space[i].unit));
        pw_json_append(list, axis);
    }
    return list;
}

static json *transformation(const struct pw_ngff_multiscale *m, const char *type, double time, double channel,
                            const double value[3])
{
    json *object = pw_json_single("type", pw_json_make_text(type)), *list = json_object_new_array();
    if (m->axes.has_time)
        pw_json_append(list, pw_json_make_real(time));
    if (m->axes.has_channel)
        pw_json_append(list, pw_json_make_real(channel));
    for (int i = 3 - m->axes.rank; i < 3; i++)
        pw_json_append(list, pw_json_make_real(value[i]));
    pw_json_set(object, type, list);
    return object;
}

json *pw_ngff_dataset(const struct pw_ngff_multiscale *m, int l)
{
    char path[16];
    int moved = m->axes.has_time && (m->axes.time.translation < 0 || m->axes.time.translation > 0);
    json *transformations = json_object_new_array();
    (void)snprintf(path, sizeof path, "%d", l);
    json *dataset = pw_json_single("path", pw_json_make_text(path));
    pw_json_append(transformations, transformation(m, "scale", m->axes.time.scale, 1.0, m->scale[l]));
    for (int i = 3 - m->axes.rank; i < 3; i++)
        moved = moved || m->translation[l][i] < 0 || m->translation[l][i] > 0;
    if (moved)
        pw_json_append(transformations,
                       transformation(m, "translation", m->axes.time.translation, 0.0, m->translation[l]));
    pw_json_set(dataset, "coordinateTransformations", transformations);
    return dataset;
}

static json *datasets(const struct pw_ngff_multiscale *m)
{
    json *list = json_object_new_array();
    for (int l = 0; l < m->n_levels; l++)
        pw_json_append(list, pw_ngff_dataset(m, l));
    return list;
}

json *pw_ngff_multiscales(const struct pw_ngff_multiscale *m)
{
    json *list = json_object_new_array();
    json *object = pw_json_single("name", pw_json_make_text(m->name));
    pw_json_set(object, "axes", axes(m));
    pw_json_set(object, "datasets", datasets(m));
    /* With one level too: the strict schema wants both. */
    pw_json_set(object, "type", pw_json_make_text(m->type));
    pw_json_set(object, "metadata", pw_json_single("method", pw_json_make_text(m->method)));
    if (m->version == 2)
        pw_json_set(object, "version", pw_json_make_text("0.4"));
    pw_json_append(list, object);
    return list;
}

json *pw_ngff_attributes(int version, json **ome)
{
    json *attributes = json_object_new_object();
    *ome = attributes;
    if (version == 3) {
        *ome = pw_json_single("version", pw_json_make_text("0.5"));
        pw_json_set(attributes, "ome", *ome);
    }
    return attributes;
}
