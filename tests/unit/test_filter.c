/* Filters and checksums on vectors that numcodecs 0.16 made, and on damaged input. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "codec/checksum.h"
#include "codec/codec.h"
#include "codec/filter.h"

#define LITTLE(dtype_)                                                                                                 \
    {                                                                                                                  \
        .dtype = (dtype_), .swap = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__                                              \
    }
#define BIG(dtype_)                                                                                                    \
    {                                                                                                                  \
        .dtype = (dtype_), .swap = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__                                           \
    }

static void expect(const struct pw_filter *filter, const void *in, size_t n, const void *out, size_t size)
{
    struct pw_error error = {0};
    unsigned char got[256];
    size_t n_got = size;
    uint64_t encoded = 0;
    memset(got, 0xa5, sizeof got);
    cr_assert_eq(pw_filter_decode(filter, in, n, got, &n_got, &error), PW_OK, "%s", error.message);
    cr_assert_eq(n_got, size);
    cr_assert_eq(memcmp(got, out, size), 0);
    cr_assert_eq(got[size], 0xa5, "wrote beyond its buffer");
    cr_assert(pw_filter_encoded_bytes(filter, size, &encoded));
    cr_assert_eq(encoded, n);
    if (size == 0)
        return;
    n_got = size - 1;
    cr_assert_lt(pw_filter_decode(filter, in, n, got, &n_got, &error), 0);
}

Test(filter, delta_wraps_and_widens)
{
    const struct pw_filter same = {.kind = PW_FILTER_DELTA, .decoded = LITTLE(PW_U8), .encoded = LITTLE(PW_U8)};
    expect(&same, "\x05\x03\xfe\xff", 4, "\x05\x08\x06\x05", 4);
    const struct pw_filter wider = {.kind = PW_FILTER_DELTA, .decoded = BIG(PW_U16), .encoded = LITTLE(PW_I8)};
    expect(&wider, "\x7f\x7f\x7f\x80", 4, "\x00\x7f\x00\xfe\x01\x7d\x00\xfd", 8);
    const struct pw_filter floats = {.kind = PW_FILTER_DELTA, .decoded = LITTLE(PW_F32), .encoded = LITTLE(PW_F32)};
    const float steps[4] = {1.5f, 0.25f, -3, 0x1p-30f}, sums[4] = {1.5f, 1.75f, -1.25f, -1.25f};
    expect(&floats, steps, sizeof steps, sums, sizeof sums);
}

Test(filter, shuffle_keeps_the_rest)
{
    const struct pw_filter filter = {.kind = PW_FILTER_SHUFFLE, .element_bytes = 4};
    expect(&filter, "aeibfjcgkdhlXY", 14, "abcdefghijklXY", 14);
    expect(&filter, "abc", 3, "abc", 3);
    expect(&filter, "", 0, "", 0);
}

Test(filter, casts_as_numpy_does)
{
    const struct pw_filter halves = {.kind = PW_FILTER_CAST, .decoded = LITTLE(PW_F32), .encoded = BIG(PW_F16)};
    const float wide[3] = {1, -2, 65504};
    expect(&halves, "\x3c\x00\xc0\x00\x7b\xff", 6, wide, sizeof wide);
    const struct pw_filter integers = {.kind = PW_FILTER_CAST, .decoded = LITTLE(PW_I32), .encoded = LITTLE(PW_I8)};
    expect(&integers, "\xff\x02", 2, "\xff\xff\xff\xff\x02\0\0\0", 8);
    const struct pw_filter narrow = {.kind = PW_FILTER_CAST, .decoded = LITTLE(PW_U8), .encoded = LITTLE(PW_U16)};
    expect(&narrow, "\x34\x12\xff\x00", 4, "\x34\xff", 2);
    const struct pw_filter truncating = {.kind = PW_FILTER_CAST, .decoded = LITTLE(PW_I8), .encoded = LITTLE(PW_F64)};
    const double reals[6] = {-1.9, 1.9, 300, -300, (double)NAN, 1e10};
    expect(&truncating, reals, sizeof reals, "\xff\x01\x2c\xd4\x00\x00", 6);
    const struct pw_filter whole = {.kind = PW_FILTER_CAST, .decoded = LITTLE(PW_U32), .encoded = LITTLE(PW_F64)};
    const double wholes[6] = {-5.2, 0x1p31, 4294967295.5, 1e10, -1e10, (double)NAN};
    const uint32_t of_wholes[6] = {UINT32_MAX - 4,    (uint32_t)1 << 31, UINT32_MAX, 0,
                                   (uint32_t)1 << 31, (uint32_t)1 << 31};
    expect(&whole, wholes, sizeof wholes, of_wholes, sizeof of_wholes);
    const struct pw_filter largest = {.kind = PW_FILTER_CAST, .decoded = LITTLE(PW_U64), .encoded = LITTLE(PW_F64)};
    const double large[3] = {0x1p63, 0x1p65, -5};
    const uint64_t as_integers[3] = {(uint64_t)1 << 63, 0, UINT64_MAX - 4};
    expect(&largest, large, sizeof large, as_integers, sizeof as_integers);
}

Test(filter, scale_and_offset)
{
    const struct pw_filter filter = {
        .kind = PW_FILTER_SCALE, .decoded = LITTLE(PW_F64), .encoded = LITTLE(PW_U8), .scale = 10, .offset = 1000};
    const double out[3] = {1000, 1000.5, 1025.5};
    expect(&filter, "\x00\x05\xff", 3, out, sizeof out);
}

Test(filter, packbits_and_its_padding)
{
    const struct pw_filter filter = {.kind = PW_FILTER_PACKBITS, .decoded = LITTLE(PW_BOOL), .encoded = LITTLE(PW_U8)};
    struct pw_error error = {0};
    unsigned char out[64];
    size_t n = sizeof out;
    expect(&filter, "\x06\x80\xc0", 3, "\1\0\0\0\0\0\0\0\1\1", 10);
    expect(&filter, "\0\xff", 2, "\1\1\1\1\1\1\1\1", 8);
    cr_assert_eq(pw_filter_decode(&filter, "", 0, out, &n, &error), PW_E_TRUNCATED);
    cr_assert_eq(pw_filter_decode(&filter, "\x08\xff", 2, out, &n, &error), PW_E_FORMAT);
    cr_assert_eq(pw_filter_decode(&filter, "\x01", 1, out, &n, &error), PW_E_FORMAT);
}

Test(filter, parts_of_elements_are_refused)
{
    const struct pw_filter filter = {.kind = PW_FILTER_DELTA, .decoded = LITTLE(PW_U32), .encoded = LITTLE(PW_U32)};
    struct pw_error error = {0};
    unsigned char out[64];
    size_t n = sizeof out;
    uint64_t encoded;
    cr_assert_eq(pw_filter_decode(&filter, "abcdefg", 7, out, &n, &error), PW_E_TRUNCATED);
    cr_assert_not(pw_filter_encoded_bytes(&filter, 7, &encoded));
}

/* ---- checksums ---- */

Test(checksum, known_vectors)
{
    static const struct {
        const char *name;
        uint32_t digits, odd; /* of "123456789" and of "abcde" */
    } known[] = {{"crc32", 0xcbf43926, 0x8587d865},
                 {"crc32c", 0xe3069283, 0xc450d697},
                 {"adler32", 0x091e01de, 0x05c801f0},
                 {"fletcher32", 0x09df09d5, 0x4ff029c7},
                 {"jenkins_lookup3", 0x845d9a96, 0x26d72de}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct pw_checksum *sum = pw_checksum_find(known[i].name);
        cr_assert_not_null(sum);
        cr_assert_eq(sum->compute("123456789", 9), known[i].digits, "%s: %08x", known[i].name,
                     sum->compute("123456789", 9));
        cr_assert_eq(sum->compute("abcde", 5), known[i].odd, "%s: %08x", known[i].name, sum->compute("abcde", 5));
    }
    cr_assert_eq(pw_lookup3("", 0), 0xdeadbeef);
    cr_assert_eq(pw_lookup3("Four score and seven years ago", 30), 0x17770551); /* of the author's own test */
    cr_assert_null(pw_checksum_find("md5"));
}

Test(checksum, either_place_and_every_flip)
{
    static const char *const names[] = {"crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3"};
    for (int k = 0; k < 10; k++) {
        const struct pw_checksum *sum = pw_checksum_find(names[k / 2]);
        int at_start = k % 2;
        unsigned char block[105];
        struct pw_error error = {0};
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (unsigned char)(i * 7 + 1);
        uint32_t value = sum->compute(block + (at_start ? 4 : 0), 101);
        for (int i = 0; i < 4; i++)
            block[(at_start ? 0 : 101) + i] = (unsigned char)(value >> (8 * i));
        for (size_t bit = 0; bit <= sizeof block * 8; bit++) {
            const unsigned char *data = block;
            size_t n = sizeof block;
            int flips = bit < sizeof block * 8;
            if (flips)
                block[bit / 8] ^= (unsigned char)(1u << bit % 8);
            enum pw_status status = pw_checksum_verify(sum, at_start, &data, &n, &error);
            cr_assert_eq(status, flips ? PW_E_CHECKSUM : PW_OK, "%s bit %zu", sum->name, bit);
            if (flips)
                block[bit / 8] ^= (unsigned char)(1u << bit % 8);
            else
                cr_assert(n == 101 && data == block + (at_start ? 4 : 0));
        }
        const unsigned char *data = block;
        for (size_t n = 0; n < 4; n++) {
            size_t left = n;
            cr_assert_eq(pw_checksum_verify(sum, at_start, &data, &left, &error), PW_E_TRUNCATED);
        }
    }
}
