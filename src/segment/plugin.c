/* Loading a plugin: the object, its entry, its promises, all checked before any tile. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "segment/segmenter.h"
#include "sys/dynlib.h"

static enum pw_status check(const char *path, const struct pw_plugin *plugin, struct pw_error *error)
{
    if (plugin == NULL)
        return pw_fail(error, PW_E_PLUGIN, "%s: pw_plugin() returned nothing", path);
    if (plugin->abi != PW_PLUGIN_ABI)
        return pw_fail(error, PW_E_PLUGIN, "%s: made for plugin ABI %u, this is %d; compile it with this patchworks.h",
                       path, plugin->abi, PW_PLUGIN_ABI);
    if (plugin->struct_size < sizeof *plugin)
        return pw_fail(error, PW_E_PLUGIN, "%s: struct pw_plugin of %u bytes, at least %zu needed", path,
                       plugin->struct_size, sizeof *plugin);
    if (plugin->segment == NULL)
        return pw_fail(error, PW_E_PLUGIN, "%s: has no segment function", path);
    if (plugin->connectivity > 3)
        return pw_fail(error, PW_E_PLUGIN, "%s: connectivity %u is not 0..3", path, plugin->connectivity);
    return PW_OK;
}

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

enum pw_status pw_plugin_open(struct pw_segmenter *segmenter, const char *path, const char *options,
                              struct pw_error *error)
{
    pw_plugin_fn entry = NULL;
    pw_function function = NULL;
    enum pw_status status = pw_dynlib_open(path, "pw_plugin", &segmenter->plugin_handle, &function, error);
    if (status != PW_OK)
        return status;
    entry = (pw_plugin_fn)function;
    const struct pw_plugin *plugin = entry();
    status = check(path, plugin, error);
    if (status != PW_OK)
        return status;
    int length = snprintf(segmenter->plugin_options, sizeof segmenter->plugin_options, "%s", options);
    if (length < 0 || (size_t)length >= sizeof segmenter->plugin_options)
        return pw_fail(error, PW_E_ARGUMENT, "%s: options longer than %zu characters", path,
                       sizeof segmenter->plugin_options - 1);
    segmenter->plugin = plugin;
    segmenter->ops = &pw_callback_segment_ops;
    segmenter->labels_may_touch = 1;
    segmenter->components = (plugin->flags & PW_SEGMENT_COMPONENTS) != 0;
    segmenter->serial = (plugin->flags & PW_SEGMENT_SERIAL) != 0;
    segmenter->connectivity = (int)plugin->connectivity;
    if (segmenter->connectivity > segmenter->rank)
        segmenter->connectivity = segmenter->rank;
    segmenter->scratch_bytes_per_voxel = plugin->scratch_bytes_per_voxel;
    memcpy(segmenter->halo, plugin->halo, sizeof segmenter->halo);
    take_name(segmenter, plugin->name);
    (void)snprintf(segmenter->text, sizeof segmenter->text, "%s", segmenter->name);
    return PW_OK;
}
