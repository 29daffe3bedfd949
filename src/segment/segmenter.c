/* The table of segmenters and the reading of a specification. */
#include "segment/segmenter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/tiles_source.h"
#include "sys/dynlib.h"

static const char known[] = "threshold:VALUE, otsu, otsu:tile, label, given, or the path of a plugin (./name.so)";

/* One "key=value" of a specification; anything else is a positional value. */
static enum pw_status read_connectivity(struct pw_segmenter *segmenter, const char *text, struct pw_error *error)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > 3)
        return pw_fail(error, PW_E_ARGUMENT, "--fn: connectivity=%s is not 1..%d", text, segmenter->rank);
    if (value > segmenter->rank)
        return pw_fail(error, PW_E_ARGUMENT, "--fn: connectivity=%ld in an image of %d dimensions; at most %d", value,
                       segmenter->rank, segmenter->rank);
    segmenter->connectivity = (int)value;
    return PW_OK;
}

static enum pw_status read_threshold(struct pw_segmenter *segmenter, const char *text, struct pw_error *error)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0')
        return pw_fail(error, PW_E_ARGUMENT, "--fn threshold:%s is not a number", text);
    if (isnan(value))
        return pw_fail(error, PW_E_ARGUMENT, "--fn threshold:%s: nothing is greater than NaN; give a number", text);
    pw_segmenter_set_threshold(segmenter, value);
    return PW_OK;
}

/* Splits "name:a,b=c" in place: name, then up to 8 parts. */
enum {
    MAX_PARTS = 8
};

struct parts {
    char text[512];
    char *name;
    char *part[MAX_PARTS];
    int n;
};

static enum pw_status split(struct parts *parts, const char *specification, struct pw_error *error)
{
    int length = snprintf(parts->text, sizeof parts->text, "%s", specification);
    if (length < 0 || (size_t)length >= sizeof parts->text)
        return pw_fail(error, PW_E_ARGUMENT, "--fn: longer than %zu characters", sizeof parts->text - 1);
    parts->name = parts->text;
    parts->n = 0;
    char *rest = parts->text + strcspn(parts->text, ":,");
    while (*rest != '\0') {
        *rest++ = '\0';
        if (parts->n == MAX_PARTS)
            return pw_fail(error, PW_E_ARGUMENT, "--fn %s: more than %d options", specification, MAX_PARTS);
        parts->part[parts->n++] = rest;
        rest += strcspn(rest, ",");
    }
    return PW_OK;
}

static enum pw_status read_parts(struct pw_segmenter *segmenter, const struct parts *parts, struct pw_error *error)
{
    static const char key[] = "connectivity=";
    int per_tile = 0;
    for (int i = 0; i < parts->n; i++) {
        const char *part = parts->part[i];
        enum pw_status status = PW_OK;
        if (strncmp(part, key, strlen(key)) == 0)
            status = read_connectivity(segmenter, part + strlen(key), error);
        else if (strcmp(parts->name, "threshold") == 0 && i == 0)
            status = read_threshold(segmenter, part, error);
        else if (strcmp(parts->name, "otsu") == 0 && strcmp(part, "tile") == 0 && i == 0)
            per_tile = 1;
        else
            status = pw_fail(error, PW_E_ARGUMENT, "--fn %s: unknown option \"%s\"; it takes connectivity=1..%d%s",
                             parts->name, part, segmenter->rank,
                             strcmp(parts->name, "threshold") == 0 ? " after threshold:VALUE" : "");
        if (status != PW_OK)
            return status;
    }
    segmenter->tile_invariant = !per_tile;
    if (strcmp(parts->name, "otsu") == 0) {
        segmenter->needs_histogram = !per_tile;
        segmenter->ops = per_tile ? &pw_otsu_tile_segment_ops : &pw_threshold_segment_ops;
        (void)snprintf(segmenter->text, sizeof segmenter->text, "otsu%s,connectivity=%d", per_tile ? ":tile" : "",
                       segmenter->connectivity);
    } else if (strcmp(parts->name, "label") == 0) {
        segmenter->ops = &pw_equal_segment_ops;
        segmenter->labels_may_touch = 1;
        segmenter->joins_equal_only = 1;
        (void)snprintf(segmenter->text, sizeof segmenter->text, "label,connectivity=%d", segmenter->connectivity);
    } else {
        if (!segmenter->has_threshold)
            return pw_fail(error, PW_E_ARGUMENT, "--fn threshold needs a value: threshold:300");
        segmenter->ops = &pw_threshold_segment_ops;
        (void)snprintf(segmenter->text, sizeof segmenter->text, "threshold:%.17g,connectivity=%d",
                       segmenter->threshold_value, segmenter->connectivity);
    }
    return PW_OK;
}

static enum pw_status open_callback(struct pw_segmenter *segmenter, const struct pw_run_options *options)
{
    segmenter->callback = options->segment;
    segmenter->callback_user = options->segment_user;
    segmenter->components = (options->segment_flags & PW_SEGMENT_COMPONENTS) != 0;
    segmenter->serial = (options->segment_flags & PW_SEGMENT_SERIAL) != 0;
    segmenter->labels_may_touch = 1;
    segmenter->ops = &pw_callback_segment_ops;
    (void)snprintf(segmenter->name, sizeof segmenter->name, "labels");
    (void)snprintf(segmenter->text, sizeof segmenter->text, "callback");
    return PW_OK;
}

/* A path has a slash or ends in .so before its options; built-in names have neither. */
static int is_plugin(const char *specification)
{
    size_t n = strcspn(specification, ":");
    return memchr(specification, '/', n) != NULL || (n > 3 && strncmp(specification + n - 3, ".so", 3) == 0);
}

static enum pw_status open_plugin(struct pw_segmenter *segmenter, const char *specification, struct pw_error *error)
{
    char path[4096];
    size_t n = strcspn(specification, ":");
    if (n >= sizeof path)
        return pw_fail(error, PW_E_ARGUMENT, "--fn: path too long");
    memcpy(path, specification, n);
    path[n] = '\0';
    return pw_plugin_open(segmenter, path, specification[n] == ':' ? specification + n + 1 : "", error);
}

/* Labels that are there already: instances of their tile. */
static enum pw_status open_given(struct pw_segmenter *segmenter, const char *options, const char *image,
                                 struct pw_error *error)
{
    if (options[0] != '\0')
        return pw_fail(error, PW_E_ARGUMENT, "--fn given: unknown option \"%s\"; it takes none", options + 1);
    if (segmenter->dtype == PW_F16 || segmenter->dtype == PW_F32 || segmenter->dtype == PW_F64)
        return pw_fail(error, PW_E_UNSUPPORTED, "--fn given: labels are whole numbers, and these voxels are %s",
                       pw_dtype_name(segmenter->dtype));
    segmenter->ops = &pw_given_segment_ops;
    segmenter->labels_may_touch = 1;
    enum pw_status status = pw_tile_list_is(image) ? pw_given_open_tiles(segmenter, image, error) : PW_OK;
    if (status != PW_OK)
        return status;
    (void)snprintf(segmenter->name, sizeof segmenter->name, "merged");
    (void)snprintf(segmenter->text, sizeof segmenter->text, "given");
    return PW_OK;
}

static enum pw_status open_builtin(struct pw_segmenter *segmenter, const char *specification, int connectivity,
                                   const char *image, struct pw_error *error)
{
    struct parts parts;
    size_t name = strcspn(specification, ":,");
    if (name == strlen("given") && strncmp(specification, "given", name) == 0)
        return open_given(segmenter, specification + name, image, error);
    enum pw_status status = split(&parts, specification, error);
    if (status != PW_OK)
        return status;
    if (strcmp(parts.name, "threshold") != 0 && strcmp(parts.name, "otsu") != 0 && strcmp(parts.name, "label") != 0)
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: no such segmenter; use %s", parts.name, known);
    /* What joins tiles joins voxels too, unless the specification says otherwise. */
    segmenter->connectivity = connectivity == 0 || connectivity > segmenter->rank ? 1 : connectivity;
    segmenter->components = 1;
    (void)snprintf(segmenter->name, sizeof segmenter->name, "%.63s", parts.name);
    if (strcmp(parts.name, "label") == 0 && segmenter->dtype == PW_F16)
        return pw_fail(error, PW_E_UNSUPPORTED, "--fn label: float16 voxels cannot be compared as labels");
    return read_parts(segmenter, &parts, error);
}

enum pw_status pw_segmenter_open(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                                 enum pw_dtype dtype, int rank, struct pw_error *error)
{
    memset(segmenter, 0, sizeof *segmenter);
    (void)pthread_mutex_init(&segmenter->serial_lock, NULL);
    segmenter->dtype = dtype;
    segmenter->rank = rank;
    segmenter->threshold_value = (double)NAN;
    if (options->segment != NULL)
        return open_callback(segmenter, options);
    if (options->segmenter == NULL || options->segmenter[0] == '\0')
        return pw_fail(error, PW_E_ARGUMENT, "no segmentation function; use --fn with %s", known);
    return is_plugin(options->segmenter)
               ? open_plugin(segmenter, options->segmenter, error)
               : open_builtin(segmenter, options->segmenter, options->connectivity, options->input, error);
}

void pw_segmenter_close(struct pw_segmenter *segmenter)
{
    if (segmenter->plugin_handle != NULL)
        pw_dynlib_close(segmenter->plugin_handle);
    segmenter->plugin_handle = NULL;
    pw_given_close_tiles(segmenter);
}

void pw_segmenter_set_threshold(struct pw_segmenter *segmenter, double value)
{
    segmenter->threshold_value = value;
    segmenter->has_threshold = 1;
    pw_threshold_init(&segmenter->threshold, segmenter->dtype, value);
}

uint64_t pw_segmenter_memory_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    uint64_t voxels = shape[0] * shape[1] * shape[2];
    return segmenter->ops->arena_bytes(segmenter, shape) + voxels * segmenter->scratch_bytes_per_voxel;
}
