/*
 * embed.c - patchworks inside another program, with a segmentation function of its own.
 *
 *   cc embed.c $(pkg-config --cflags --libs patchworks) -o embed && ./embed image.tif labels.zarr 90
 */
#include <patchworks.h>
#include <stdio.h>
#include <stdlib.h>

/* Labels the face-connected parts of one tile that are brighter than *user; patchworks joins them across tiles. */
static int label_bright(const struct pw_tile *tile, uint32_t *labels, void *user)
{
    const uint8_t *voxels = tile->voxels;
    const size_t step[3] = {(size_t)(tile->shape[1] * tile->shape[2]), (size_t)tile->shape[2], 1};
    const size_t count = (size_t)tile->shape[0] * step[0];
    size_t *stack = malloc(count * sizeof *stack), n = 0; /* every voxel is pushed at most once */
    if (stack == NULL || tile->dtype != PW_U8) {
        snprintf(tile->message, tile->message_bytes, "no memory, or %s voxels", pw_dtype_name(tile->dtype));
        free(stack);
        return 1;
    }
    uint32_t id = 0;
    for (size_t seed = 0; seed < count; seed++) {
        if (voxels[seed] <= *(const int *)user || labels[seed] != 0)
            continue;
        labels[seed] = ++id;
        for (stack[n++] = seed; n > 0;) {
            size_t at = stack[--n];
            for (int side = 0; side < 6; side++) {
                size_t along = step[side / 2], position = at / along % tile->shape[side / 2];
                if (side % 2 == 0 ? position == 0 : position + 1 == tile->shape[side / 2])
                    continue;
                size_t next = side % 2 == 0 ? at - along : at + along;
                if (voxels[next] > *(const int *)user && labels[next] == 0)
                    labels[stack[n++] = next] = id;
            }
        }
    }
    free(stack);
    return 0;
}

int main(int argc, char **argv)
{
    int limit = argc == 4 ? atoi(argv[3]) : -1;
    struct pw_run_options options;
    struct pw_run_result result;
    struct pw_error error = {.message = "usage: embed IMAGE LABELS LIMIT"};
    pw_run_options_init(&options);
    options.input = argv[1];
    options.output = argc == 4 ? argv[2] : NULL;
    options.segment = label_bright;
    options.segment_user = &limit;
    options.segment_flags = PW_SEGMENT_COMPONENTS;
    if (limit < 0 || pw_run(&options, &result, &error) != PW_OK)
        return fprintf(stderr, "%s: %s\n", argv[0], error.message), 1;
    printf("%llu objects in %s\n", (unsigned long long)result.n_objects, result.output);
    return 0;
}
