/*
 * plugin_runs.c - a segmentation plugin that gives runs instead of painting labels: bright stretches, connected.
 *
 *   cc -shared -fPIC -O2 plugin_runs.c $(pkg-config --cflags patchworks) -o plugin_runs.so
 *   pw-stream run image.tif --fn ./plugin_runs.so:width=6 -o labels.zarr
 *   pw-stream run image.tif --fn ./plugin_runs.c:width=6 -o labels.zarr      (compiled on the way)
 *
 * A row of voxels is cut where it crosses the limit, halfway between the median and the 99th percentile of the whole
 * image; bright stretches of at least width voxels are kept, and those of neighbouring rows and planes that meet are one
 * object.  It shows what an ABI 1 plugin can ask for: options from a table, statistics of the whole image, voxels as
 * float32, needs that depend on options, and runs.  doc/PLUGINS.md explains each.
 */
#include <patchworks.h>
#include <stdio.h>
#include <stdlib.h>

/* A stretch start..end-1 of a row; its component is that of the run number parent. */
struct run {
    uint64_t row;
    uint32_t start, end, parent;
};

struct state {
    uint64_t width;
    float limit;
    struct run *run; /* room for all that the largest window can have */
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

static void stop(void *user)
{
    free(((struct state *)user)->run);
    free(user);
}

static int start(const struct pw_start *start, void **out)
{
    const struct pw_statistics *image = start->statistics[0];
    const uint64_t *n = start->window;
    struct state *state = malloc(sizeof *state);
    if (state == NULL)
        return 1;
    state->width = (uint64_t)start->number(start, "width", 1);
    state->limit = (float)((image->percentile[0] + image->percentile[1]) / 2);
    state->run = malloc((size_t)(n[0] * n[1] * (n[2] / (state->width + 1) + 1)) * sizeof *state->run);
    if (state->run == NULL) {
        free(state);
        return 1;
    }
    *out = state;
    return 0;
}

static uint32_t root(struct run *run, uint32_t i)
{
    while (run[i].parent != i)
        i = run[i].parent = run[run[i].parent].parent;
    return i;
}

/* Joins the runs of a row, from..to-1, with those of the other that have a voxel beside them. */
static void join(struct run *run, uint32_t from, uint32_t to, uint32_t other, uint32_t other_to)
{
    while (from < to && other < other_to) {
        if (run[from].start < run[other].end && run[other].start < run[from].end) {
            uint32_t a = root(run, from), b = root(run, other);
            run[a > b ? a : b].parent = a > b ? b : a;
        }
        if (run[from].end < run[other].end)
            from++;
        else
            other++;
    }
}

/* The first voxel at or after x that is bright, or that is not. */
static uint64_t next(const float *row, uint64_t x, uint64_t end, float limit, int bright)
{
    while (x < end && (row[x] > limit) != bright)
        x++;
    return x;
}

/* Appends the runs of one row to the n there are; returns how many there are then. */
static uint32_t find_runs(const struct state *state, const float *voxels, uint64_t row, uint64_t length, uint32_t n)
{
    for (uint64_t x = next(voxels, 0, length, state->limit, 1), end; x < length;
         x = next(voxels, end, length, state->limit, 1)) {
        end = next(voxels, x, length, state->limit, 0);
        if (end - x >= state->width) {
            state->run[n] = (struct run){row, (uint32_t)x, (uint32_t)end, n};
            n++;
        }
    }
    return n;
}

/* The first run of a row or of a later one, from run i on. */
static uint32_t skip_to(const struct run *run, uint32_t i, uint32_t n, uint64_t row)
{
    while (i < n && run[i].row < row)
        i++;
    return i;
}

static int segment_runs(const struct pw_tile *tile, struct pw_run_writer *writer, void *user)
{
    const struct state *state = user;
    struct run *run = state->run;
    uint64_t rows = tile->shape[0] * tile->shape[1];
    uint32_t n = 0, above = 0, behind = 0; /* first runs of the row before, and of the same row a plane before */
    for (uint64_t r = 0; r < rows; r++) {
        uint32_t first = n;
        n = find_runs(state, (const float *)tile->voxels + r * tile->shape[2], r, tile->shape[2], n);
        if (r % tile->shape[1] > 0) {
            above = skip_to(run, above, first, r - 1);
            join(run, first, n, above, first);
        }
        if (r >= tile->shape[1]) {
            behind = skip_to(run, behind, first, r - tile->shape[1]);
            join(run, first, n, behind, skip_to(run, behind, first, r - tile->shape[1] + 1));
        }
    }
    for (uint32_t i = 0; i < n; i++)
        if (writer->add(writer, run[i].row / tile->shape[1], run[i].row % tile->shape[1], run[i].start, run[i].end,
                        root(run, i) + 1) != 0)
            return 1; /* the reason is in tile->message already */
    return 0;
}

PW_API const struct pw_plugin *pw_plugin(void);

PW_API const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {
        .abi = PW_PLUGIN_ABI,
        .struct_size = sizeof(struct pw_plugin),
        .name = "bright_runs",
        .description = "bright stretches of rows, connected",
        .flags = PW_SEGMENT_COMPONENTS | PW_SEGMENT_FLOAT32,
        .connectivity = 1,
        .scratch_bytes_per_voxel = sizeof(struct run),
        .options = options,
        .start = start,
        .segment_runs = segment_runs,
        .stop = stop,
        .configure = configure,
        .n_percentiles = 2,
        .percent = {50, 99},
        .help = "The limit lies halfway between the median and the 99th percentile of the whole image.",
    };
    return &plugin;
}
