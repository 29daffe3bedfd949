/*
 * A segmenter plugin for the tests: writes down which tiles it is called for.  Option: the file that gets a line for each
 * call, "index z y x", the last three the first voxel of the window.  The labels are blocks of 8 x 8 voxels in the plane,
 * as far as they are not 0, so that they do not depend on the tile.  They are instances.
 *
 * CALLS_FAIL=N in the environment makes tile N fail, CALLS_SLEEP_US=N makes every call take so long, CALLS_BLOCK=N
 * makes blocks of N x N.
 */
#include <fcntl.h>
#include <patchworks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct state {
    int log;
};

static int start(const struct pw_start *start, void **state)
{
    const char *options = start->options;
    struct state *made = malloc(sizeof *made);
    made->log = open(options, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (made->log < 0) {
        snprintf(start->message, start->message_bytes, "the option is a file to write to; '%s' is none", options);
        free(made);
        return 1;
    }
    *state = made;
    return 0;
}

static void stop(void *state)
{
    close(((struct state *)state)->log);
    free(state);
}

static int is_set(const char *voxel, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (voxel[i] != 0)
            return 1;
    return 0;
}

static int segment(const struct pw_tile *tile, uint32_t *labels, void *state)
{
    char line[128];
    const char *fail = getenv("CALLS_FAIL"), *sleep_us = getenv("CALLS_SLEEP_US"), *block = getenv("CALLS_BLOCK");
    uint64_t width = block != NULL ? strtoull(block, NULL, 10) : 8;
    size_t bytes = tile->stride_bytes[2]; /* voxels of a row stand side by side */
    if (sleep_us != NULL)
        usleep((useconds_t)atoi(sleep_us));
    if (fail != NULL && strtoull(fail, NULL, 10) == tile->index) {
        snprintf(tile->message, tile->message_bytes, "as it was asked to");
        return 1;
    }
    for (uint64_t z = 0; z < tile->shape[0]; z++)
        for (uint64_t y = 0; y < tile->shape[1]; y++)
            for (uint64_t x = 0; x < tile->shape[2]; x++) {
                const char *at = (const char *)tile->voxels + z * tile->stride_bytes[0] + y * tile->stride_bytes[1] +
                                 x * tile->stride_bytes[2];
                *labels++ = is_set(at, bytes)
                                ? 1 + (uint32_t)((tile->origin[1] + y) / width * 65536 + (tile->origin[2] + x) / width)
                                : 0;
            }
    int n = snprintf(line, sizeof line, "%llu %llu %llu %llu\n", (unsigned long long)tile->index,
                     (unsigned long long)tile->origin[0], (unsigned long long)tile->origin[1],
                     (unsigned long long)tile->origin[2]);
    return write(((struct state *)state)->log, line, (size_t)n) != n;
}

const struct pw_plugin *pw_plugin(void);

PW_API const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {
        .abi = PW_PLUGIN_ABI,
        .struct_size = sizeof(struct pw_plugin),
        .name = "calls",
        .description = "writes down what it is called for",
        .start = start,
        .segment = segment,
        .stop = stop,
    };
    return &plugin;
}
