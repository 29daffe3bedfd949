/* Components against a flood fill: shapes, densities, connectivities, element types, processor variants. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/dtype.h"
#include "label_oracle.h"

static const uint64_t shapes[][3] = {
    {1, 1, 1},  {1, 1, 64},  {1, 1, 300}, {1, 2, 65},  {1, 7, 63}, {1, 16, 128}, {1, 33, 200},
    {2, 1, 70}, {2, 2, 2},   {3, 3, 3},   {5, 1, 130}, {4, 9, 65}, {7, 6, 100},  {3, 12, 192},
    {9, 8, 7},  {2, 5, 257}, {16, 2, 64}, {1, 64, 1},  {6, 5, 1},
};

/* n values, 0 or 1..kinds; in every third image neighbours mostly agree. */
static void fill(int64_t *value, uint64_t n, int percent, int kinds, int smooth, uint64_t *state)
{
    for (uint64_t i = 0; i < n; i++) {
        int set = (int)(oracle_random(state) % 100) < percent;
        value[i] = set ? 1 + (int64_t)(oracle_random(state) % (uint64_t)kinds) : 0;
        if (smooth && i > 0 && oracle_random(state) % 8)
            value[i] = value[i - 1];
    }
}

/* Bits of the values that are not 0. */
static uint64_t *bits_of(const int64_t *value, const uint64_t shape[3])
{
    uint64_t rows = shape[0] * shape[1], words = pw_bit_words(shape[2]);
    uint64_t *bits = calloc(rows * words, sizeof *bits);
    for (uint64_t i = 0; i < rows * shape[2]; i++)
        if (value[i])
            bits[i / shape[2] * words + i % shape[2] / 64] |= UINT64_C(1) << i % shape[2] % 64;
    return bits;
}

static void compare(const struct pw_runs *runs, const uint32_t *want, uint32_t n, const char *what, int connectivity)
{
    uint64_t voxels = runs->shape[0] * runs->shape[1] * runs->shape[2];
    oracle_check_runs(runs);
    uint32_t *got = oracle_dense(runs);
    cr_assert_eq(runs->n_labels, n, "%s %dx%dx%d connectivity %d", what, (int)runs->shape[0], (int)runs->shape[1],
                 (int)runs->shape[2], connectivity);
    cr_assert_eq(memcmp(got, want, voxels * sizeof *got), 0, "%s %dx%dx%d connectivity %d", what, (int)runs->shape[0],
                 (int)runs->shape[1], (int)runs->shape[2], connectivity);
    free(got);
}

/* Scratch of exactly the promised size, so that a sanitizer sees a byte too many. */
static void check_bits(const uint64_t shape[3], const int64_t *value, int connectivity)
{
    uint32_t n, *want = oracle_label(shape, value, connectivity, &n);
    uint64_t *bits = bits_of(value, shape);
    struct pw_runs runs = oracle_runs(shape, 0);
    void *scratch = malloc(pw_components_scratch_bytes(shape));
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        pw_components_of_bits(bits, shape, connectivity, scratch, &runs);
        compare(&runs, want, n, pw_simd_name((enum pw_simd_level)level), connectivity);
    }
    free(scratch);
    oracle_free(&runs);
    free(bits);
    free(want);
}

Test(components, of_bits)
{
    static const int percents[] = {0, 3, 15, 30, 50, 60, 80, 95, 100};
    uint64_t state = 1;
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (size_t p = 0; p < 2 * sizeof percents / sizeof percents[0]; p++) {
            uint64_t n = shapes[s][0] * shapes[s][1] * shapes[s][2];
            int64_t *value = malloc(n * sizeof *value);
            fill(value, n, percents[p / 2], 1, p % 2 != 0, &state);
            for (int connectivity = 1; connectivity <= 3; connectivity++)
                check_bits(shapes[s], value, connectivity);
            free(value);
        }
}

/* Values 0..4 as elements of a type, with distinct kinds of background among floats. */
static void *elements_of(enum pw_dtype dtype, const int64_t *value, uint64_t n)
{
    static const uint16_t half[] = {0, 0x3c00, 0xbc00, 0x7c00, 0x0001};
    static const double real[] = {0, 1, -1, INFINITY, 1e-40};
    size_t bytes = pw_dtype_bytes(dtype);
    unsigned char *elements = malloc(n * bytes + 1);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t integer = (uint64_t)value[i] * UINT64_C(0x4040404040404040) >> (64 - 8 * bytes);
        double f64 = value[i] ? real[value[i]] : i % 3 == 0 ? 0.0 : i % 3 == 1 ? -0.0 : (double)NAN;
        float f32 = (float)f64;
        uint16_t f16 = value[i] ? half[value[i]] : i % 3 == 0 ? 0 : i % 3 == 1 ? 0x8000 : 0xfe01;
        if (!pw_dtype_is_float(dtype))
            integer = (uint64_t)value[i] + (value[i] == 4 ? UINT64_C(1) << (8 * bytes - 1) : 0);
        const void *source = dtype == PW_F64   ? (const void *)&f64
                             : dtype == PW_F32 ? (const void *)&f32
                             : dtype == PW_F16 ? (const void *)&f16
                                               : (const void *)&integer;
        memcpy(elements + i * bytes, source, bytes); /* little endian: the low bytes of integer */
    }
    return elements;
}

static void check_equal(enum pw_dtype dtype, const uint64_t shape[3], const int64_t *value, int connectivity)
{
    uint64_t n = shape[0] * shape[1] * shape[2];
    uint32_t count, *want = oracle_label(shape, value, connectivity, &count);
    size_t bytes = pw_dtype_bytes(dtype);
    const size_t stride[3] = {shape[1] * shape[2] * bytes, shape[2] * bytes, bytes};
    void *elements = elements_of(dtype, value, n);
    void *scratch = malloc(pw_components_scratch_bytes(shape));
    struct pw_runs runs = oracle_runs(shape, 1);
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        pw_components_of_equal(dtype, elements, stride, shape, connectivity, scratch, &runs);
        compare(&runs, want, count, pw_dtype_name(dtype), connectivity);
    }
    oracle_free(&runs);
    free(scratch);
    free(elements);
    free(want);
}

Test(components, of_equal)
{
    uint64_t state = 2;
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int dtype = PW_U8; dtype <= PW_F64; dtype++) {
            uint64_t n = shapes[s][0] * shapes[s][1] * shapes[s][2];
            int64_t *value = malloc(n * sizeof *value);
            fill(value, n, 30 + 5 * dtype, 4, dtype % 2, &state);
            for (int connectivity = 1; connectivity <= 3; connectivity++)
                check_equal((enum pw_dtype)dtype, shapes[s], value, connectivity);
            free(value);
        }
}

/* Rows and planes apart from each other: what lies between them is not looked at. */
Test(components, of_equal_in_a_window)
{
    const uint64_t shape[3] = {2, 3, 5};
    const size_t stride[3] = {4 * 8 * 2, 8 * 2, 2};
    uint16_t voxels[2 * 4 * 8];
    int64_t value[2 * 3 * 5];
    uint64_t state = 8;
    for (int i = 0; i < 2 * 4 * 8; i++)
        voxels[i] = 7;
    for (int i = 0; i < 30; i++) {
        value[i] = (int64_t)(oracle_random(&state) % 3);
        voxels[i / 15 * 32 + i / 5 % 3 * 8 + i % 5] = (uint16_t)value[i];
    }
    struct pw_runs runs = oracle_runs(shape, 1);
    void *scratch = malloc(pw_components_scratch_bytes(shape));
    uint32_t n, *want = oracle_label(shape, value, 2, &n);
    pw_components_of_equal(PW_U16, voxels, stride, shape, 2, scratch, &runs);
    compare(&runs, want, n, "window", 2);
    free(want);
    free(scratch);
    oracle_free(&runs);
}
