#include "label/threshold.h"

#include "base/dtype.h"
#include "label/half.h"
#include "label/threshold_rows.h"

#include <math.h>
#include <string.h>

/* The key of the greatest half that is not above value. */
static int half_key_floor(double value)
{
    int low = -PW_HALF_INFINITY, high = PW_HALF_INFINITY;
    while (low < high) {
        int middle = (low + high + 1) >> 1;
        if (pw_half_to_double(pw_half_of_key(middle)) <= value)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* An integer is above value when it is above the integer just below it. */
static void init_signed(struct pw_threshold *t, double below, int bits)
{
    double limit = ldexp(1, bits - 1);
    t->always = below < -limit ? 1 : below >= limit ? -1 : 0;
    t->above_i = t->always == 0 ? (int64_t)below : 0;
}

static void init_unsigned(struct pw_threshold *t, double below, int bits)
{
    double limit = ldexp(1, bits);
    t->always = below < 0 ? 1 : below >= limit ? -1 : 0;
    t->above_u = t->always == 0 ? (uint64_t)below : 0;
}

void pw_threshold_init(struct pw_threshold *threshold, enum pw_dtype dtype, double value)
{
    *threshold = (struct pw_threshold){.dtype = dtype, .above_f = value};
    int bits = (int)(8 * pw_dtype_bytes(dtype));
    if (dtype == PW_F16)
        threshold->above_i = half_key_floor(value);
    else if (!pw_dtype_is_float(dtype) && pw_dtype_is_signed(dtype))
        init_signed(threshold, floor(value), bits);
    else if (!pw_dtype_is_float(dtype))
        init_unsigned(threshold, floor(value), bits);
}

/* The greatest float that is not above value: what floats are above both of, or neither. */
float pw_threshold_f32(double value)
{
    float nearest = (float)value;
    return (double)nearest > value ? nextafterf(nearest, -HUGE_VALF) : nearest;
}

/* Plain C for every type: 64 comparisons a word. */
#define PORTABLE(name, type, prepare, above)                                                                           \
    static void name##_portable(const struct pw_threshold *t, const void *voxels, uint64_t words, uint64_t *bits)      \
    {                                                                                                                  \
        const unsigned char *p = voxels;                                                                               \
        prepare;                                                                                                       \
        for (uint64_t w = 0; w < words; w++, p += 64 * sizeof(type)) {                                                 \
            type v[64];                                                                                                \
            uint64_t word = 0;                                                                                         \
            memcpy(v, p, sizeof v);                                                                                    \
            for (int i = 0; i < 64; i++)                                                                               \
                word |= (uint64_t)(above) << i;                                                                        \
            bits[w] = word;                                                                                            \
        }                                                                                                              \
    }

PORTABLE(u8, uint8_t, uint8_t limit = (uint8_t)t->above_u, v[i] > limit)
PORTABLE(i8, int8_t, int8_t limit = (int8_t)t->above_i, v[i] > limit)
PORTABLE(u16, uint16_t, uint16_t limit = (uint16_t)t->above_u, v[i] > limit)
PORTABLE(i16, int16_t, int16_t limit = (int16_t)t->above_i, v[i] > limit)
PORTABLE(u32, uint32_t, uint32_t limit = (uint32_t)t->above_u, v[i] > limit)
PORTABLE(i32, int32_t, int32_t limit = (int32_t)t->above_i, v[i] > limit)
PORTABLE(u64, uint64_t, uint64_t limit = t->above_u, v[i] > limit)
PORTABLE(i64, int64_t, int64_t limit = t->above_i, v[i] > limit)
PORTABLE(f16, uint16_t, int limit = (int)t->above_i, pw_half_above(v[i], limit))
PORTABLE(f32, float, float limit = pw_threshold_f32(t->above_f), v[i] > limit)
PORTABLE(f64, double, double limit = t->above_f, v[i] > limit)

static const pw_threshold_fn portable[] = {
    [PW_BOOL] = u8_portable, [PW_U8] = u8_portable,   [PW_I8] = i8_portable,   [PW_U16] = u16_portable,
    [PW_I16] = i16_portable, [PW_U32] = u32_portable, [PW_I32] = i32_portable, [PW_U64] = u64_portable,
    [PW_I64] = i64_portable, [PW_F16] = f16_portable, [PW_F32] = f32_portable, [PW_F64] = f64_portable,
};

static pw_threshold_fn kernel_for(enum pw_dtype dtype)
{
    pw_threshold_fn vector = pw_threshold_vector(dtype, pw_simd_level());
    return vector ? vector : portable[dtype];
}

/* The last, partial word of a row, from a copy that is padded to a whole one. */
static uint64_t last_word(pw_threshold_fn kernel, const struct pw_threshold *t, const unsigned char *voxels,
                          uint64_t count, size_t bytes)
{
    uint64_t padded[64] = {0}, word;
    memcpy(padded, voxels, (size_t)count * bytes);
    kernel(t, padded, 1, &word);
    return word & ((UINT64_C(1) << count) - 1);
}

static void constant_row(int above, uint64_t width, uint64_t *bits)
{
    memset(bits, above > 0 ? 0xff : 0, (size_t)pw_bit_words(width) * sizeof *bits);
    if (above > 0 && width % 64)
        bits[width / 64] = (UINT64_C(1) << width % 64) - 1;
}

void pw_threshold_rows(const struct pw_threshold *threshold, const void *voxels, size_t stride_bytes, uint64_t rows,
                       uint64_t width, uint64_t *bits)
{
    const unsigned char *row = voxels;
    size_t bytes = pw_dtype_bytes(threshold->dtype);
    uint64_t whole = width / 64, rest = width % 64;
    if (threshold->always) {
        for (uint64_t r = 0; r < rows; r++, bits += pw_bit_words(width))
            constant_row(threshold->always, width, bits);
        return;
    }
    pw_threshold_fn kernel = kernel_for(threshold->dtype);
    if (rest == 0 && stride_bytes == (size_t)width * bytes) {
        kernel(threshold, row, whole * rows, bits);
        return;
    }
    for (uint64_t r = 0; r < rows; r++, row += stride_bytes) {
        kernel(threshold, row, whole, bits);
        bits += whole;
        if (rest)
            *bits++ = last_word(kernel, threshold, row + whole * 64 * bytes, rest, bytes);
    }
}
