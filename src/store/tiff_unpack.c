#include "store/tiff_unpack.h"

#include <string.h>

#include "base/dtype.h"

enum pw_dtype pw_tiff_sample_dtype(enum pw_tiff_sample_kind kind, unsigned bits)
{
    if (kind == PW_TIFF_FLOAT)
        return bits == 16 ? PW_F16 : bits == 24 || bits == 32 ? PW_F32 : bits == 64 ? PW_F64 : PW_DTYPE_NONE;
    if (bits == 0 || bits > 64)
        return PW_DTYPE_NONE;
    if (bits == 1)
        return PW_BOOL;
    if (kind == PW_TIFF_SIGNED)
        return bits <= 8 ? PW_I8 : bits <= 16 ? PW_I16 : bits <= 32 ? PW_I32 : PW_I64;
    return bits <= 8 ? PW_U8 : bits <= 16 ? PW_U16 : bits <= 32 ? PW_U32 : PW_U64;
}

int pw_tiff_sample_is_native(unsigned bits)
{
    return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

int pw_tiff_is_integer_of_24(enum pw_tiff_sample_kind kind, unsigned bits)
{
    return bits == 24 && kind != PW_TIFF_FLOAT;
}

uint64_t pw_tiff_row_bytes(uint64_t samples, unsigned bits)
{
    return (samples * bits + 7) / 8;
}

/* Bits [at, at+bits) of a row, high bit first. */
static uint64_t take_bits(const unsigned char *row, uint64_t at, unsigned bits)
{
    uint64_t value = 0;
    while (bits > 0) {
        unsigned in_byte = (unsigned)(at & 7);
        unsigned part = 8 - in_byte < bits ? 8 - in_byte : bits;
        unsigned byte = (unsigned)row[at >> 3] >> (8 - in_byte - part) & ((1u << part) - 1);
        value = value << part | byte;
        at += part;
        bits -= part;
    }
    return value;
}

static uint64_t take_24(const unsigned char *p, int big_endian)
{
    return big_endian ? (uint64_t)p[0] << 16 | (uint64_t)p[1] << 8 | p[2]
                      : (uint64_t)p[2] << 16 | (uint64_t)p[1] << 8 | p[0];
}

/* Adobe's 24-bit float (TIFF technical note 3): 1 sign, 7 exponent, 16 mantissa bits; every one is a binary32 value. */
static uint32_t float24_bits(uint64_t value)
{
    uint32_t sign = (uint32_t)(value >> 23 & 1) << 31;
    uint32_t exponent = (uint32_t)(value >> 16 & 0x7f);
    uint32_t mantissa = (uint32_t)(value & 0xffff) << 7;
    if (exponent == 0x7f)
        return sign | 0x7f800000u | mantissa;
    if (exponent != 0)
        return sign | (exponent + 64) << 23 | mantissa;
    if (mantissa == 0)
        return sign;
    /* A subnormal: its leading one becomes the implicit bit. */
    for (exponent = 65; !(mantissa & 0x800000u); exponent--)
        mantissa <<= 1;
    return sign | exponent << 23 | (mantissa & 0x7fffffu);
}

static void put(void *out, uint64_t value, size_t bytes)
{
    uint8_t v8 = (uint8_t)value;
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;
    switch (bytes) {
    case 1: memcpy(out, &v8, 1); break;
    case 2: memcpy(out, &v16, 2); break;
    case 4: memcpy(out, &v32, 4); break;
    default: memcpy(out, &value, 8); break;
    }
}

static void unpack_row(enum pw_tiff_sample_kind kind, unsigned bits, int big_endian, const unsigned char *row,
                       uint64_t samples, unsigned char *out, size_t out_bytes)
{
    for (uint64_t i = 0; i < samples; i++, out += out_bytes) {
        uint64_t value = bits == 24 ? take_24(row + 3 * i, big_endian) : take_bits(row, i * bits, bits);
        if (kind == PW_TIFF_FLOAT)
            value = float24_bits(value);
        else if (kind == PW_TIFF_SIGNED && bits > 1 && (value >> (bits - 1) & 1))
            value |= ~(uint64_t)0 << (bits - 1);
        put(out, value, out_bytes);
    }
}

void pw_tiff_unpack(enum pw_tiff_sample_kind kind, unsigned bits, int big_endian, const void *packed, uint64_t rows,
                    uint64_t samples, void *out)
{
    size_t out_bytes = pw_dtype_bytes(pw_tiff_sample_dtype(kind, bits));
    if (pw_tiff_sample_is_native(bits)) {
        memcpy(out, packed, (size_t)(rows * samples) * out_bytes);
        if (big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
            pw_swap_bytes(out, (size_t)(rows * samples), out_bytes);
        return;
    }
    uint64_t row_bytes = pw_tiff_row_bytes(samples, bits);
    for (uint64_t r = 0; r < rows; r++)
        unpack_row(kind, bits, big_endian, (const unsigned char *)packed + r * row_bytes, samples,
                   (unsigned char *)out + r * samples * out_bytes, out_bytes);
}
