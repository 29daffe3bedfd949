#include "label/float32.h"

#include <math.h>

#include "base/dtype.h"

/* One loop for each type, so that the compiler can use vectors. */
#define ROW(name, type, value)                                                                                         \
    static void row_##name(const type *v, uint64_t n, const struct pw_float_scale *scale, float *out)                  \
    {                                                                                                                  \
        if (scale == NULL) {                                                                                           \
            for (uint64_t x = 0; x < n; x++)                                                                           \
                out[x] = (float)(value);                                                                               \
        } else {                                                                                                       \
            const double low = scale->low, span = scale->high - scale->low;                                            \
            for (uint64_t x = 0; x < n; x++)                                                                           \
                out[x] = (float)(((double)(value)-low) / span);                                                        \
        }                                                                                                              \
    }

ROW(u8, uint8_t, v[x])
ROW(i8, int8_t, v[x])
ROW(u16, uint16_t, v[x])
ROW(i16, int16_t, v[x])
ROW(u32, uint32_t, v[x])
ROW(i32, int32_t, v[x])
ROW(u64, uint64_t, v[x])
ROW(i64, int64_t, v[x])
ROW(f16, uint16_t, pw_half_to_double(v[x]))
ROW(f32, float, v[x])
ROW(f64, double, v[x])

void pw_float32_row(enum pw_dtype dtype, const void *voxels, uint64_t n, const struct pw_float_scale *scale, float *out)
{
    if (scale != NULL && scale->low == scale->high) {
        for (uint64_t x = 0; x < n; x++)
            out[x] = 0;
        return;
    }
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: row_u8(voxels, n, scale, out); break;
    case PW_I8: row_i8(voxels, n, scale, out); break;
    case PW_U16: row_u16(voxels, n, scale, out); break;
    case PW_I16: row_i16(voxels, n, scale, out); break;
    case PW_U32: row_u32(voxels, n, scale, out); break;
    case PW_I32: row_i32(voxels, n, scale, out); break;
    case PW_U64: row_u64(voxels, n, scale, out); break;
    case PW_I64: row_i64(voxels, n, scale, out); break;
    case PW_F16: row_f16(voxels, n, scale, out); break;
    case PW_F32: row_f32(voxels, n, scale, out); break;
    case PW_F64: row_f64(voxels, n, scale, out); break;
    case PW_DTYPE_NONE: break;
    }
}

/* One voxel in double precision. */
static double voxel_at(enum pw_dtype dtype, const void *v, uint64_t x)
{
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: return ((const uint8_t *)v)[x];
    case PW_I8: return ((const int8_t *)v)[x];
    case PW_U16: return ((const uint16_t *)v)[x];
    case PW_I16: return ((const int16_t *)v)[x];
    case PW_U32: return ((const uint32_t *)v)[x];
    case PW_I32: return ((const int32_t *)v)[x];
    case PW_U64: return (double)((const uint64_t *)v)[x];
    case PW_I64: return (double)((const int64_t *)v)[x];
    case PW_F16: return pw_half_to_double(((const uint16_t *)v)[x]);
    case PW_F32: return (double)((const float *)v)[x];
    case PW_F64: return ((const double *)v)[x];
    case PW_DTYPE_NONE: break;
    }
    return 0;
}

void pw_even_bins_row(enum pw_dtype dtype, const void *voxels, uint64_t n, double minimum, double maximum,
                      uint64_t n_bins, uint64_t *count)
{
    double scale = maximum > minimum ? (double)n_bins / (maximum - minimum) : 0;
    if (!isfinite(scale)) /* a range of a few subnormal numbers */
        scale = 0;
    for (uint64_t x = 0; x < n; x++) {
        double value = voxel_at(dtype, voxels, x);
        if (!(value >= minimum && value <= maximum))
            continue;
        uint64_t bin = (uint64_t)((value - minimum) * scale);
        count[bin < n_bins ? bin : n_bins - 1]++;
    }
}
