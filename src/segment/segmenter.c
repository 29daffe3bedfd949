/* From a specification, a plugin or a callback to a segmenter. */
#include "segment/segmenter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "segment/builtin.h"
#include "segment/frames_segmenter.h"
#include "segment/process_segmenter.h"
#include "sys/dynlib.h"
#include "tile/volume.h"

static enum pw_status open_callback(struct pw_segmenter *segmenter, const struct pw_run_options *options)
{
    segmenter->callback = options->segment;
    segmenter->callback_user = options->segment_user;
    segmenter->components = (options->segment_flags & PW_SEGMENT_COMPONENTS) != 0;
    segmenter->serial = (options->segment_flags & PW_SEGMENT_SERIAL) != 0;
    if (options->segment_flags & PW_SEGMENT_FLOAT32)
        segmenter->voxel_dtype = PW_F32;
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

static enum pw_status open_builtin(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                                   struct pw_error *error)
{
    const char *specification = options->segmenter;
    char known[512];
    size_t length = strcspn(specification, ":,");
    const struct pw_builtin *builtin = pw_builtin_find(specification, length);
    pw_builtin_names(known, sizeof known);
    if (builtin == NULL)
        return pw_fail(error, PW_E_ARGUMENT,
                       "--fn %.*s: no such function; use %s, the path of a plugin (./name.so), py:module:function, or "
                       "exec:COMMAND",
                       (int)length, specification, known);
    (void)snprintf(segmenter->name, sizeof segmenter->name, "%s", builtin->name);
    enum pw_status status = pw_fn_values_parse(&segmenter->values, builtin->name, builtin->options,
                                               specification + length + (specification[length] != '\0'), error);
    return status == PW_OK ? builtin->open(segmenter, &segmenter->values, options, error) : status;
}

static enum pw_status open_any(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                               struct pw_error *error)
{
    const char *specification = options->segmenter;
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
    return is_plugin(specification) ? open_plugin(segmenter, specification, error)
                                    : open_builtin(segmenter, options, error);
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
    return open_any(segmenter, options, error);
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
