/*
 * A segmenter plugin for the tests: the labels of each tile are read from a file that the test wrote beforehand, so
 * that any labels at all can be put through a run.  Option: the folder of the files.
 *
 * A tile's file is named by its number, and by the first voxel and the shape of its window, z y x:
 * "7_0_90_180_1x120x120.u32".  It holds the window's labels as 32-bit numbers of the machine's byte order, dense, x
 * fastest.  pwtest/instances.py writes them.  The labels are instances: they may touch, and the rules for instances
 * apply.
 *
 * -DONCE renames each file to name.done when it was read: a tile that is asked for again is not there, and the test
 * sees which were.
 */
#include <errno.h>
#include <patchworks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 4096

static int start(const struct pw_start *start, void **state)
{
    const char *options = start->options;
    struct stat found;
    if (stat(options, &found) != 0 || !S_ISDIR(found.st_mode)) {
        snprintf(start->message, start->message_bytes, "the option is the folder of the tiles' labels; '%s' is none",
                 options);
        return 1;
    }
    *state = strdup(options);
    return *state == NULL;
}

static void stop(void *state)
{
    free(state);
}

static int name_file(const struct pw_tile *tile, const char *folder, char path[PATH_BYTES])
{
    const uint64_t *o = tile->origin, *n = tile->shape;
    int length =
        snprintf(path, PATH_BYTES, "%s/%llu_%llu_%llu_%llu_%llux%llux%llu.u32", folder, (unsigned long long)tile->index,
                 (unsigned long long)o[0], (unsigned long long)o[1], (unsigned long long)o[2], (unsigned long long)n[0],
                 (unsigned long long)n[1], (unsigned long long)n[2]);
    return length < 0 || length >= PATH_BYTES;
}

static int segment(const struct pw_tile *tile, uint32_t *labels, void *state)
{
    char path[PATH_BYTES];
    if (name_file(tile, state, path) != 0) {
        snprintf(tile->message, tile->message_bytes, "the path of the tile's labels is too long");
        return 1;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        snprintf(tile->message, tile->message_bytes, "%s: %s", path, strerror(errno));
        return 1;
    }
    size_t voxels = (size_t)(tile->shape[0] * tile->shape[1] * tile->shape[2]);
    size_t got = fread(labels, sizeof *labels, voxels, file);
    int more = got == voxels && fgetc(file) != EOF;
    fclose(file);
    if (got != voxels || more) {
        snprintf(tile->message, tile->message_bytes, "%s: holds %s than the %zu labels of the window", path,
                 more ? "more" : "less", voxels);
        return 1;
    }
#ifdef ONCE
    char done[PATH_BYTES + 8];
    snprintf(done, sizeof done, "%s.done", path);
    if (rename(path, done) != 0) {
        snprintf(tile->message, tile->message_bytes, "%s: %s", path, strerror(errno));
        return 1;
    }
#endif
    return 0;
}

const struct pw_plugin *pw_plugin(void);

PW_API const struct pw_plugin *pw_plugin(void)
{
    static const struct pw_plugin plugin = {
        .abi = PW_PLUGIN_ABI,
        .struct_size = sizeof(struct pw_plugin),
        .name = "replay",
        .description = "labels that were made beforehand",
        .flags = 0,
        .connectivity = 0,
        .start = start,
        .segment = segment,
        .stop = stop,
    };
    return &plugin;
}
