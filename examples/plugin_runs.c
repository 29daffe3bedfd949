/*
 * plugin_runs.c - a segmentation plugin that gives runs instead of painting labels: bands of brightness.
 *
 *   cc -shared -fPIC -O2 plugin_runs.c $(pkg-config --cflags patchworks) -o plugin_runs.so
 *   pw-stream run image.tif --fn ./plugin_runs.so:width=3 -o labels.zarr --merge touch
 *   pw-stream run image.tif --fn ./plugin_runs.c:width=3 -o labels.zarr --merge touch      (compiled on the way)
 *
 * A row of voxels is cut where it crosses the limit, the mean of the whole image's 50th and 99th percentiles; stretches of at
 * least width bright voxels are kept, each with a label of its own.  It shows what an ABI 1 plugin can ask for: options from a
 * table, statistics of the whole image, voxels as float32, needs that depend on options, and runs.  doc/PLUGINS.md
 * explains each.
 */
#include <patchworks.h>
#include <stdio.h>
#include <stdlib.h>

struct state {
    uint64_t width;
    float limit;
};

static const struct pw_fn_option options[] = {
    {"width", PW_FN_INTEGER, "1", "bright voxels that a stretch has at least"},
    {NULL, PW_FN_TEXT, NULL, NULL},
};

/* Before the run is planned: a stretch is judged by its true length when the window reaches that far beyond the core. */
static int configure(const struct pw_start *start, struct pw_needs *needs)
{
    double width = start->number(start, "width", 1);
    if (width < 1 || width > 1000) {
        snprintf(start->message, start->message_bytes, "width=%g is not from 1 to 1000", width);
        return 1;
    }
    needs->halo[2] = (uint64_t)width;
    return 0;
}

static int start(const struct pw_start *start, void **out)
{
    struct state *state = malloc(sizeof *state);
    if (state == NULL)
        return 1;
    const struct pw_statistics *image = start->statistics[0];
    state->width = (uint64_t)start->number(start, "width", 1);
    state->limit = (float)((image->percentile[0] + image->percentile[1]) / 2);
    *out = state;
    return 0;
}

/* The first voxel at or after x that is bright (or is not). */
static uint64_t next(const float *row, uint64_t x, uint64_t end, float limit, int bright)
{
    while (x < end && (row[x] > limit) != bright)
        x++;
    return x;
}

static int segment_runs(const struct pw_tile *tile, struct pw_run_writer *writer, void *user)
{
    const struct state *state = user;
    const float *row = tile->voxels;
    uint64_t width = tile->shape[2], end;
    uint32_t label = 0;
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        for (uint64_t y = 0; y < tile->shape[1]; y++, row += width)
            for (uint64_t x = next(row, 0, width, state->limit, 1); x < width;
                 x = next(row, end, width, state->limit, 1)) {
                end = next(row, x, width, state->limit, 0);
                if (end - x >= state->width && writer->add(writer, z, y, x, end, ++label) != 0)
                    return 1; /* the reason is in tile->message already */
            }
    return 0;
}

PW_API const struct pw_plugin *pw_plugin(void);

PW_API const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {
        .abi = PW_PLUGIN_ABI,
        .struct_size = sizeof(struct pw_plugin),
        .name = "bright_runs",
        .description = "bright stretches of rows",
        .flags = PW_SEGMENT_FLOAT32,
        .options = options,
        .start = start,
        .segment_runs = segment_runs,
        .stop = free,
        .configure = configure,
        .n_percentiles = 2,
        .percent = {50, 99},
        .help = "The limit lies halfway between the median and the 99th percentile of the whole image.",
    };
    return &plugin;
}
