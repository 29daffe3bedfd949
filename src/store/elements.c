#include "store/elements.h"

#include <string.h>

#include "base/checked.h"

void pw_elements_fill(void *target, uint64_t count, uint64_t bits, size_t element_bytes)
{
    unsigned char pattern[8];
    unsigned char *to = target;
    int same = 1;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(pattern, &bits, sizeof pattern);
#else
    memcpy(pattern, (const unsigned char *)&bits + (8 - element_bytes), element_bytes);
#endif
    for (size_t i = 1; i < element_bytes; i++)
        same &= pattern[i] == pattern[0];
    if (same) {
        memset(to, pattern[0], (size_t)count * element_bytes);
        return;
    }
    for (uint64_t i = 0; i < count; i++, to += element_bytes)
        memcpy(to, pattern, element_bytes);
}

/* A plane of the copy: rows of target are contiguous, columns of source are. */
struct plane {
    uint64_t rows, columns;
    uint64_t target_row_stride;    /* elements between target rows */
    uint64_t source_column_stride; /* elements between source columns */
};

enum {
    TILE = 32 /* elements: source and target lines of a tile stay in the nearest cache */
};

/* By memcpy, as elements may lie at any byte: behind a checksum, or where a file that is mapped has them. */
#define COPY_PLANE(type)                                                                                               \
    static void copy_plane_##type(const struct plane *p, const void *source, void *target)                             \
    {                                                                                                                  \
        const unsigned char *from = source;                                                                            \
        unsigned char *to = target;                                                                                    \
        for (uint64_t r0 = 0; r0 < p->rows; r0 += TILE)                                                                \
            for (uint64_t c0 = 0; c0 < p->columns; c0 += TILE) {                                                       \
                uint64_t r1 = pw_min_u64(r0 + TILE, p->rows), c1 = pw_min_u64(c0 + TILE, p->columns);                  \
                for (uint64_t r = r0; r < r1; r++)                                                                     \
                    for (uint64_t c = c0; c < c1; c++)                                                                 \
                        memcpy(to + (r * p->target_row_stride + c) * sizeof(type),                                     \
                               from + (c * p->source_column_stride + r) * sizeof(type), sizeof(type));                 \
            }                                                                                                          \
    }

COPY_PLANE(uint8_t)
COPY_PLANE(uint16_t)
COPY_PLANE(uint32_t)
COPY_PLANE(uint64_t)

static void copy_plane(const struct plane *plane, const void *source, void *target, size_t element_bytes)
{
    switch (element_bytes) {
    case 1: copy_plane_uint8_t(plane, source, target); break;
    case 2: copy_plane_uint16_t(plane, source, target); break;
    case 4: copy_plane_uint32_t(plane, source, target); break;
    default: copy_plane_uint64_t(plane, source, target); break;
    }
}

void pw_elements_transpose(int rank, const uint64_t *shape, const int *order, const void *source, void *target,
                           size_t element_bytes)
{
    uint64_t from_stride[PW_MAX_RANK], to_stride[PW_MAX_RANK], stride = 1, count = 1;
    for (int i = rank - 1; i >= 0; i--) {
        from_stride[order[i]] = stride; /* along the axis of target */
        stride *= shape[order[i]];
    }
    for (int i = rank - 1; i >= 0; i--) {
        to_stride[i] = count;
        count *= shape[i];
    }
    if (count == 0)
        return;
    if (rank == 0) {
        memcpy(target, source, element_bytes);
        return;
    }
    /* The plane of the two fastest axes: target's (columns) and source's (rows). */
    int column = rank - 1, row = order[rank - 1];
    struct plane plane = {
        .rows = row == column ? 1 : shape[row],
        .columns = shape[column],
        .target_row_stride = row == column ? 0 : to_stride[row],
        .source_column_stride = from_stride[column],
    };
    uint64_t index[PW_MAX_RANK] = {0};
    uint64_t from = 0, to = 0;
    for (;;) {
        const unsigned char *s = (const unsigned char *)source + from * element_bytes;
        unsigned char *t = (unsigned char *)target + to * element_bytes;
        if (row == column)
            memcpy(t, s, (size_t)shape[column] * element_bytes);
        else
            copy_plane(&plane, s, t, element_bytes);
        int axis = rank - 1;
        for (; axis >= 0; axis--) {
            if (axis == row || axis == column)
                continue;
            from += from_stride[axis];
            to += to_stride[axis];
            if (++index[axis] < shape[axis])
                break;
            from -= from_stride[axis] * shape[axis];
            to -= to_stride[axis] * shape[axis];
            index[axis] = 0;
        }
        if (axis < 0)
            return;
    }
}
