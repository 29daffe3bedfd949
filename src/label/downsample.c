#include "label/downsample.h"

#include <string.h>

/* The labels of a block and how often they occur. */
struct tally {
    uint64_t value, count;
};

static uint64_t block_voxels(const uint64_t factor[3])
{
    return factor[0] * factor[1] * factor[2];
}

size_t pw_downsample_scratch_bytes(const uint64_t factor[3])
{
    return (size_t)block_voxels(factor) * (sizeof(struct tally) + sizeof(uint64_t));
}

static inline uint64_t load(const unsigned char *voxel, size_t size)
{
    uint64_t value = 0;
    if (size == 1) {
        value = *voxel;
    } else if (size == 2) {
        uint16_t v;
        memcpy(&v, voxel, 2);
        value = v;
    } else if (size == 4) {
        uint32_t v;
        memcpy(&v, voxel, 4);
        value = v;
    } else {
        memcpy(&value, voxel, 8);
    }
    return value;
}

static inline void store(unsigned char *voxel, uint64_t value, size_t size)
{
    if (size == 1) {
        *voxel = (unsigned char)value;
    } else if (size == 2) {
        uint16_t v = (uint16_t)value;
        memcpy(voxel, &v, 2);
    } else if (size == 4) {
        uint32_t v = (uint32_t)value;
        memcpy(voxel, &v, 4);
    } else {
        memcpy(voxel, &value, 8);
    }
}

/* The rule for n values that are not all equal. */
static uint64_t vote(const uint64_t *value, uint64_t n, struct tally *tally)
{
    uint64_t kinds = 0;
    uint64_t labelled = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t k = 0;
        if (value[i] == 0)
            continue;
        labelled++;
        while (k < kinds && tally[k].value != value[i])
            k++;
        if (k == kinds)
            tally[kinds++] = (struct tally){value[i], 0};
        tally[k].count++;
    }
    if (labelled < n - labelled)
        return 0;
    uint64_t best = 0;
    for (uint64_t k = 1; k < kinds; k++)
        if (tally[k].count > tally[best].count ||
            (tally[k].count == tally[best].count && tally[k].value < tally[best].value))
            best = k;
    return tally[best].value;
}

/* One output row: where the input rows of its blocks are, and how far blocks reach along x. */
struct rows {
    const unsigned char *first;
    uint64_t planes, lines; /* of a block */
    size_t plane_stride, line_stride;
    uint64_t factor, extent; /* along x */
};

enum {
    STRETCH = 16 /* output voxels that are looked at together */
};

/* Whether n voxels of every input row from column x on have one value: most of a label image does. */
static inline int is_constant(const struct rows *rows, uint64_t x, uint64_t n, size_t size)
{
    const unsigned char *first = rows->first + x * size;
    if (memcmp(first, first + size, (n - 1) * size) != 0)
        return 0;
    for (uint64_t z = 0; z < rows->planes; z++)
        for (uint64_t y = 0; y < rows->lines; y++)
            if (memcmp(first, first + (z * rows->plane_stride + y * rows->line_stride) * size, n * size) != 0)
                return 0;
    return 1;
}

/* Whether all voxels of a block that is two wide are equal, which most blocks are even beside those that are not. */
static inline int is_equal_pair(const struct rows *rows, uint64_t x, size_t size)
{
    const unsigned char *first = rows->first + x * size;
    uint64_t one = load(first, size), different = 0;
    for (uint64_t z = 0; z < rows->planes; z++)
        for (uint64_t y = 0; y < rows->lines; y++) {
            const unsigned char *in = first + (z * rows->plane_stride + y * rows->line_stride) * size;
            different |= (load(in, size) ^ one) | (load(in + size, size) ^ one);
        }
    return different == 0;
}

static inline uint64_t block_value(const struct rows *rows, uint64_t x, uint64_t *value, struct tally *tally,
                                   size_t size)
{
    struct pw_span xs = pw_source_span(x, x + 1, rows->factor, rows->extent);
    uint64_t n = 0;
    uint64_t different = 0;
    for (uint64_t z = 0; z < rows->planes; z++)
        for (uint64_t y = 0; y < rows->lines; y++) {
            const unsigned char *in = rows->first + (z * rows->plane_stride + y * rows->line_stride + xs.start) * size;
            for (uint64_t i = xs.start; i < xs.end; i++, in += size) {
                value[n] = load(in, size);
                different |= value[n++] ^ value[0];
            }
        }
    return different == 0 ? value[0] : vote(value, n, tally);
}

static inline __attribute__((always_inline)) uint64_t vote_row(const struct rows *rows, unsigned char *out, uint64_t n,
                                                               uint64_t *value, struct tally *tally, size_t size)
{
    uint64_t any = 0;
    uint64_t x = 0;
    while (x < n) {
        uint64_t end = x + STRETCH <= n ? x + STRETCH : n;
        if (end * rows->factor <= rows->extent && is_constant(rows, x * rows->factor, (end - x) * rows->factor, size)) {
            uint64_t label = load(rows->first + x * rows->factor * size, size);
            any |= label;
            for (; x < end; x++)
                store(out + x * size, label, size);
            continue;
        }
        for (; x < end; x++) {
            uint64_t label = rows->factor == 2 && 2 * x + 2 <= rows->extent && is_equal_pair(rows, 2 * x, size)
                                 ? load(rows->first + 2 * x * size, size)
                                 : block_value(rows, x, value, tally, size);
            any |= label;
            store(out + x * size, label, size);
        }
    }
    return any;
}

static inline uint64_t first_row(const struct rows *rows, unsigned char *out, uint64_t n, size_t size)
{
    uint64_t any = 0;
    for (uint64_t x = 0; x < n; x++) {
        uint64_t label = load(rows->first + pw_source_span(x, x + 1, rows->factor, rows->extent).start * size, size);
        any |= label;
        store(out + x * size, label, size);
    }
    return any;
}

static inline __attribute__((always_inline)) int downsample(enum pw_pyramid_rule rule, const struct pw_label_box *from,
                                                            const uint64_t factor[3], const struct pw_label_box *to,
                                                            uint64_t *value, struct tally *tally, size_t size)
{
    uint64_t any = 0;
    for (uint64_t z = 0; z < to->shape[0]; z++)
        for (uint64_t y = 0; y < to->shape[1]; y++) {
            unsigned char *out = (unsigned char *)to->voxels + (z * to->stride[0] + y * to->stride[1]) * size;
            struct pw_span zs = pw_source_span(z, z + 1, factor[0], from->shape[0]);
            struct pw_span ys = pw_source_span(y, y + 1, factor[1], from->shape[1]);
            const struct rows rows = {
                .first = (const unsigned char *)from->voxels +
                         (zs.start * from->stride[0] + ys.start * from->stride[1]) * size,
                .planes = zs.end - zs.start,
                .lines = ys.end - ys.start,
                .plane_stride = from->stride[0],
                .line_stride = from->stride[1],
                .factor = factor[2],
                .extent = from->shape[2],
            };
            any |= rule == PW_PYRAMID_NEAREST ? first_row(&rows, out, to->shape[2], size)
                                              : vote_row(&rows, out, to->shape[2], value, tally, size);
        }
    return any != 0;
}

int pw_downsample_labels(enum pw_dtype dtype, enum pw_pyramid_rule rule, const struct pw_label_box *from,
                         const uint64_t factor[3], const struct pw_label_box *to, void *scratch)
{
    struct tally *tally = scratch;
    uint64_t *value = (uint64_t *)(tally + block_voxels(factor));
    switch (dtype) {
    case PW_U8: return downsample(rule, from, factor, to, value, tally, 1);
    case PW_U16: return downsample(rule, from, factor, to, value, tally, 2);
    case PW_U32: return downsample(rule, from, factor, to, value, tally, 4);
    default: return downsample(rule, from, factor, to, value, tally, 8);
    }
}
