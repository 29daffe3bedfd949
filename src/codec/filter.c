#include "codec/filter.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"

/* ---- elements ---- */

/* One element of any type: a float, or an integer as 64 bits (two's complement of a signed one). */
struct value {
    double number; /* of floats */
    uint64_t bits; /* of integers and booleans */
};

static uint64_t load_bits(const unsigned char *p, size_t bytes, int swap)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (bytes) {
    case 1: return *p;
    case 2: memcpy(&two, p, 2); return swap ? __builtin_bswap16(two) : two;
    case 4: memcpy(&four, p, 4); return swap ? __builtin_bswap32(four) : four;
    default: memcpy(&eight, p, 8); return swap ? __builtin_bswap64(eight) : eight;
    }
}

static void store_bits(unsigned char *p, size_t bytes, int swap, uint64_t bits)
{
    uint16_t two = (uint16_t)bits;
    uint32_t four = (uint32_t)bits;
    if (bytes == 2 && swap)
        two = __builtin_bswap16(two);
    if (bytes == 4 && swap)
        four = __builtin_bswap32(four);
    if (bytes == 8 && swap)
        bits = __builtin_bswap64(bits);
    switch (bytes) {
    case 1: *p = (unsigned char)bits; break;
    case 2: memcpy(p, &two, 2); break;
    case 4: memcpy(p, &four, 4); break;
    default: memcpy(p, &bits, 8); break;
    }
}

static double bits_to_double(uint64_t bits, enum pw_dtype dtype)
{
    uint32_t low = (uint32_t)bits;
    float single;
    double wide;
    if (dtype == PW_F16)
        return pw_half_to_double((uint16_t)bits);
    if (dtype == PW_F32) {
        memcpy(&single, &low, sizeof single);
        return (double)single;
    }
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

static uint64_t double_to_bits(double number, enum pw_dtype dtype)
{
    float single = (float)number;
    uint32_t low;
    uint64_t bits;
    if (dtype == PW_F16)
        return pw_double_to_half(number);
    if (dtype == PW_F32) {
        memcpy(&low, &single, sizeof low);
        return low;
    }
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static struct value load(const unsigned char *p, struct pw_filter_type type)
{
    size_t bytes = pw_dtype_bytes(type.dtype);
    struct value value = {0, load_bits(p, bytes, type.swap)};
    if (pw_dtype_is_float(type.dtype))
        value.number = bits_to_double(value.bits, type.dtype);
    else if (pw_dtype_is_signed(type.dtype) && bytes < 8 && (value.bits >> (8 * bytes - 1)) != 0)
        value.bits |= ~(uint64_t)0 << (8 * bytes);
    return value;
}

/*
 * A float as an integer of the type, as numpy on x86-64 makes it: towards zero, by way of int32 or int64, so that what is
 * too large for a type of 8 or 16 bits wraps.  fixedscaleoffset of whole numbers below the offset comes back only so, as
 * they wrapped when they were written.
 */
static uint64_t truncated(double number, enum pw_dtype dtype)
{
    size_t bytes = pw_dtype_bytes(dtype);
    unsigned width = bytes == 8 ? 64 : 32;
    double half = bytes == 8 ? 0x1p63 : 0x1p31, whole = trunc(number);
    uint64_t bits = (uint64_t)1 << (width - 1); /* what is no number, or too large */
    if (dtype == PW_BOOL)
        return number < 0 || number > 0 || isnan(number) ? 1U : 0U;
    if (whole >= half && bytes >= 4 && !pw_dtype_is_signed(dtype))
        bits = whole < 2 * half ? (uint64_t)whole : 0;
    else if (whole >= -half && whole < half)
        bits = (uint64_t)(int64_t)whole;
    return bytes == 8 ? bits : bits & (((uint64_t)1 << (8 * bytes)) - 1);
}

static void store_float(unsigned char *p, struct pw_filter_type type, double number)
{
    size_t bytes = pw_dtype_bytes(type.dtype);
    uint64_t bits = pw_dtype_is_float(type.dtype) ? double_to_bits(number, type.dtype) : truncated(number, type.dtype);
    store_bits(p, bytes, type.swap, bits);
}

static void store_integer(unsigned char *p, struct pw_filter_type type, uint64_t bits, int is_signed)
{
    if (pw_dtype_is_float(type.dtype))
        store_float(p, type, is_signed ? (double)(int64_t)bits : (double)bits);
    else
        store_bits(p, pw_dtype_bytes(type.dtype), type.swap, type.dtype == PW_BOOL ? bits != 0 : bits);
}

/* ---- filters ---- */

/* The type of both in which numpy.cumsum adds floats: the wider one. */
static enum pw_dtype sum_type(const struct pw_filter *filter)
{
    enum pw_dtype from = filter->encoded.dtype, to = filter->decoded.dtype;
    return pw_dtype_is_float(from) && pw_dtype_bytes(from) > pw_dtype_bytes(to) ? from : to;
}

/* The sum so far is rounded to the type at each step, or wraps, as numpy.cumsum does. */
static void undo_delta(const struct pw_filter *filter, const unsigned char *in, size_t count, unsigned char *out)
{
    size_t from = pw_dtype_bytes(filter->encoded.dtype), to = pw_dtype_bytes(filter->decoded.dtype);
    int floats = pw_dtype_is_float(filter->encoded.dtype);
    enum pw_dtype working = sum_type(filter);
    struct value sum = {0, 0};
    for (size_t i = 0; i < count; i++, in += from, out += to) {
        struct value step = load(in, filter->encoded);
        double number = floats                                      ? step.number
                        : pw_dtype_is_signed(filter->encoded.dtype) ? (double)(int64_t)step.bits
                                                                    : (double)step.bits;
        if (pw_dtype_is_float(filter->decoded.dtype)) {
            sum.number = bits_to_double(double_to_bits(sum.number + number, working), working);
            store_bits(out, to, filter->decoded.swap, double_to_bits(sum.number, filter->decoded.dtype));
        } else {
            sum.bits += floats ? truncated(step.number, filter->decoded.dtype) : step.bits;
            store_bits(out, to, filter->decoded.swap, sum.bits);
        }
    }
}

/* Bytes after the last whole element stay where they are. */
static void undo_shuffle(size_t element_bytes, const unsigned char *in, size_t n, unsigned char *out)
{
    size_t count = n / element_bytes, whole = count * element_bytes;
    for (size_t j = 0; j < element_bytes; j++)
        for (size_t i = 0; i < count; i++)
            out[i * element_bytes + j] = in[j * count + i];
    memcpy(out + whole, in + whole, n - whole);
}

static void undo_cast(const struct pw_filter *filter, const unsigned char *in, size_t count, unsigned char *out)
{
    size_t from = pw_dtype_bytes(filter->encoded.dtype), to = pw_dtype_bytes(filter->decoded.dtype);
    int floats = pw_dtype_is_float(filter->encoded.dtype), is_signed = pw_dtype_is_signed(filter->encoded.dtype);
    for (size_t i = 0; i < count; i++, in += from, out += to) {
        struct value value = load(in, filter->encoded);
        if (floats)
            store_float(out, filter->decoded, value.number);
        else
            store_integer(out, filter->decoded, value.bits, is_signed);
    }
}

/* numpy computes in the encoded type when that is a float, else in double. */
static void undo_scale(const struct pw_filter *filter, const unsigned char *in, size_t count, unsigned char *out)
{
    size_t from = pw_dtype_bytes(filter->encoded.dtype), to = pw_dtype_bytes(filter->decoded.dtype);
    enum pw_dtype working = pw_dtype_is_float(filter->encoded.dtype) ? filter->encoded.dtype : PW_F64;
    int floats = pw_dtype_is_float(filter->encoded.dtype), is_signed = pw_dtype_is_signed(filter->encoded.dtype);
    double scale = bits_to_double(double_to_bits(filter->scale, working), working);
    double offset = bits_to_double(double_to_bits(filter->offset, working), working);
    for (size_t i = 0; i < count; i++, in += from, out += to) {
        struct value value = load(in, filter->encoded);
        double number = floats ? value.number : is_signed ? (double)(int64_t)value.bits : (double)value.bits;
        number = bits_to_double(double_to_bits(number / scale, working), working);
        number = bits_to_double(double_to_bits(number + offset, working), working);
        store_float(out, filter->decoded, number);
    }
}

static enum pw_status undo_packbits(const unsigned char *in, size_t n, unsigned char *out, size_t *size,
                                    struct pw_error *error)
{
    if (n == 0)
        return pw_fail(error, PW_E_TRUNCATED, "packbits: block is empty");
    size_t padding = in[0], bits;
    if (padding > 7 || (n == 1 && padding > 0) || n - 1 > SIZE_MAX / 8)
        return pw_fail(error, PW_E_FORMAT, "packbits: %zu bits of padding", padding);
    bits = (n - 1) * 8 - padding;
    if (bits > *size)
        return pw_fail(error, PW_E_FORMAT, "packbits: block holds %zu booleans, the chunk has %zu", bits, *size);
    for (size_t i = 0; i < bits; i++)
        out[i] = (in[1 + i / 8] >> (7 - i % 8)) & 1;
    *size = bits;
    return PW_OK;
}

/* ---- either way ---- */

static const char *filter_name(const struct pw_filter *filter)
{
    switch (filter->kind) {
    case PW_FILTER_DELTA: return "delta";
    case PW_FILTER_SHUFFLE: return "shuffle";
    case PW_FILTER_CAST: return "astype";
    case PW_FILTER_SCALE: return "fixedscaleoffset";
    case PW_FILTER_PACKBITS: return "packbits";
    case PW_FILTER_NONE: break;
    }
    return "filter";
}

int pw_filter_encoded_bytes(const struct pw_filter *filter, uint64_t size, uint64_t *encoded)
{
    *encoded = size;
    if (filter->kind == PW_FILTER_PACKBITS)
        *encoded = 1 + pw_ceil_div(size, 8);
    if (filter->kind == PW_FILTER_PACKBITS || filter->kind == PW_FILTER_SHUFFLE || filter->kind == PW_FILTER_NONE)
        return 1;
    uint64_t element = pw_dtype_bytes(filter->decoded.dtype);
    return size % element == 0 && pw_mul_u64(size / element, pw_dtype_bytes(filter->encoded.dtype), encoded);
}

/* How many elements the n bytes are, when they fit *size decoded bytes, which is set. */
static enum pw_status count_elements(const struct pw_filter *filter, size_t n, size_t *count, size_t *size,
                                     struct pw_error *error)
{
    size_t from = pw_dtype_bytes(filter->encoded.dtype), to = pw_dtype_bytes(filter->decoded.dtype);
    if (n % from != 0)
        return pw_fail(error, PW_E_TRUNCATED, "%s: %zu bytes are no whole elements of %zu", filter_name(filter), n,
                       from);
    *count = n / from;
    if (*count > *size / to)
        return pw_fail(error, PW_E_FORMAT, "%s: %zu elements of %zu bytes, the chunk has %zu bytes",
                       filter_name(filter), *count, to, *size);
    *size = *count * to;
    return PW_OK;
}

enum pw_status pw_filter_decode(const struct pw_filter *filter, const void *in, size_t n, void *out, size_t *size,
                                struct pw_error *error)
{
    size_t count = 0;
    if (filter->kind == PW_FILTER_PACKBITS)
        return undo_packbits(in, n, out, size, error);
    if (filter->kind == PW_FILTER_SHUFFLE || filter->kind == PW_FILTER_NONE) {
        if (n > *size)
            return pw_fail(error, PW_E_FORMAT, "%s: block holds %zu bytes, the chunk has %zu", filter_name(filter), n,
                           *size);
        undo_shuffle(filter->kind == PW_FILTER_SHUFFLE ? filter->element_bytes : 1, in, n, out);
        *size = n;
        return PW_OK;
    }
    enum pw_status status = count_elements(filter, n, &count, size, error);
    if (status != PW_OK)
        return status;
    if (filter->kind == PW_FILTER_DELTA)
        undo_delta(filter, in, count, out);
    else if (filter->kind == PW_FILTER_CAST)
        undo_cast(filter, in, count, out);
    else
        undo_scale(filter, in, count, out);
    return PW_OK;
}
