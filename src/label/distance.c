#include "label/distance.h"

#include <math.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* One line of an axis: squares so far, and which parabola is lowest from where on. */
struct line {
    double *height;
    uint32_t *place; /* of the parabolas of the envelope */
    double *from;    /* where each begins to be lowest */
};

static uint64_t longest(const uint64_t shape[3])
{
    uint64_t n = shape[0] > shape[1] ? shape[0] : shape[1];
    return n > shape[2] ? n : shape[2];
}

uint64_t pw_distance_scratch_bytes(const uint64_t shape[3])
{
    uint64_t n = longest(shape) + 1;
    return shape[0] * shape[1] * shape[2] * sizeof(double) + n * (2 * sizeof(double) + sizeof(uint32_t)) + 64;
}

/* Where the parabola at b, behind that at a, begins to be lower.  In voxels. */
static double crossing(const struct line *line, uint32_t a, uint32_t b, double square)
{
    double low = line->height[a] + square * ((double)a * a), high = line->height[b] + square * ((double)b * b);
    return (high - low) / (2 * square * ((double)b - a));
}

/* The lowest parabola over each of n voxels that are stride apart in data; infinite ones are none. */
static void lower_envelope(double *data, uint64_t n, uint64_t stride, double square, struct line *line)
{
    uint64_t used = 0;
    for (uint64_t i = 0; i < n; i++)
        line->height[i] = data[i * stride];
    for (uint32_t i = 0; i < n; i++) {
        if (isinf(line->height[i]))
            continue;
        double from = -(double)INFINITY;
        while (used > 0 && (from = crossing(line, line->place[used - 1], i, square)) <= line->from[used - 1])
            used--;
        line->place[used] = i;
        line->from[used] = used > 0 ? from : -(double)INFINITY;
        used++;
    }
    if (used == 0)
        return;
    uint64_t k = 0;
    for (uint64_t i = 0; i < n; i++) {
        while (k + 1 < used && line->from[k + 1] <= (double)i)
            k++;
        double d = (double)i - (double)line->place[k];
        data[i * stride] = line->height[line->place[k]] + square * (d * d);
    }
}

void pw_distance(const unsigned char *mask, const uint64_t shape[3], const double step[3], void *scratch, float *out)
{
    uint64_t voxels = shape[0] * shape[1] * shape[2], n = longest(shape) + 1;
    double *square = scratch;
    struct line line = {.height = square + voxels, .from = square + voxels + n};
    line.place = (void *)(line.from + n);
    for (uint64_t i = 0; i < voxels; i++)
        square[i] = mask[i] ? (double)INFINITY : 0;
    for (int axis = 0; axis < 3; axis++) {
        uint64_t stride = axis == 2 ? 1 : axis == 1 ? shape[2] : shape[1] * shape[2];
        uint64_t lines = voxels / shape[axis];
        for (uint64_t l = 0; l < lines && shape[axis] > 1; l++) /* the first voxel of each line */
            lower_envelope(square + l / stride * stride * shape[axis] + l % stride, shape[axis], stride,
                           step[axis] * step[axis], &line);
    }
    for (uint64_t i = 0; i < voxels; i++)
        out[i] = isinf(square[i]) ? 0 : (float)sqrt(square[i]);
}
