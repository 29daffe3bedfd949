/*
 * Least and greatest voxels.
 */
#include "label/histogram.h"

#include "base/dtype.h"
#include "label/half.h"

#include <math.h>
#include <string.h>

/*
 * Least and greatest of one row of one type, which hold `most` and `least` values
 * of the type when it starts.  Sixteen independent lanes let the compiler use
 * vectors; a NaN is neither less nor greater and so passes by.
 */
enum {
    LANES = 16
};

#define RANGE_ROW(name, type)                                                                                          \
    static void range_##name(const type *v, uint64_t width, type *least, type *greatest)                               \
    {                                                                                                                  \
        type lo[LANES], hi[LANES];                                                                                     \
        for (int k = 0; k < LANES; k++) {                                                                              \
            lo[k] = *least;                                                                                            \
            hi[k] = *greatest;                                                                                         \
        }                                                                                                              \
        uint64_t x = 0;                                                                                                \
        for (; x + LANES <= width; x += LANES)                                                                         \
            for (int k = 0; k < LANES; k++) {                                                                          \
                lo[k] = v[x + (uint64_t)k] < lo[k] ? v[x + (uint64_t)k] : lo[k];                                       \
                hi[k] = v[x + (uint64_t)k] > hi[k] ? v[x + (uint64_t)k] : hi[k];                                       \
            }                                                                                                          \
        for (int k = 0; x < width; k++, x++) {                                                                         \
            lo[k] = v[x] < lo[k] ? v[x] : lo[k];                                                                       \
            hi[k] = v[x] > hi[k] ? v[x] : hi[k];                                                                       \
        }                                                                                                              \
        for (int k = 0; k < LANES; k++) {                                                                              \
            *least = lo[k] < *least ? lo[k] : *least;                                                                  \
            *greatest = hi[k] > *greatest ? hi[k] : *greatest;                                                         \
        }                                                                                                              \
    }

RANGE_ROW(u8, uint8_t)
RANGE_ROW(i8, int8_t)
RANGE_ROW(u16, uint16_t)
RANGE_ROW(i16, int16_t)
RANGE_ROW(u32, uint32_t)
RANGE_ROW(i32, int32_t)
RANGE_ROW(u64, uint64_t)
RANGE_ROW(i64, int64_t)
RANGE_ROW(f32, float)
RANGE_ROW(f64, double)

/* Lanes as wide as the type, for the same reason. */
#define ANY_NAN(name, type, lane_type)                                                                                 \
    static int any_nan_##name(const type *v, uint64_t width)                                                           \
    {                                                                                                                  \
        lane_type nan[LANES] = {0}, any = 0;                                                                           \
        uint64_t x = 0;                                                                                                \
        for (; x + LANES <= width; x += LANES)                                                                         \
            for (int k = 0; k < LANES; k++)                                                                            \
                nan[k] |= v[x + (uint64_t)k] != v[x + (uint64_t)k];                                                    \
        for (; x < width; x++)                                                                                         \
            any |= v[x] != v[x];                                                                                       \
        for (int k = 0; k < LANES; k++)                                                                                \
            any |= nan[k];                                                                                             \
        return any != 0;                                                                                               \
    }

ANY_NAN(f32, float, int32_t)
ANY_NAN(f64, double, int64_t)

static void f16_row(struct pw_range *row, const uint16_t *v, uint64_t width)
{
    int lo = PW_HALF_INFINITY, hi = -PW_HALF_INFINITY;
    for (uint64_t x = 0; x < width; x++) {
        int key = pw_half_key(v[x]);
        if (key < -PW_HALF_INFINITY || key > PW_HALF_INFINITY) {
            row->has_nan = 1;
            continue;
        }
        lo = key < lo ? key : lo;
        hi = key > hi ? key : hi;
    }
    row->seen = lo <= hi;
    row->min_f = pw_half_to_double(pw_half_of_key(lo));
    row->max_f = pw_half_to_double(pw_half_of_key(hi));
}

#define INTEGER_ROW(name, type, field)                                                                                 \
    {                                                                                                                  \
        const type *v = voxels;                                                                                        \
        type lo = v[0], hi = v[0];                                                                                     \
        range_##name(v, width, &lo, &hi);                                                                              \
        row.seen = 1;                                                                                                  \
        row.min_##field = lo;                                                                                          \
        row.max_##field = hi;                                                                                          \
        break;                                                                                                         \
    }

#define FLOAT_ROW(name, type)                                                                                          \
    {                                                                                                                  \
        type lo = (type)HUGE_VAL, hi = (type)-HUGE_VAL;                                                                \
        range_##name(voxels, width, &lo, &hi);                                                                         \
        row.has_nan = any_nan_##name(voxels, width);                                                                   \
        row.seen = lo <= hi;                                                                                           \
        row.min_f = (double)lo;                                                                                        \
        row.max_f = (double)hi;                                                                                        \
        break;                                                                                                         \
    }

/* The range of one row of at least one voxel. */
static struct pw_range range_of_row(enum pw_dtype dtype, const void *voxels, uint64_t width)
{
    struct pw_range row = {0};
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: INTEGER_ROW(u8, uint8_t, u)
    case PW_I8: INTEGER_ROW(i8, int8_t, i)
    case PW_U16: INTEGER_ROW(u16, uint16_t, u)
    case PW_I16: INTEGER_ROW(i16, int16_t, i)
    case PW_U32: INTEGER_ROW(u32, uint32_t, u)
    case PW_I32: INTEGER_ROW(i32, int32_t, i)
    case PW_U64: INTEGER_ROW(u64, uint64_t, u)
    case PW_I64: INTEGER_ROW(i64, int64_t, i)
    case PW_F16: f16_row(&row, voxels, width); break;
    case PW_F32: FLOAT_ROW(f32, float)
    case PW_F64: FLOAT_ROW(f64, double)
    case PW_DTYPE_NONE: break;
    }
    return row;
}

void pw_range_add(struct pw_range *range, enum pw_dtype dtype, const void *voxels, size_t stride_bytes, uint64_t rows,
                  uint64_t width)
{
    const unsigned char *p = voxels;
    for (uint64_t r = 0; r < rows && width > 0; r++, p += stride_bytes) {
        struct pw_range row = range_of_row(dtype, p, width);
        pw_range_merge(range, dtype, &row);
    }
}

void pw_range_merge(struct pw_range *range, enum pw_dtype dtype, const struct pw_range *other)
{
    (void)dtype; /* the fields of other types are 0 in both */
    range->has_nan |= other->has_nan;
    if (!other->seen)
        return;
    if (!range->seen) {
        int has_nan = range->has_nan;
        *range = *other;
        range->has_nan = has_nan;
        return;
    }
    range->min_i = other->min_i < range->min_i ? other->min_i : range->min_i;
    range->max_i = other->max_i > range->max_i ? other->max_i : range->max_i;
    range->min_u = other->min_u < range->min_u ? other->min_u : range->min_u;
    range->max_u = other->max_u > range->max_u ? other->max_u : range->max_u;
    range->min_f = other->min_f < range->min_f ? other->min_f : range->min_f;
    range->max_f = other->max_f > range->max_f ? other->max_f : range->max_f;
}
