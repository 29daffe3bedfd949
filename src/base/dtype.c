#include "base/dtype.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name, *code, *brief;
    size_t bytes;
} table[] = {
    [PW_DTYPE_NONE] = {"unknown", "", "", 0}, [PW_BOOL] = {"bool", "b1", "bool", 1},
    [PW_U8] = {"uint8", "u1", "u8", 1},       [PW_I8] = {"int8", "i1", "i8", 1},
    [PW_U16] = {"uint16", "u2", "u16", 2},    [PW_I16] = {"int16", "i2", "i16", 2},
    [PW_U32] = {"uint32", "u4", "u32", 4},    [PW_I32] = {"int32", "i4", "i32", 4},
    [PW_U64] = {"uint64", "u8", "u64", 8},    [PW_I64] = {"int64", "i8", "i64", 8},
    [PW_F16] = {"float16", "f2", "f16", 2},   [PW_F32] = {"float32", "f4", "f32", 4},
    [PW_F64] = {"float64", "f8", "f64", 8},
};

enum {
    DTYPE_COUNT = (int)(sizeof table / sizeof table[0])
};

static int valid(enum pw_dtype dtype)
{
    return (int)dtype > 0 && (int)dtype < DTYPE_COUNT;
}

size_t pw_dtype_bytes(enum pw_dtype dtype)
{
    return valid(dtype) ? table[dtype].bytes : 0;
}

const char *pw_dtype_name(enum pw_dtype dtype)
{
    return valid(dtype) ? table[dtype].name : table[PW_DTYPE_NONE].name;
}

/*
 * "u8" and "i8" are numpy's codes for 64-bit integers and everybody else's
 * names for 8-bit ones.  With a byte-order mark the text is a numpy code;
 * without one it is the brief name.
 */
enum pw_dtype pw_dtype_parse(const char *text)
{
    int numpy_code = text[0] == '<' || text[0] == '>' || text[0] == '|' || text[0] == '=';
    if (numpy_code)
        text++;
    for (int i = 1; i < DTYPE_COUNT; i++)
        if (!numpy_code && (strcmp(text, table[i].name) == 0 || strcmp(text, table[i].brief) == 0))
            return (enum pw_dtype)i;
    for (int i = 1; i < DTYPE_COUNT; i++)
        if (strcmp(text, table[i].code) == 0)
            return (enum pw_dtype)i;
    return PW_DTYPE_NONE;
}

int pw_dtype_is_float(enum pw_dtype dtype)
{
    return dtype == PW_F16 || dtype == PW_F32 || dtype == PW_F64;
}

int pw_dtype_is_integer(enum pw_dtype dtype)
{
    return valid(dtype) && !pw_dtype_is_float(dtype);
}

int pw_dtype_is_signed(enum pw_dtype dtype)
{
    return dtype == PW_I8 || dtype == PW_I16 || dtype == PW_I32 || dtype == PW_I64 || pw_dtype_is_float(dtype);
}

uint64_t pw_dtype_unsigned_max(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_BOOL: return 1;
    case PW_U8: return UINT8_MAX;
    case PW_U16: return UINT16_MAX;
    case PW_U32: return UINT32_MAX;
    case PW_U64: return UINT64_MAX;
    default: return 0;
    }
}

void pw_swap_bytes(void *elements, size_t count, size_t element_bytes)
{
    unsigned char *p = elements;
    for (size_t i = 0; i < count; i++, p += element_bytes) {
        if (element_bytes == 2) {
            uint16_t v;
            memcpy(&v, p, 2);
            v = __builtin_bswap16(v);
            memcpy(p, &v, 2);
        } else if (element_bytes == 4) {
            uint32_t v;
            memcpy(&v, p, 4);
            v = __builtin_bswap32(v);
            memcpy(p, &v, 4);
        } else if (element_bytes == 8) {
            uint64_t v;
            memcpy(&v, p, 8);
            v = __builtin_bswap64(v);
            memcpy(p, &v, 8);
        }
    }
}

double pw_half_to_double(uint16_t half)
{
    int exponent = (half >> 10) & 0x1f;
    double mantissa = half & 0x3ff;
    double magnitude;
    if (exponent == 0x1f)
        magnitude = mantissa != 0 ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(mantissa, -24);
    else
        magnitude = ldexp(mantissa + 1024, exponent - 25);
    return (half & 0x8000) ? -magnitude : magnitude;
}

uint16_t pw_double_to_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000u : 0;
    double magnitude = fabs(value);
    if (isnan(value))
        return (uint16_t)(sign | 0x7e00u);
    if (magnitude >= 65520.0) /* half way between the largest half and the next power of two */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x1p-14)
        return (uint16_t)(sign | (uint16_t)rint(magnitude * 0x1p24));
    int exponent;
    double fraction = frexp(magnitude, &exponent);                 /* in [0.5, 1) */
    unsigned mantissa = (unsigned)rint(fraction * 0x1p11) - 1024u; /* 1024 carries into the exponent, as it should */
    return (uint16_t)(sign | (((unsigned)(exponent + 14) << 10) + mantissa));
}
