#include "label/to_float.h"

#include <string.h>

#include "base/dtype.h"

typedef void (*row_fn)(const unsigned char *in, uint64_t n, void *out);

/* One function for each pair of types; memcpy because a row of a mapped file may lie anywhere. */
#define ROW(name, type, target, convert)                                                                               \
    static void name(const unsigned char *in, uint64_t n, void *out)                                                   \
    {                                                                                                                  \
        target *to = out;                                                                                              \
        for (uint64_t i = 0; i < n; i++) {                                                                             \
            type v;                                                                                                    \
            memcpy(&v, in + i * sizeof v, sizeof v);                                                                   \
            to[i] = (target)convert(v);                                                                                \
        }                                                                                                              \
    }

#define AS_IS(v) v
#define BOTH(name, type, convert) ROW(name##_float, type, float, convert) ROW(name##_double, type, double, convert)

BOTH(u8, uint8_t, AS_IS)
BOTH(i8, int8_t, AS_IS)
BOTH(u16, uint16_t, AS_IS)
BOTH(i16, int16_t, AS_IS)
BOTH(u32, uint32_t, AS_IS)
BOTH(i32, int32_t, AS_IS)
BOTH(u64, uint64_t, AS_IS)
BOTH(i64, int64_t, AS_IS)
BOTH(f16, uint16_t, pw_half_to_double)
BOTH(f32, float, AS_IS)
BOTH(f64, double, AS_IS)

static const row_fn to_float[] = {
    [PW_BOOL] = u8_float, [PW_U8] = u8_float,   [PW_I8] = i8_float,   [PW_U16] = u16_float,
    [PW_I16] = i16_float, [PW_U32] = u32_float, [PW_I32] = i32_float, [PW_U64] = u64_float,
    [PW_I64] = i64_float, [PW_F16] = f16_float, [PW_F32] = f32_float, [PW_F64] = f64_float,
};

static const row_fn to_double[] = {
    [PW_BOOL] = u8_double, [PW_U8] = u8_double,   [PW_I8] = i8_double,   [PW_U16] = u16_double,
    [PW_I16] = i16_double, [PW_U32] = u32_double, [PW_I32] = i32_double, [PW_U64] = u64_double,
    [PW_I64] = i64_double, [PW_F16] = f16_double, [PW_F32] = f32_double, [PW_F64] = f64_double,
};

static void convert(row_fn row, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3], char *out,
                    size_t element_bytes)
{
    const unsigned char *in = voxels;
    for (uint64_t z = 0; z < shape[0]; z++)
        for (uint64_t y = 0; y < shape[1]; y++, out += shape[2] * element_bytes)
            row(in + z * stride_bytes[0] + y * stride_bytes[1], shape[2], out);
}

void pw_to_float(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3],
                 float *out)
{
    convert(to_float[dtype], voxels, stride_bytes, shape, (void *)out, sizeof *out);
}

void pw_to_double(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3],
                  double *out)
{
    convert(to_double[dtype], voxels, stride_bytes, shape, (void *)out, sizeof *out);
}
