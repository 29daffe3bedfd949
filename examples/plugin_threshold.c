/*
 * plugin_threshold.c - a segmentation plugin: smooth, threshold, label.
 *
 *   cc -shared -fPIC -O2 plugin_threshold.c $(pkg-config --cflags patchworks) -o plugin_threshold.so
 *   pw-stream run image.tif --fn ./plugin_threshold.so:90 -o labels.zarr
 *
 * A voxel is bright when the mean of the 3 x 3 voxels around it in its plane is above the limit (90 above); at the
 * image border the mean is over the voxels that exist.  Objects are the face-connected bright voxels.  The labels do
 * not depend on the tile size: the halo gives every core voxel its true neighbours, and only the core is labelled.
 * doc/PLUGINS.md walks through this file.
 */
#include <math.h>
#include <patchworks.h>
#include <stdio.h>
#include <stdlib.h>

/* Per worker thread: filled by start(), used by segment(), released by stop(). */
struct state {
    double limit;
    size_t *stack; /* voxels whose neighbours are to be visited; grows to the largest core seen */
    size_t capacity;
};

/* pw-stream checks what is given against this table, and `pw-stream fn show` prints it. */
static const struct pw_fn_option options[] = {
    {"limit", PW_FN_NUMBER, NULL, "voxels whose mean is above it are objects"},
    {NULL, PW_FN_TEXT, NULL, NULL},
};

static int start(const struct pw_start *start, void **out)
{
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        snprintf(start->message, start->message_bytes, "out of memory");
        return 1;
    }
    state->limit = start->number(start, "limit", 0);
    if (!isfinite(state->limit)) {
        snprintf(start->message, start->message_bytes, "the limit is not a finite number");
        free(state);
        return 1;
    }
    *out = state;
    return 0;
}

static void stop(void *user)
{
    struct state *state = user;
    if (state != NULL)
        free(state->stack);
    free(state);
}

static double voxel_value(const struct pw_tile *tile, uint64_t z, uint64_t y, uint64_t x)
{
    const unsigned char *at = (const unsigned char *)tile->voxels + z * tile->stride_bytes[0] +
                              y * tile->stride_bytes[1] + x * tile->stride_bytes[2];
    switch (tile->dtype) {
    case PW_U8: return *at;
    case PW_U16: return *(const uint16_t *)(const void *)at;
    case PW_F32: return (double)*(const float *)(const void *)at;
    default: return NAN; /* .dtypes has no other */
    }
}

/* Window coordinates in, mean of the up to nine voxels around out.  The window is clipped at the image border. */
static double mean_around(const struct pw_tile *tile, uint64_t z, uint64_t y, uint64_t x)
{
    uint64_t y0 = y > 0 ? y - 1 : 0, y1 = y + 1 < tile->shape[1] ? y + 1 : y;
    uint64_t x0 = x > 0 ? x - 1 : 0, x1 = x + 1 < tile->shape[2] ? x + 1 : x;
    double sum = 0;
    for (uint64_t v = y0; v <= y1; v++)
        for (uint64_t u = x0; u <= x1; u++)
            sum += voxel_value(tile, z, v, u);
    return sum / (double)((y1 - y0 + 1) * (x1 - x0 + 1));
}

/* Marks the bright voxels of the core with UINT32_MAX.  Returns how many. */
static size_t mark_bright(const struct pw_tile *tile, uint32_t *labels, double limit)
{
    size_t bright = 0;
    const uint64_t *begin = tile->core_start, *size = tile->core_shape;
    for (uint64_t z = begin[0]; z < begin[0] + size[0]; z++)
        for (uint64_t y = begin[1]; y < begin[1] + size[1]; y++)
            for (uint64_t x = begin[2]; x < begin[2] + size[2]; x++)
                if (mean_around(tile, z, y, x) > limit) {
                    labels[(z * tile->shape[1] + y) * tile->shape[2] + x] = UINT32_MAX;
                    bright++;
                }
    return bright;
}

/* Gives id to the marked voxels that are connected with seed. */
static void fill(const struct pw_tile *tile, uint32_t *labels, size_t seed, uint32_t id, size_t *stack)
{
    const size_t step[3] = {(size_t)(tile->shape[1] * tile->shape[2]), (size_t)tile->shape[2], 1};
    size_t n = 0;
    labels[seed] = id;
    stack[n++] = seed;
    while (n > 0) {
        size_t at = stack[--n];
        for (int axis = 0; axis < 3; axis++) {
            uint64_t position = at / step[axis] % tile->shape[axis];
            if (position > 0 && labels[at - step[axis]] == UINT32_MAX)
                labels[stack[n++] = at - step[axis]] = id;
            if (position + 1 < tile->shape[axis] && labels[at + step[axis]] == UINT32_MAX)
                labels[stack[n++] = at + step[axis]] = id;
        }
    }
}

static int segment(const struct pw_tile *tile, uint32_t *labels, void *user)
{
    struct state *state = user;
    size_t core = (size_t)(tile->core_shape[0] * tile->core_shape[1] * tile->core_shape[2]);
    if (core > state->capacity) {
        free(state->stack);
        state->stack = malloc(core * sizeof *state->stack);
        state->capacity = state->stack != NULL ? core : 0;
        if (state->stack == NULL) {
            snprintf(tile->message, tile->message_bytes, "no memory for %zu voxels", core);
            return 1;
        }
    }
    if (mark_bright(tile, labels, state->limit) == 0)
        return 0;
    uint32_t id = 0;
    size_t count = (size_t)(tile->shape[0] * tile->shape[1] * tile->shape[2]);
    for (size_t i = 0; i < count; i++)
        if (labels[i] == UINT32_MAX)
            fill(tile, labels, i, ++id, state->stack);
    return 0;
}

const struct pw_plugin *pw_plugin(void);

PW_API const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {
        .abi = PW_PLUGIN_ABI,
        .struct_size = sizeof(struct pw_plugin),
        .name = "smooth_threshold",
        .description = "3 x 3 mean above a limit, face-connected components",
        .flags = PW_SEGMENT_COMPONENTS,
        .connectivity = 1,
        .halo = {0, 1, 1},
        .scratch_bytes_per_voxel = sizeof(size_t),
        .options = options,
        .start = start,
        .segment = segment,
        .stop = stop,
        .dtypes = PW_DTYPE_BIT(PW_U8) | PW_DTYPE_BIT(PW_U16) | PW_DTYPE_BIT(PW_F32),
    };
    return &plugin;
}
