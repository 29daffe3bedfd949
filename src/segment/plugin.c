/* Loading a plugin: the object, its entry, its promises, all checked before any tile. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "segment/segmenter.h"
#include "sys/dynlib.h"
#include "tile/volume.h"

/* ---- the structure ----------------------------------------------------- */

/* The shortest that ABI 1 ever had: what follows was, or may have been, appended to it. */
#define LEAST_BYTES offsetof(struct pw_plugin, segment_runs)

/* A structure of this size is a mistake rather than a later version. */
#define MOST_BYTES ((size_t)64 << 10)

/* A longer one comes from a later header: it can be taken when it asks for nothing that is not known here. */
static int asks_for_more(const struct pw_plugin *plugin)
{
    const unsigned char *bytes = (const void *)plugin;
    for (size_t i = sizeof *plugin; i < plugin->struct_size; i++)
        if (bytes[i] != 0)
            return 1;
    return 0;
}

static enum pw_status check_version(const char *path, const struct pw_plugin *plugin, struct pw_error *error)
{
    if (plugin == NULL)
        return pw_fail(error, PW_E_PLUGIN, "%s: pw_plugin() returned nothing", path);
    if (plugin->abi != PW_PLUGIN_ABI)
        return pw_fail(error, PW_E_PLUGIN, "%s: made for plugin ABI %u, this is %d; compile it with this patchworks.h",
                       path, plugin->abi, PW_PLUGIN_ABI);
    if (plugin->struct_size < LEAST_BYTES || plugin->struct_size > MOST_BYTES)
        return pw_fail(error, PW_E_PLUGIN, "%s: struct pw_plugin of %u bytes, at least %zu needed", path,
                       plugin->struct_size, LEAST_BYTES);
    if (asks_for_more(plugin))
        return pw_fail(error, PW_E_PLUGIN, "%s: asks for what patchworks %s does not have yet", path, pw_version());
    return PW_OK;
}

static enum pw_status check_entries(const char *path, const struct pw_plugin *plugin, struct pw_error *error)
{
    if (plugin->segment == NULL && plugin->segment_runs == NULL)
        return pw_fail(error, PW_E_PLUGIN, "%s: has no segment function", path);
    if (plugin->segment != NULL && plugin->segment_runs != NULL)
        return pw_fail(error, PW_E_PLUGIN, "%s: has both segment and segment_runs", path);
    return PW_OK;
}

/* ---- what it needs ----------------------------------------------------- */

static void fill_needs(const struct pw_plugin *plugin, struct pw_needs *needs)
{
    memset(needs, 0, sizeof *needs);
    needs->struct_size = sizeof *needs;
    needs->flags = plugin->flags;
    needs->connectivity = plugin->connectivity;
    memcpy(needs->halo, plugin->halo, sizeof needs->halo);
    memcpy(needs->context, plugin->context, sizeof needs->context);
    needs->scratch_bytes_per_voxel = plugin->scratch_bytes_per_voxel;
    needs->scratch_bytes = plugin->scratch_bytes;
    needs->channels = plugin->channels;
    needs->dtypes = plugin->dtypes;
    needs->statistics = plugin->statistics;
    needs->n_percentiles = plugin->n_percentiles;
    memcpy(needs->percent, plugin->percent, sizeof needs->percent);
}

static enum pw_status check_needs(const char *path, const struct pw_needs *needs, struct pw_error *error)
{
    const uint32_t flags = PW_SEGMENT_COMPONENTS | PW_SEGMENT_SERIAL | PW_SEGMENT_FLOAT32 | PW_SEGMENT_MASK;
    if (needs->connectivity > 3)
        return pw_fail(error, PW_E_PLUGIN, "%s: connectivity %u is not 0..3", path, needs->connectivity);
    if ((needs->flags & ~flags) != 0)
        return pw_fail(error, PW_E_PLUGIN, "%s: flags 0x%x, of which 0x%x are known", path, needs->flags, flags);
    if ((needs->statistics & ~(uint32_t)(PW_STATISTIC_RANGE | PW_STATISTIC_HISTOGRAM)) != 0)
        return pw_fail(error, PW_E_PLUGIN, "%s: statistics 0x%x are not known", path, needs->statistics);
    if (needs->n_percentiles > PW_PERCENTILES_MAX)
        return pw_fail(error, PW_E_PLUGIN, "%s: %u percentiles, at most %d", path, needs->n_percentiles,
                       PW_PERCENTILES_MAX);
    for (uint32_t i = 0; i < needs->n_percentiles; i++)
        if (!(needs->percent[i] >= 0 && needs->percent[i] <= 100))
            return pw_fail(error, PW_E_PLUGIN, "%s: percentile %g is not from 0 to 100", path, needs->percent[i]);
    return PW_OK;
}

/* "uint8, uint16" */
static void name_types(uint32_t set, char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (enum pw_dtype dtype = PW_BOOL; dtype <= PW_F64 && used < bytes; dtype++)
        if (set & PW_DTYPE_BIT(dtype))
            used += (size_t)snprintf(out + used, bytes - used, "%s%s", used > 0 ? ", " : "", pw_dtype_name(dtype));
}

/* The image's type where the function takes it, else float32 if it wants that. */
static enum pw_status choose_dtype(struct pw_segmenter *segmenter, const char *path, struct pw_error *error)
{
    const struct pw_needs *needs = &segmenter->needs;
    int converts = (needs->flags & PW_SEGMENT_FLOAT32) != 0;
    char known[160];
    name_types(needs->dtypes, known, sizeof known);
    if (converts && needs->dtypes != 0 && (needs->dtypes & PW_DTYPE_BIT(PW_F32)) == 0)
        return pw_fail(error, PW_E_PLUGIN, "%s: wants float32 and takes only %s", path, known);
    segmenter->voxel_dtype = segmenter->dtype;
    segmenter->normalizes = converts && segmenter->normalize.kind != PW_NORMALIZE_NONE;
    if (segmenter->normalizes) {
        segmenter->voxel_dtype = PW_F32;
        return PW_OK;
    }
    if (needs->dtypes != 0 ? (needs->dtypes & PW_DTYPE_BIT(segmenter->dtype)) != 0 : !converts)
        return PW_OK;
    if (!converts)
        return pw_fail(error, PW_E_UNSUPPORTED, "--fn %s: takes voxels of %s, and these are %s", segmenter->name, known,
                       pw_dtype_name(segmenter->dtype));
    segmenter->voxel_dtype = PW_F32;
    return PW_OK;
}

/* ---- options ----------------------------------------------------------- */

static double start_number(const struct pw_start *start, const char *name, double otherwise)
{
    const struct pw_segmenter *segmenter = start->host;
    return pw_fn_number(&segmenter->values, name, &otherwise, NULL) == PW_OK ? otherwise : (double)NAN;
}

static const char *start_text(const struct pw_start *start, const char *name, const char *otherwise)
{
    const struct pw_segmenter *segmenter = start->host;
    const char *text = pw_fn_text(&segmenter->values, name);
    return text != NULL ? text : otherwise;
}

static uint32_t image_channels(const struct pw_volume *volume)
{
    const struct pw_image_info *info = &volume->source->info;
    for (int a = 0; a < info->rank; a++)
        if (info->axis[a].kind == 'c' && info->shape[a] < UINT32_MAX)
            return (uint32_t)info->shape[a];
    return 1;
}

void pw_plugin_start_info(const struct pw_segmenter *segmenter, struct pw_start *start, char *message,
                          size_t message_bytes)
{
    const struct pw_volume *volume = segmenter->volume;
    memset(start, 0, sizeof *start);
    start->struct_size = sizeof *start;
    start->options = segmenter->plugin_options;
    start->options_json = segmenter->options_json;
    start->number = start_number;
    start->text = start_text;
    start->dtype = segmenter->voxel_dtype;
    start->rank = segmenter->rank;
    memcpy(start->volume_shape, volume->shape, sizeof start->volume_shape);
    for (int i = 0; i < 3; i++)
        start->voxel_size[i] = volume->space[i].scale;
    start->unit = volume->space[2].unit;
    start->n_channels = image_channels(volume);
    start->message = message;
    start->message_bytes = message_bytes;
    start->host = segmenter;
}

static enum pw_status read_options(struct pw_segmenter *segmenter, const char *path, const char *options,
                                   struct pw_error *error)
{
    int length = snprintf(segmenter->plugin_options, sizeof segmenter->plugin_options, "%s", options);
    if (length < 0 || (size_t)length >= sizeof segmenter->plugin_options)
        return pw_fail(error, PW_E_ARGUMENT, "%s: options longer than %zu characters", path,
                       sizeof segmenter->plugin_options - 1);
    enum pw_status status =
        pw_fn_values_parse(&segmenter->values, segmenter->name, segmenter->plugin.options, options, error);
    if (status != PW_OK)
        return status;
    return pw_fn_values_json(&segmenter->values, segmenter->options_json, sizeof segmenter->options_json, error);
}

static enum pw_status configure(struct pw_segmenter *segmenter, struct pw_error *error)
{
    char message[512] = "";
    struct pw_start start;
    if (segmenter->plugin.configure == NULL)
        return PW_OK;
    pw_plugin_start_info(segmenter, &start, message, sizeof message);
    if (segmenter->plugin.configure(&start, &segmenter->needs) == 0)
        return PW_OK;
    message[sizeof message - 1] = '\0';
    return pw_fail(error, PW_E_SEGMENTER, "--fn %s: %s", segmenter->name,
                   message[0] != '\0' ? message : "refuses its options and gives no reason");
}

/* ---- the segmenter ----------------------------------------------------- */

/* The plugin's name as a label image's: letters, digits, - and _. */
static void take_name(struct pw_segmenter *segmenter, const char *name)
{
    size_t n = 0;
    for (; name != NULL && name[n] != '\0' && n + 1 < sizeof segmenter->name; n++) {
        char c = name[n];
        int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        segmenter->name[n] = c;
        if (!plain)
            segmenter->name[n] = '_';
    }
    segmenter->name[n] = '\0';
    if (n == 0)
        (void)snprintf(segmenter->name, sizeof segmenter->name, "labels");
}

static void take_needs(struct pw_segmenter *segmenter)
{
    const struct pw_needs *needs = &segmenter->needs;
    segmenter->components = (needs->flags & (PW_SEGMENT_COMPONENTS | PW_SEGMENT_MASK)) != 0;
    segmenter->gives_mask = (needs->flags & PW_SEGMENT_MASK) != 0;
    segmenter->serial = (needs->flags & PW_SEGMENT_SERIAL) != 0;
    segmenter->connectivity = (int)needs->connectivity;
    if (segmenter->connectivity > segmenter->rank)
        segmenter->connectivity = segmenter->rank;
    segmenter->scratch_bytes_per_voxel = needs->scratch_bytes_per_voxel;
    segmenter->scratch_bytes = needs->scratch_bytes;
    memcpy(segmenter->halo, needs->halo, sizeof segmenter->halo);
    memcpy(segmenter->context, needs->context, sizeof segmenter->context);
    segmenter->channels = needs->channels == 0 ? 1 : needs->channels;
    segmenter->wants_statistics = needs->statistics;
    segmenter->n_percentiles = needs->n_percentiles;
    memcpy(segmenter->percent, needs->percent, sizeof segmenter->percent);
}

enum pw_status pw_plugin_copy(const struct pw_plugin *plugin, const char *path, struct pw_plugin *out,
                              struct pw_error *error)
{
    enum pw_status status = check_version(path, plugin, error);
    if (status != PW_OK)
        return status;
    memset(out, 0, sizeof *out);
    memcpy(out, plugin, plugin->struct_size < sizeof *out ? plugin->struct_size : sizeof *out);
    return check_entries(path, out, error);
}

enum pw_status pw_plugin_take(struct pw_segmenter *segmenter, const struct pw_plugin *plugin, const char *path,
                              const char *options, struct pw_error *error)
{
    enum pw_status status = pw_plugin_copy(plugin, path, &segmenter->plugin, error);
    if (status != PW_OK)
        return status;
    segmenter->has_plugin = 1;
    segmenter->ops = &pw_callback_segment_ops;
    segmenter->labels_may_touch = 1;
    take_name(segmenter, plugin->name);
    (void)snprintf(segmenter->text, sizeof segmenter->text, "%s%s%s", segmenter->name, options[0] != '\0' ? ":" : "",
                   options);
    fill_needs(&segmenter->plugin, &segmenter->needs);
    status = read_options(segmenter, path, options, error);
    if (status == PW_OK)
        status = configure(segmenter, error);
    if (status == PW_OK)
        status = check_needs(path, &segmenter->needs, error);
    if (status == PW_OK && (segmenter->needs.flags & PW_SEGMENT_MASK) != 0 && segmenter->plugin.segment == NULL)
        status = pw_fail(error, PW_E_PLUGIN, "%s: a mask comes from segment, not from segment_runs", path);
    if (status == PW_OK)
        status = choose_dtype(segmenter, path, error);
    if (status == PW_OK)
        take_needs(segmenter);
    return status;
}

enum pw_status pw_plugin_open(struct pw_segmenter *segmenter, const char *path, const char *name, const char *options,
                              struct pw_error *error)
{
    pw_function function = NULL;
    enum pw_status status = pw_dynlib_open(path, name, "pw_plugin", &segmenter->plugin_handle, &function, error);
    if (status != PW_OK)
        return status;
    pw_plugin_fn entry = (pw_plugin_fn)function;
    return pw_plugin_take(segmenter, entry(), name, options, error);
}
