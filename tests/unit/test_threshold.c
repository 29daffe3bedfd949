/* Thresholds: every type, exact at its limits, the same bits from every processor variant. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "base/dtype.h"
#include "label_oracle.h"

enum {
    ROWS = 5,
    STRIDE = 200,
    VOXELS = ROWS * STRIDE
};

/* Sets element i of an array to the value, or the nearest of the type. */
static void store(enum pw_dtype dtype, void *array, int i, int64_t integer, double real)
{
    switch (dtype) {
    case PW_BOOL: ((uint8_t *)array)[i] = (uint8_t)(integer & 1); break;
    case PW_U8:
    case PW_I8: ((uint8_t *)array)[i] = (uint8_t)integer; break;
    case PW_U16:
    case PW_I16:
    case PW_F16: ((uint16_t *)array)[i] = (uint16_t)integer; break;
    case PW_U32:
    case PW_I32: ((uint32_t *)array)[i] = (uint32_t)integer; break;
    case PW_U64:
    case PW_I64: ((uint64_t *)array)[i] = (uint64_t)integer; break;
    case PW_F32: ((float *)array)[i] = (float)real; break;
    case PW_F64: ((double *)array)[i] = real; break;
    default: cr_assert_fail();
    }
}

/* A long double holds every element type exactly. */
static long double load(enum pw_dtype dtype, const void *array, int i)
{
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: return ((const uint8_t *)array)[i];
    case PW_I8: return ((const int8_t *)array)[i];
    case PW_U16: return ((const uint16_t *)array)[i];
    case PW_I16: return ((const int16_t *)array)[i];
    case PW_U32: return ((const uint32_t *)array)[i];
    case PW_I32: return ((const int32_t *)array)[i];
    case PW_U64: return (long double)((const uint64_t *)array)[i];
    case PW_I64: return (long double)((const int64_t *)array)[i];
    case PW_F16: return (long double)pw_half_to_double(((const uint16_t *)array)[i]);
    case PW_F32: return (long double)((const float *)array)[i];
    default: return (long double)((const double *)array)[i];
    }
}

static void fill(enum pw_dtype dtype, void *array)
{
    static const double special[] = {0.0, -0.0, NAN, -NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 1e-45, -1e-45};
    static const uint16_t halves[] = {0, 0x8000, 0x7e00, 0xfe00, 0x7c00, 0xfc00, 0x7bff, 0xfbff, 1, 0x8001};
    uint64_t state = 17;
    for (int i = 0; i < VOXELS; i++) {
        uint64_t r = oracle_random(&state) << 33 ^ oracle_random(&state);
        double real = (double)(int64_t)r * 0x1p-40;
        if (dtype == PW_F16 && i < 10)
            r = halves[i];
        else if (i < 10)
            real = special[i];
        else if (i < 40) /* around zero and around 2^53 */
            r = (i & 1 ? UINT64_C(1) << 53 : 0) + (uint64_t)i - 25, real = i - 25;
        else if (i < 60) /* around the ends of the type */
            r = (i & 1 ? UINT64_C(1) << 63 : 0) - 5 + (uint64_t)i % 10;
        store(dtype, array, i, (int64_t)r, real);
    }
}

static const double limits[] = {0,
                                0.5,
                                -0.5,
                                1,
                                -1,
                                127,
                                128,
                                -128,
                                -129,
                                255,
                                254.5,
                                32767,
                                32768,
                                -32768,
                                -32769,
                                65535,
                                65534.9,
                                65504,
                                -65504,
                                70000,
                                0x1p31,
                                0x1p31 - 1,
                                -0x1p31,
                                0x1p32,
                                0x1p53,
                                0x1p53 + 2,
                                0x1p63,
                                -0x1p63,
                                0x1p64,
                                0x1p64 - 2048,
                                0x1p63 - 1024,
                                1e-8,
                                -1e-8,
                                1e-46,
                                -1e-46,
                                1e-310,
                                FLT_MAX,
                                -FLT_MAX,
                                1e300,
                                -1e300,
                                INFINITY,
                                -INFINITY,
                                5.9604644775390625e-8,
                                3.0000001};

/* Compares with the definition: the value, as a real number, is greater. */
static void check(enum pw_dtype dtype, const void *array, double limit, uint64_t width)
{
    size_t bytes = pw_dtype_bytes(dtype);
    uint64_t words = pw_bit_words(width), bits[ROWS * 4 + 1];
    struct pw_threshold threshold;
    pw_threshold_init(&threshold, dtype, limit);
    memset(bits, 0xaa, sizeof bits);
    pw_threshold_rows(&threshold, array, STRIDE * bytes, ROWS, width, bits);
    cr_assert_eq(bits[ROWS * words], UINT64_C(0xaaaaaaaaaaaaaaaa), "wrote too far");
    for (int row = 0; row < ROWS; row++)
        for (uint64_t x = 0; x < 64 * words; x++) {
            int set = bits[(uint64_t)row * words + x / 64] >> x % 64 & 1;
            int want = x < width && load(dtype, array, row * STRIDE + (int)x) > (long double)limit;
            cr_assert_eq(set, want, "%s > %g, row %d, x %d of %d", pw_dtype_name(dtype), limit, row, (int)x,
                         (int)width);
        }
}

Test(threshold, every_type_limit_and_level)
{
    static const uint64_t widths[] = {1, 63, 64, 65, 130, STRIDE};
    double array[VOXELS];
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        for (int dtype = PW_BOOL; dtype <= PW_F64; dtype++) {
            fill((enum pw_dtype)dtype, array);
            for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
                for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
                    check((enum pw_dtype)dtype, array, limits[i], widths[w]);
        }
    }
}

/* Dense rows of whole words take a shorter way. */
Test(threshold, dense_rows)
{
    uint16_t voxels[4 * 128];
    uint64_t bits[4 * 2], state = 3;
    for (int i = 0; i < 4 * 128; i++)
        voxels[i] = (uint16_t)oracle_random(&state);
    struct pw_threshold threshold;
    pw_threshold_init(&threshold, PW_U16, 30000);
    pw_threshold_rows(&threshold, voxels, 256, 4, 128, bits);
    for (int i = 0; i < 4 * 128; i++)
        cr_assert_eq(bits[i / 64] >> i % 64 & 1, voxels[i] > 30000);
}

/* Each test is a process of its own, so the variable is read after it was set. */
Test(simd, the_environment_lowers_the_level)
{
    setenv("PW_SIMD", "portable", 1);
    cr_assert_eq(pw_simd_level(), PW_SIMD_PORTABLE);
    cr_assert_str_eq(pw_simd_name(pw_simd_level()), "portable");
}

Test(simd, an_unknown_name_changes_nothing)
{
    setenv("PW_SIMD", "fast", 1);
    enum pw_simd_level level = pw_simd_level();
    pw_simd_lower(PW_SIMD_AVX512);
    cr_assert_eq(pw_simd_level(), level);
}
