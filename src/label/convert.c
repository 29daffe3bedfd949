#include "label/convert.h"

#include <string.h>

#include "base/dtype.h"

static int is_float(enum pw_dtype dtype)
{
    return dtype == PW_F16 || dtype == PW_F32 || dtype == PW_F64;
}

static int is_signed(enum pw_dtype dtype)
{
    return dtype == PW_I8 || dtype == PW_I16 || dtype == PW_I32 || dtype == PW_I64;
}

int pw_convert_is_safe(enum pw_dtype from, enum pw_dtype to)
{
    if (from == to || to == PW_F32 || to == PW_F64)
        return 1;
    if (is_float(from) || is_float(to) || to == PW_BOOL)
        return 0;
    if (from == PW_BOOL)
        return 1;
    if (is_signed(from) != is_signed(to))
        return is_signed(to) && pw_dtype_bytes(to) > pw_dtype_bytes(from);
    return pw_dtype_bytes(to) >= pw_dtype_bytes(from);
}

#define FROM(name, type, value)                                                                                        \
    static void name(const void *voxels, enum pw_dtype to, void *target, size_t n)                                     \
    {                                                                                                                  \
        const type *source = voxels;                                                                                   \
        switch (to) {                                                                                                  \
        case PW_U16: EACH(uint16_t, value); break;                                                                     \
        case PW_I16: EACH(int16_t, value); break;                                                                      \
        case PW_U32: EACH(uint32_t, value); break;                                                                     \
        case PW_I32: EACH(int32_t, value); break;                                                                      \
        case PW_U64: EACH(uint64_t, value); break;                                                                     \
        case PW_I64: EACH(int64_t, value); break;                                                                      \
        case PW_F32: EACH(float, value); break;                                                                        \
        case PW_F64: EACH(double, value); break;                                                                       \
        case PW_U8: EACH(uint8_t, value); break;                                                                       \
        case PW_I8: EACH(int8_t, value); break;                                                                        \
        default: break;                                                                                                \
        }                                                                                                              \
    }
#define EACH(type, value)                                                                                              \
    for (size_t i = 0; i < n; i++)                                                                                     \
    ((type *)target)[i] = (type)(value)

FROM(from_u8, uint8_t, source[i])
FROM(from_i8, int8_t, source[i])
FROM(from_u16, uint16_t, source[i])
FROM(from_i16, int16_t, source[i])
FROM(from_u32, uint32_t, source[i])
FROM(from_i32, int32_t, source[i])
FROM(from_u64, uint64_t, source[i])
FROM(from_i64, int64_t, source[i])
#undef FROM

/* Of floating-point numbers only others can be made. */
#define FROM(name, type, value)                                                                                        \
    static void name(const void *voxels, enum pw_dtype to, void *target, size_t n)                                     \
    {                                                                                                                  \
        const type *source = voxels;                                                                                   \
        if (to == PW_F32)                                                                                              \
            EACH(float, value);                                                                                        \
        else                                                                                                           \
            EACH(double, value);                                                                                       \
    }

FROM(from_f16, uint16_t, pw_half_to_double(source[i]))
FROM(from_f32, float, source[i])
FROM(from_f64, double, source[i])

void pw_convert(enum pw_dtype from, const void *source, enum pw_dtype to, void *target, size_t n)
{
    if (from == to) {
        memcpy(target, source, n * pw_dtype_bytes(from));
        return;
    }
    switch (from) {
    case PW_BOOL:
    case PW_U8: from_u8(source, to, target, n); break;
    case PW_I8: from_i8(source, to, target, n); break;
    case PW_U16: from_u16(source, to, target, n); break;
    case PW_I16: from_i16(source, to, target, n); break;
    case PW_U32: from_u32(source, to, target, n); break;
    case PW_I32: from_i32(source, to, target, n); break;
    case PW_U64: from_u64(source, to, target, n); break;
    case PW_I64: from_i64(source, to, target, n); break;
    case PW_F16: from_f16(source, to, target, n); break;
    case PW_F32: from_f32(source, to, target, n); break;
    case PW_F64: from_f64(source, to, target, n); break;
    default: break;
    }
}
