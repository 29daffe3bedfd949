/* From a specification, a plugin or a callback to a segmenter. */
#include "segment/segmenter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "segment/builtin.h"
#include "segment/frames_segmenter.h"
#include "segment/limits.h"
#include "segment/plugin_source.h"
#include "segment/process_segmenter.h"
#include "sys/dynlib.h"
#include "sys/search_path.h"
#include "tile/volume.h"

static enum pw_status open_callback(struct pw_segmenter *segmenter, const struct pw_run_options *options)
{
    segmenter->callback = options->segment;
    segmenter->callback_user = options->segment_user;
    segmenter->components = (options->segment_flags & (PW_SEGMENT_COMPONENTS | PW_SEGMENT_MASK)) != 0;
    segmenter->gives_mask = (options->segment_flags & PW_SEGMENT_MASK) != 0;
    segmenter->serial = (options->segment_flags & PW_SEGMENT_SERIAL) != 0;
    if (options->segment_flags & PW_SEGMENT_FLOAT32) {
        segmenter->voxel_dtype = PW_F32;
        segmenter->normalizes = segmenter->normalize.kind != PW_NORMALIZE_NONE;
    }
    segmenter->labels_may_touch = 1;
    segmenter->ops = &pw_callback_segment_ops;
    (void)snprintf(segmenter->name, sizeof segmenter->name, "labels");
    (void)snprintf(segmenter->text, sizeof segmenter->text, "callback");
    return PW_OK;
}

enum pw_fn_kind pw_fn_kind(const char *specification, size_t *length)
{
    size_t n = strcspn(specification, ":");
    *length = n;
    if (n > 2 && strncmp(specification + n - 2, ".c", 2) == 0)
        return PW_FN_KIND_SOURCE;
    if (memchr(specification, '/', n) != NULL || (n > 3 && strncmp(specification + n - 3, ".so", 3) == 0))
        return PW_FN_KIND_OBJECT;
    *length = strcspn(specification, ":,");
    return PW_FN_KIND_NAME;
}

static const char *options_after(const char *specification, size_t length)
{
    return specification + length + (specification[length] != '\0');
}

/* The part of the specification before its options. */
static enum pw_status take_path(const char *specification, size_t length, char *out, size_t bytes,
                                struct pw_error *error)
{
    if (length >= bytes)
        return pw_fail(error, PW_E_ARGUMENT, "--fn: path too long");
    memcpy(out, specification, length);
    out[length] = '\0';
    return PW_OK;
}

static enum pw_status open_plugin(struct pw_segmenter *segmenter, const struct pw_run_options *options, size_t length,
                                  int is_source, struct pw_error *error)
{
    char path[4096];
    const struct pw_say say = {options->message, options->message_user, options->stop, options->stop_user};
    const char *rest = options_after(options->segmenter, length);
    struct pw_compiled compiled;
    enum pw_status status = take_path(options->segmenter, length, path, sizeof path, error);
    if (status != PW_OK || !is_source)
        return status != PW_OK ? status : pw_plugin_open(segmenter, path, path, rest, error);
    status = pw_plugin_compile(path, &say, &compiled, error);
    if (status == PW_OK)
        status = pw_plugin_open(segmenter, compiled.path, path, rest, error);
    pw_compiled_release(&compiled);
    return status;
}

enum pw_status pw_fn_find(const char *name, size_t length, char *path, size_t bytes, struct pw_error *error)
{
    char word[256], directories[8192], known[512];
    pw_builtin_names(known, sizeof known);
    pw_plugin_path(directories, sizeof directories);
    (void)snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), name);
    if (length > 0 && length < sizeof word && pw_search_path_find(directories, word, ".so", path, bytes))
        return PW_OK;
    return pw_fail(
        error, PW_E_ARGUMENT,
        "--fn %s: no such function; use %s, a plugin (./name.so), C source (name.c), or the name of a plugin "
        "in $PW_PLUGIN_PATH",
        word, known);
}

/* A plugin of that name. */
static enum pw_status open_found(struct pw_segmenter *segmenter, const char *specification, size_t length,
                                 struct pw_error *error)
{
    char path[4608];
    enum pw_status status = pw_fn_find(specification, length, path, sizeof path, error);
    return status == PW_OK ? pw_plugin_open(segmenter, path, path, options_after(specification, length), error)
                           : status;
}

static enum pw_status open_builtin(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                                   struct pw_error *error)
{
    const char *specification = options->segmenter;
    size_t length = strcspn(specification, ":,");
    const struct pw_builtin *builtin = pw_builtin_find(specification, length);
    if (builtin == NULL)
        return open_found(segmenter, specification, length, error);
    (void)snprintf(segmenter->name, sizeof segmenter->name, "%s", builtin->name);
    if (segmenter->normalize.kind != PW_NORMALIZE_NONE && !builtin->normalizes)
        return pw_fail(
            error, PW_E_ARGUMENT,
            "--normalize %s: %s works on voxels as they are: leave it out, and give its options in their units",
            options->normalize, builtin->name);
    enum pw_status status = pw_fn_values_parse(&segmenter->values, builtin->name, builtin->options,
                                               options_after(specification, length), error);
    return status == PW_OK ? builtin->open(segmenter, &segmenter->values, options, error) : status;
}

static enum pw_status open_any(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                               struct pw_error *error)
{
    const char *specification = options->segmenter;
    size_t length;
    if (options->segment != NULL)
        return open_callback(segmenter, options);
    if (options->plugin != NULL)
        return pw_plugin_take(segmenter, options->plugin, "plugin", specification != NULL ? specification : "", error);
    if (specification == NULL || specification[0] == '\0')
        return pw_fail(error, PW_E_ARGUMENT, "no segmentation function; name one with --fn");
    if (pw_frames_is(specification))
        return pw_frames_segmenter_open(segmenter, error);
    if (pw_process_command_is(specification))
        return pw_process_segmenter_open(segmenter, options, error);
    enum pw_fn_kind kind = pw_fn_kind(specification, &length);
    return kind == PW_FN_KIND_NAME ? open_builtin(segmenter, options, error)
                                   : open_plugin(segmenter, options, length, kind == PW_FN_KIND_SOURCE, error);
}

/* It is part of what the labels depend on, as the specification is. */
static void say_normalization(struct pw_segmenter *segmenter)
{
    char text[64];
    size_t used = strlen(segmenter->text);
    pw_normalization_text(&segmenter->normalize, text, sizeof text);
    if (text[0] != '\0')
        (void)snprintf(segmenter->text + used, sizeof segmenter->text - used, " (normalize %s)", text);
}

enum pw_status pw_segmenter_open(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                                 const struct pw_volume *volume, struct pw_error *error)
{
    memset(segmenter, 0, sizeof *segmenter);
    (void)pthread_mutex_init(&segmenter->serial_lock, NULL);
    segmenter->volume = volume;
    segmenter->dtype = segmenter->voxel_dtype = volume->source->info.dtype;
    segmenter->rank = volume->rank;
    segmenter->channels = 1;
    segmenter->threshold_value = (double)NAN;
    enum pw_status status = pw_normalization_parse(options->normalize, &segmenter->normalize, error);
    if (status == PW_OK)
        status = open_any(segmenter, options, error);
    if (status == PW_OK)
        say_normalization(segmenter);
    /* What joins tiles joins voxels too, where the function leaves it open. */
    if (segmenter->gives_mask && segmenter->connectivity == 0)
        segmenter->connectivity =
            options->connectivity == 0 || options->connectivity > segmenter->rank ? 1 : options->connectivity;
    return status;
}

void pw_segmenter_close(struct pw_segmenter *segmenter)
{
    if (segmenter->plugin_handle != NULL)
        pw_dynlib_close(segmenter->plugin_handle);
    segmenter->plugin_handle = NULL;
    pw_given_close_tiles(segmenter);
    free(segmenter->own);
    segmenter->own = NULL;
    pw_process_segmenter_close(segmenter);
    for (uint32_t c = 0; c < segmenter->n_statistics; c++)
        free((void *)(uintptr_t)segmenter->statistics[c].bin);
    free(segmenter->statistics);
    free(segmenter->measured);
    segmenter->n_statistics = 0;
    segmenter->statistics = NULL;
    segmenter->measured = NULL;
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
    return segmenter->ops->arena_bytes(segmenter, shape) + voxels * segmenter->scratch_bytes_per_voxel +
           segmenter->scratch_bytes;
}
