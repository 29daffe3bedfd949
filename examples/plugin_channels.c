/*
 * A plugin that works on several channels together: voxels of the first above `threshold` that are brighter there than
 * in each of the others.  Labels are connected components by faces.
 *
 *     cc -O3 -shared -fPIC -o channels.so plugin_channels.c
 *     pw-stream run image.zarr -o labels.zarr --fn ./channels.so:threshold=300 --channel DAPI,GFP
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patchworks.h"

static const struct pw_fn_option option[] = {
    {"threshold", PW_FN_NUMBER, "0", "voxels of the first channel above it"},
    {"channels", PW_FN_INTEGER, "2", "how many it works on; 0: all of the image"},
    {NULL, PW_FN_TEXT, NULL, NULL},
};

static int configure(const struct pw_start *start, struct pw_needs *needs)
{
    double n = start->number(start, "channels", 2);
    needs->channels = n < 1 ? PW_CHANNELS_ALL : (uint32_t)n;
    return 0;
}

static int begin(const struct pw_start *start, void **state)
{
    double *threshold = malloc(2 * sizeof *threshold);
    if (threshold == NULL)
        return 1;
    threshold[0] = start->number(start, "threshold", 0);
    threshold[1] = (double)start->n_channels;
    *state = threshold;
    return 0;
}

static uint16_t voxel(const struct pw_tile *tile, uint32_t channel, uint64_t i)
{
    uint16_t value;
    memcpy(&value, (const char *)tile->voxels + channel * tile->channel_stride_bytes + i * 2, 2);
    return value;
}

static int is_inside(const struct pw_tile *tile, uint64_t i, double threshold)
{
    uint16_t first = voxel(tile, 0, i);
    for (uint32_t c = 1; c < tile->n_channels; c++)
        if (voxel(tile, c, i) >= first)
            return 0;
    return first > threshold;
}

/* Spreads label from voxel i over what has the mark, with a stack of voxels. */
static void fill(const uint64_t shape[3], uint32_t *labels, uint64_t *stack, uint64_t i, uint32_t label)
{
    const uint64_t step[3] = {shape[1] * shape[2], shape[2], 1};
    uint64_t n = 0;
    labels[i] = label;
    stack[n++] = i;
    while (n > 0) {
        uint64_t at = stack[--n];
        for (int a = 0; a < 3; a++) {
            uint64_t place = at / step[a] % shape[a];
            if (place > 0 && labels[at - step[a]] == UINT32_MAX)
                labels[stack[n++] = at - step[a]] = label;
            if (place + 1 < shape[a] && labels[at + step[a]] == UINT32_MAX)
                labels[stack[n++] = at + step[a]] = label;
        }
    }
}

static int segment(const struct pw_tile *tile, uint32_t *labels, void *state)
{
    const double *expected = state;
    uint64_t n = tile->shape[0] * tile->shape[1] * tile->shape[2];
    uint32_t last = 0;
    if (tile->n_channels != (uint32_t)expected[1] || tile->channel_stride_bytes != n * 2) {
        (void)snprintf(tile->message, tile->message_bytes, "%u channels, %zu bytes apart", tile->n_channels,
                       tile->channel_stride_bytes);
        return 1;
    }
    for (uint64_t i = 0; i < n; i++)
        labels[i] = is_inside(tile, i, expected[0]) ? UINT32_MAX : 0;
    uint64_t *stack = malloc((n + 8) * sizeof *stack);
    if (stack == NULL)
        return 1;
    for (uint64_t i = 0; i < n; i++)
        if (labels[i] == UINT32_MAX)
            fill(tile->shape, labels, stack, i, ++last);
    free(stack);
    return 0;
}

static const struct pw_plugin plugin = {
    .abi = PW_PLUGIN_ABI,
    .struct_size = sizeof plugin,
    .name = "brighter",
    .description = "voxels that are brightest in the first channel",
    .flags = PW_SEGMENT_COMPONENTS,
    .connectivity = 1,
    .scratch_bytes_per_voxel = 8,
    .start = begin,
    .segment = segment,
    .stop = free,
    .options = option,
    .configure = configure,
};

PW_API const struct pw_plugin *pw_plugin(void)
{
    return &plugin;
}
