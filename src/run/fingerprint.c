#include "run/fingerprint.h"

#include <stdio.h>
#include <string.h>

#include "run/read_files.h"

/* Changes when records or their meaning do. */
enum {
    RECORD_VERSION = 3
};

typedef struct json_object json;

static void put(json *object, const char *key, json *value)
{
    (void)json_object_object_add(object, key, value);
}

static void put_text(json *object, const char *key, const char *text)
{
    put(object, key, json_object_new_string(text));
}

static void put_box(json *object, const char *key, const uint64_t value[3])
{
    json *list = json_object_new_array();
    for (int i = 0; i < 3; i++)
        (void)json_object_array_add(list, json_object_new_uint64(value[i]));
    put(object, key, list);
}

/* ---- the image ----------------------------------------------------------- */

json *pw_fingerprint_image(const struct pw_job *job)
{
    const struct pw_image_info *info = &job->source->info;
    json *image = pw_files_of_image(job->source, job->options->input), *shape = json_object_new_array();
    for (int a = 0; a < info->rank; a++)
        (void)json_object_array_add(shape, json_object_new_uint64(info->shape[a]));
    put(image, "shape", shape);
    put_text(image, "dtype", pw_dtype_name(info->dtype));
    put(image, "level", json_object_new_int(info->level));
    put(image, "series", json_object_new_int(info->series));
    put(image, "offset", json_object_new_uint64(job->options->open.raw_offset_bytes));
    put(image, "big_endian", json_object_new_int(job->options->open.raw_big_endian));
    return image;
}

/* ---- all of it ------------------------------------------------------------ */

static json *channels_of(const struct pw_volume *volume)
{
    json *list = json_object_new_array();
    for (uint32_t i = 0; i < volume->n_channels; i++)
        (void)json_object_array_add(list, json_object_new_uint64(volume->channel[i]));
    return list;
}

static void put_skip(json *print, const struct pw_run_options *options)
{
    if (options->skip_empty == PW_SKIP_NONE)
        return;
    put(print, "skip_empty",
        options->skip_empty == PW_SKIP_AUTO ? json_object_new_string("auto")
                                            : json_object_new_double(options->skip_level));
}

static void put_mask(json *print, const struct pw_job *job)
{
    const struct pw_source *source = job->mask.source;
    if (source == NULL)
        return;
    json *mask = pw_files_of_image(source, source->path);
    put(mask, "level", json_object_new_int(source->info.level));
    put(print, "mask", mask);
}

json *pw_fingerprint_of(const struct pw_job *job)
{
    const struct pw_run_options *options = job->options;
    json *print = json_object_new_object();
    put(print, "patchworks_records", json_object_new_int(RECORD_VERSION));
    put_text(print, "program", pw_version());
    put(print, "image", pw_fingerprint_image(job));
    put(print, "channels", channels_of(&job->volume));
    put(print, "first_time", json_object_new_uint64(job->volume.first_time));
    put(print, "times", json_object_new_uint64(job->volume.times));
    put_text(print, "function", options->segmenter != NULL ? options->segmenter : "a callback");
    put_text(print, "segmenter", job->segmenter.text);
    put(print, "files", pw_files_of_words(options->segmenter != NULL ? options->segmenter : ""));
    if (options->roi_alone)
        put_box(print, "crop_start", job->crop_start);
    put_box(print, "roi_start", job->part.start);
    put_box(print, "roi_shape", job->part.shape);
    put_box(print, "tile", job->grid.tile);
    put_box(print, "halo", job->grid.halo);
    put(print, "keeps_rims", json_object_new_boolean(job->sizes.keeps_rims));
    if (job->sizes.keeps_rims)
        put_box(print, "context", job->sizes.rule.context);
    put_skip(print, options);
    put_mask(print, job);
    return print;
}

/* ---- comparing ------------------------------------------------------------ */

enum {
    NAME_BYTES = 128
};

static const char *text_of(json *value)
{
    return value != NULL
               ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
               : "not given";
}

static void say_other(const char *name, json *theirs, json *mine, char *text, size_t capacity)
{
    (void)snprintf(text, capacity, "its %s is %.150s, not %.150s", name, text_of(theirs), text_of(mine));
}

/* name is that of the two objects, "image" or "image.files". */
static int find_difference(json *theirs, json *mine, const char *name, char *text, size_t capacity);

static int members_differ(const char *of, const char *key, json *theirs, json *mine, char *text, size_t capacity)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof name, "%.60s%s%.60s", of, of[0] != '\0' ? "." : "", key);
    if (strcmp(name, "files") == 0 && theirs != NULL && mine != NULL)
        return pw_files_differ(theirs, mine, text, capacity);
    if (theirs != NULL && mine != NULL && json_object_equal(theirs, mine))
        return 0;
    if (pw_json_get(theirs, "bytes") != NULL && pw_json_get(mine, "bytes") != NULL)
        (void)snprintf(text, capacity, "%.300s has changed since", key);
    else if (json_object_is_type(theirs, json_type_object) && json_object_is_type(mine, json_type_object))
        return find_difference(theirs, mine, name, text, capacity);
    else
        say_other(name, theirs, mine, text, capacity);
    return 1;
}

/* The first member of either that is another in the other. */
static int find_difference(json *theirs, json *mine, const char *name, char *text, size_t capacity)
{
    json_object_object_foreach(theirs, key, value)
    {
        if (members_differ(name, key, value, pw_json_get(mine, key), text, capacity))
            return 1;
    }
    json_object_object_foreach(mine, added, given)
    {
        if (pw_json_get(theirs, added) == NULL && members_differ(name, added, NULL, given, text, capacity))
            return 1;
    }
    return 0;
}

int pw_fingerprint_is(const char *path, json *mine, char *text, size_t capacity)
{
    json *theirs;
    if (pw_json_load(path, &theirs, NULL) != PW_OK) {
        (void)snprintf(text, capacity, "its plan cannot be read");
        return 0;
    }
    int differs = find_difference(theirs, mine, "", text, capacity);
    json_object_put(theirs);
    return !differs;
}
