#include "label/box_maximum.h"

#include <string.h>

static float greater(float a, float b)
{
    return a > b ? a : b;
}

static void row_max(float *into, const float *a, const float *b, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        into[i] = greater(a[i], b[i]);
}

uint64_t pw_box_maximum_scratch_bytes(const uint64_t shape[3])
{
    uint64_t n = shape[0] * shape[2] > shape[1] * shape[2] ? shape[0] * shape[2] : shape[1] * shape[2];
    return 2 * n * sizeof(float);
}

/*
 * Lines of n items, each of width floats that lie step floats apart, are cut into blocks of the window's length: the
 * window from i - r to i + r is the end of one block and the beginning of the next.
 */
static void along(float *data, uint64_t n, uint64_t step, uint64_t width, uint64_t radius, float *forward,
                  float *backward)
{
    uint64_t window = 2 * radius + 1;
    for (uint64_t i = 0; i < n; i++) {
        if (i % window == 0)
            memcpy(forward + i * width, data + i * step, (size_t)width * sizeof *data);
        else
            row_max(forward + i * width, forward + (i - 1) * width, data + i * step, width);
    }
    for (uint64_t i = n; i-- > 0;) {
        if (i == n - 1 || (i + 1) % window == 0)
            memcpy(backward + i * width, data + i * step, (size_t)width * sizeof *data);
        else
            row_max(backward + i * width, backward + (i + 1) * width, data + i * step, width);
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t first = i > radius ? i - radius : 0, last = i + radius < n ? i + radius : n - 1;
        const float *a = backward + first * width, *b = forward + last * width;
        /* A whole block; or one that the border cuts, which then begins with the block or ends with it. */
        if (first / window == last / window)
            a = b = first % window == 0 ? b : a;
        row_max(data + i * step, a, b, width);
    }
}

void pw_box_maximum(const float *in, const uint64_t shape[3], const uint64_t radius[3], void *scratch, float *out)
{
    uint64_t plane = shape[1] * shape[2];
    float *forward = scratch;
    float *backward = forward + (shape[0] > shape[1] ? shape[0] : shape[1]) * shape[2];
    memcpy(out, in, (size_t)(shape[0] * plane) * sizeof *out);
    for (uint64_t y = 0; y < shape[1] && radius[0] > 0; y++)
        along(out + y * shape[2], shape[0], plane, shape[2], radius[0], forward, backward);
    for (uint64_t z = 0; z < shape[0] && radius[1] > 0; z++)
        along(out + z * plane, shape[1], shape[2], shape[2], radius[1], forward, backward);
    for (uint64_t r = 0; r < shape[0] * shape[1] && radius[2] > 0; r++)
        along(out + r * shape[2], shape[2], 1, 1, radius[2], forward, backward);
}
