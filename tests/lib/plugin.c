/*
 * A segmenter plugin for the tests: components of voxels above a threshold by flood fill, one per face contact.
 * Compile-time switches make it misbehave in one way each:
 *   -DPLUGIN_ABI=N         claims another ABI version
 *   -DNO_SYMBOL            exports no pw_plugin
 *   -DFAIL_TILE=N          fails on tile N with a message
 *   -DFAIL_START           fails before the first tile
 *   -DSLEEP_US=N           sleeps in every tile
 *   -DSERIAL               asks to be called from one thread at a time, and fails when it is not
 *   -DNULL_PLUGIN          pw_plugin() returns NULL
 * Options: the threshold as a number (default 100).  16-bit unsigned images only.
 */
#include <patchworks.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct state {
    double threshold;
};

static int start(const struct pw_start *start, void **state)
{
    const char *options = start->options;
#ifdef FAIL_START
    snprintf(start->message, start->message_bytes, "the model of the test is missing");
    return 1;
#endif
    struct state *made = malloc(sizeof(*made));
    if (made == NULL) {
        snprintf(start->message, start->message_bytes, "out of memory");
        return 1;
    }
    made->threshold = 100;
    if (options[0] != '\0') {
        char *end;
        made->threshold = strtod(options, &end);
        if (*end != '\0') {
            snprintf(start->message, start->message_bytes, "'%s' is not a threshold", options);
            free(made);
            return 1;
        }
    }
    *state = made;
    return 0;
}

static void stop(void *state)
{
    free(state);
}

static uint16_t voxel(const struct pw_tile *tile, uint64_t z, uint64_t y, uint64_t x)
{
    const char *at = tile->voxels;
    return *(const uint16_t *)(const void *)(at + z * tile->stride_bytes[0] + y * tile->stride_bytes[1] +
                                             x * tile->stride_bytes[2]);
}

/* Gives label to every voxel that hangs together with index; stack has room for every voxel of the tile. */
static void fill(const struct pw_tile *tile, uint32_t *labels, uint64_t index, uint32_t label, double threshold,
                 uint64_t *stack)
{
    const uint64_t *n = tile->shape;
    const uint64_t step[3] = {n[1] * n[2], n[2], 1};
    uint64_t depth = 0;
    labels[index] = label;
    stack[depth++] = index;
    while (depth > 0) {
        uint64_t at = stack[--depth];
        const uint64_t p[3] = {at / step[0], at / step[1] % n[1], at % n[2]};
        for (int axis = 0; axis < 3; axis++) {
            for (int side = -1; side <= 1; side += 2) {
                if (side < 0 ? p[axis] == 0 : p[axis] + 1 == n[axis])
                    continue;
                uint64_t to = side < 0 ? at - step[axis] : at + step[axis];
                if (labels[to] == 0 && voxel(tile, to / step[0], to / step[1] % n[1], to % n[2]) > threshold) {
                    labels[to] = label;
                    stack[depth++] = to;
                }
            }
        }
    }
}

static int segment(const struct pw_tile *tile, uint32_t *labels, void *user)
{
    const struct state *state = user;
    if (tile->struct_size < sizeof(*tile) || tile->dtype != PW_U16) {
        snprintf(tile->message, tile->message_bytes, "an image of type uint16 is needed");
        return 1;
    }
#ifdef FAIL_TILE
    if (tile->index == FAIL_TILE) {
        snprintf(tile->message, tile->message_bytes, "the test wants it so");
        return 1;
    }
#endif
#ifdef SERIAL
    static atomic_int inside;
    if (atomic_fetch_add(&inside, 1) != 0) {
        snprintf(tile->message, tile->message_bytes, "two threads at a time");
        return 1;
    }
#endif
#ifdef SLEEP_US
    usleep(SLEEP_US);
#endif
    uint64_t voxels = tile->shape[0] * tile->shape[1] * tile->shape[2];
    uint64_t *stack = malloc(voxels * sizeof(*stack));
    if (stack == NULL)
        return 1;
    uint32_t label = 0;
    for (uint64_t i = 0; i < voxels; i++) {
        uint64_t row = tile->shape[1] * tile->shape[2];
        uint16_t value = voxel(tile, i / row, i / tile->shape[2] % tile->shape[1], i % tile->shape[2]);
        if (labels[i] == 0 && value > state->threshold)
            fill(tile, labels, i, label += 3, state->threshold, stack); /* ids with gaps are allowed */
    }
    free(stack);
#ifdef SERIAL
    atomic_fetch_sub(&inside, 1);
#endif
    return 0;
}

#ifndef PLUGIN_ABI
#define PLUGIN_ABI PW_PLUGIN_ABI
#endif
#ifdef SERIAL
#define MORE_FLAGS | PW_SEGMENT_SERIAL
#else
#define MORE_FLAGS
#endif

#ifndef NULL_PLUGIN
static const struct pw_plugin description = {
    .abi = PLUGIN_ABI,
    .struct_size = sizeof(struct pw_plugin),
    .name = "test",
    .description = "flood fill above a threshold",
    .flags = PW_SEGMENT_COMPONENTS MORE_FLAGS,
    .connectivity = 1,
    .scratch_bytes_per_voxel = sizeof(uint64_t),
    .start = start,
    .segment = segment,
    .stop = stop,
};
#endif

#ifdef NO_SYMBOL
#define SYMBOL not_the_symbol
#else
#define SYMBOL pw_plugin
#endif

const struct pw_plugin *SYMBOL(void);

const struct pw_plugin *SYMBOL(void)
{
#ifdef NULL_PLUGIN
    return NULL;
#else
    return &description;
#endif
}
