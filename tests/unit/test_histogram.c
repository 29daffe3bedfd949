/*
 * Ranges, histograms and Otsu's threshold.  The thresholds are those of
 * scikit-image 0.26.0 with numpy 2.4.6, printed by otsu_vectors.py.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "base/dtype.h"
#include "label/floatbins.h"
#include "label/histogram.h"
#include "label_oracle.h"

static const struct {
    enum pw_dtype dtype;
    int count;
    uint64_t seed;
    double threshold;
} vectors[] = {
    {PW_U8, 2, 1, 0x1.2400000000000p+6},       {PW_U8, 3, 2, 0x1.9000000000000p+5},
    {PW_U8, 10, 3, 0x1.5000000000000p+6},      {PW_U8, 500, 4, 0x1.8c00000000000p+6},
    {PW_U8, 20000, 5, 0x1.8c00000000000p+6},   {PW_I8, 2, 1, -0x1.b800000000000p+5},
    {PW_I8, 3, 2, -0x1.3800000000000p+6},      {PW_I8, 10, 3, -0x1.6000000000000p+5},
    {PW_I8, 500, 4, -0x1.d000000000000p+4},    {PW_I8, 20000, 5, -0x1.d000000000000p+4},
    {PW_U16, 2, 1, 0x1.cad8000000000p+13},     {PW_U16, 3, 2, 0x1.3980000000000p+13},
    {PW_U16, 10, 3, 0x1.08e8000000000p+14},    {PW_U16, 500, 4, 0x1.3758000000000p+14},
    {PW_U16, 20000, 5, 0x1.3878000000000p+14}, {PW_I16, 2, 1, -0x1.dea8000000000p+13},
    {PW_I16, 3, 2, -0x1.3800000000000p+14},    {PW_I16, 10, 3, -0x1.97b0000000000p+13},
    {PW_I16, 500, 4, -0x1.3ad0000000000p+13},  {PW_I16, 20000, 5, -0x1.3890000000000p+13},
    {PW_U32, 2, 1, 0x1.ef73600000000p+19},     {PW_U32, 3, 2, 0x1.ed2e000000000p+19},
    {PW_U32, 10, 3, 0x1.f08f400000000p+19},    {PW_U32, 500, 4, 0x1.f202c00000000p+19},
    {PW_U32, 20000, 5, 0x1.f20bc00000000p+19}, {PW_I32, 2, 1, -0x1.dcd56a9400000p+30},
    {PW_I32, 3, 2, -0x1.dcd5b34000000p+30},    {PW_I32, 10, 3, -0x1.dcd5471800000p+30},
    {PW_I32, 500, 4, -0x1.dcd518a800000p+30},  {PW_I32, 20000, 5, -0x1.dcd5178800000p+30},
    {PW_U64, 2, 1, 0x1.0395b00000000p+20},     {PW_U64, 3, 2, 0x1.0273000000000p+20},
    {PW_U64, 10, 3, 0x1.0423a00000000p+20},    {PW_U64, 500, 4, 0x1.04dd600000000p+20},
    {PW_U64, 20000, 5, 0x1.04e1e00000000p+20}, {PW_I64, 2, 1, -0x1.ffffff8d4a000p+39},
    {PW_I64, 3, 2, -0x1.ffffffb1a0000p+39},    {PW_I64, 10, 3, -0x1.ffffff7b8c000p+39},
    {PW_I64, 500, 4, -0x1.ffffff6454000p+39},  {PW_I64, 20000, 5, -0x1.ffffff63c4000p+39},
    {PW_F16, 3, 2, 0x1.9200000000000p+3},      {PW_F16, 10, 3, 0x1.50c0000000000p+4},
    {PW_F16, 500, 4, 0x1.8b80000000000p+4},    {PW_F16, 20000, 5, 0x1.8cc0000000000p+4},
    {PW_F32, 2, 1, 0x1.063b280000000p+11},     {PW_F32, 3, 2, 0x1.682da00000000p+10},
    {PW_F32, 10, 3, 0x1.2f257a0000000p+11},    {PW_F32, 500, 4, 0x1.651a5a0000000p+11},
    {PW_F32, 20000, 5, 0x1.662dcc0000000p+11}, {PW_F64, 2, 1, 0x1.063b26db6db6ep+11},
    {PW_F64, 3, 2, 0x1.682da00000000p+10},     {PW_F64, 10, 3, 0x1.2f257b6db6db7p+11},
    {PW_F64, 500, 4, 0x1.651a592492492p+11},   {PW_F64, 20000, 5, 0x1.662dcdb6db6dbp+11},
};

/* The half of a number that is one. */
static uint16_t half_of(double value)
{
    for (int half = 0; half < 0x7c00; half++)
        if (pw_half_to_double((uint16_t)half) == value)
            return (uint16_t)half;
    cr_assert_fail("%g is no half", value);
    return 0;
}

/* As image() of otsu_vectors.py. */
static void image_value(enum pw_dtype dtype, void *image, int i, uint64_t *state)
{
    uint64_t r = oracle_random(state);
    int64_t level = (int64_t)(r & 3 ? 40 + (r >> 2) % 60 : 150 + (r >> 2) % 100);
    int64_t fine = level * 200 + (int64_t)((r >> 12) % 200);
    switch (dtype) {
    case PW_U8: ((uint8_t *)image)[i] = (uint8_t)level; break;
    case PW_I8: ((int8_t *)image)[i] = (int8_t)(level - 128); break;
    case PW_U16: ((uint16_t *)image)[i] = (uint16_t)fine; break;
    case PW_I16: ((int16_t *)image)[i] = (int16_t)(fine - 30000); break;
    case PW_U32: ((uint32_t *)image)[i] = (uint32_t)(fine + 1000000); break;
    case PW_I32: ((int32_t *)image)[i] = (int32_t)(fine - 2000000000); break;
    case PW_U64: ((uint64_t *)image)[i] = (uint64_t)fine + (UINT64_C(1) << 20); break;
    case PW_I64: ((int64_t *)image)[i] = fine - (INT64_C(1) << 40); break;
    case PW_F16: ((uint16_t *)image)[i] = half_of((double)level / 4); break;
    case PW_F32: ((float *)image)[i] = (float)((double)fine / 7); break;
    default: ((double *)image)[i] = (double)fine / 7; break;
    }
}

/* Counts an image in two parts, the second as rows that lie apart, and finds its threshold. */
static double otsu_of(enum pw_dtype dtype, const void *image, uint64_t count)
{
    size_t bytes = pw_dtype_bytes(dtype);
    const unsigned char *rest = (const unsigned char *)image + count / 3 * bytes;
    uint64_t rows = count - count / 3;
    struct pw_range range = {0}, other = {0};
    pw_range_add(&range, dtype, image, 0, 1, count / 3);
    pw_range_add(&other, dtype, rest, bytes, rows, 1);
    pw_range_merge(&range, dtype, &other);
    uint64_t n_bins = pw_histogram_bins(dtype, &range);
    struct pw_histogram histogram = {.count = calloc(n_bins, sizeof *histogram.count)};
    pw_histogram_init(&histogram, dtype, &range);
    cr_assert_eq(histogram.n_bins, n_bins);
    pw_histogram_add(&histogram, image, 0, 1, count / 3);
    pw_histogram_add(&histogram, rest, bytes, rows, 1);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n_bins; i++)
        sum += histogram.count[i];
    cr_assert_eq(sum, count, "%s: %d of %d voxels counted", pw_dtype_name(dtype), (int)sum, (int)count);
    double threshold = pw_histogram_otsu(&histogram);
    free(histogram.count);
    return threshold;
}

Test(histogram, otsu_equals_scikit_image)
{
    double *image = malloc(20000 * sizeof *image);
    for (size_t v = 0; v < sizeof vectors / sizeof vectors[0]; v++) {
        uint64_t state = vectors[v].seed;
        for (int i = 0; i < vectors[v].count; i++)
            image_value(vectors[v].dtype, image, i, &state);
        double threshold = otsu_of(vectors[v].dtype, image, (uint64_t)vectors[v].count);
        cr_assert(threshold == vectors[v].threshold, "%s, %d voxels: %.17g, scikit-image %.17g",
                  pw_dtype_name(vectors[v].dtype), vectors[v].count, threshold, vectors[v].threshold);
    }
    free(image);
}

Test(histogram, constant_images_give_their_value)
{
    const int16_t minus[] = {-7, -7, -7, -7};
    const float third[] = {1.0f / 3, 1.0f / 3, 1.0f / 3};
    const uint32_t large[] = {4000000000u, 4000000000u, 4000000000u};
    cr_assert(otsu_of(PW_I16, minus, 4) == -7);
    cr_assert(otsu_of(PW_F32, third, 3) == (double)(1.0f / 3));
    cr_assert(otsu_of(PW_U32, large, 3) == 4000000000.0);
}

/* scikit-image gives 1/512 for an image of both. */
Test(histogram, bool_images)
{
    const uint8_t both[] = {0, 1, 0, 0, 1, 0}, ones[] = {1, 1, 1};
    cr_assert(otsu_of(PW_BOOL, both, 6) == 0.001953125);
    cr_assert(otsu_of(PW_BOOL, ones, 3) == 1);
}

Test(histogram, range_of_floats_passes_nan_by)
{
    const float row[] = {NAN, 3, -2, NAN, 7.5f, -0.0f};
    const double none[] = {NAN, NAN};
    struct pw_range range = {0};
    pw_range_add(&range, PW_F32, row, 0, 1, 6);
    cr_assert(range.seen && range.has_nan && range.min_f == -2 && range.max_f == 7.5);
    range = (struct pw_range){0};
    pw_range_add(&range, PW_F64, none, 0, 1, 2);
    cr_assert(!range.seen && range.has_nan);
    cr_assert_eq(pw_histogram_bins(PW_F64, &range), 0);
}

Test(histogram, range_of_long_rows)
{
    int32_t row[1001];
    uint64_t state = 9;
    for (int k = 0; k < 300; k++) {
        uint64_t width = 1 + oracle_random(&state) % 1001;
        int64_t lo = INT32_MAX, hi = INT32_MIN;
        for (uint64_t x = 0; x < width; x++) {
            row[x] = (int32_t)(uint32_t)(oracle_random(&state) << 2);
            lo = row[x] < lo ? row[x] : lo;
            hi = row[x] > hi ? row[x] : hi;
        }
        struct pw_range range = {0};
        pw_range_add(&range, PW_I32, row, 0, 1, width);
        cr_assert(range.seen && range.min_i == lo && range.max_i == hi);
    }
}

Test(histogram, refuses_what_has_no_bins)
{
    struct pw_range range = {.seen = 1, .min_u = 5, .max_u = 5 + (UINT64_C(1) << 28) - 1};
    cr_assert_eq(pw_histogram_bins(PW_U64, &range), UINT64_C(1) << 28);
    range.max_u++;
    cr_assert_eq(pw_histogram_bins(PW_U64, &range), 0);
    range = (struct pw_range){.seen = 1, .min_i = INT64_MIN, .max_i = INT64_MAX};
    cr_assert_eq(pw_histogram_bins(PW_I64, &range), 0);
    range = (struct pw_range){.seen = 1, .min_f = 0, .max_f = INFINITY};
    cr_assert_eq(pw_histogram_bins(PW_F32, &range), 0);
    range = (struct pw_range){.seen = 1, .min_f = -1.7e308, .max_f = 1.7e308};
    cr_assert_eq(pw_histogram_bins(PW_F64, &range), 0);
    cr_assert_eq(pw_histogram_bins(PW_U16, NULL), 65536);
    cr_assert_eq(pw_histogram_bins(PW_U32, NULL), 0);
}

/* Each bin holds what lies between its edges, the last one its upper edge too. */
static void check_bins(enum pw_dtype dtype, double first, double last)
{
    struct pw_float_bins bins;
    pw_float_bins_init(&bins, dtype, first, last);
    cr_assert_eq(bins.edge[0], first);
    cr_assert_eq(bins.edge[256], last);
    for (int i = 0; i <= 256; i++) {
        double below = nextafter(bins.edge[i], -HUGE_VAL);
        cr_assert_eq(pw_float_bin(&bins, bins.precision, bins.edge[i]), (uint64_t)(i < 256 ? i : 255));
        if (i > 0 && bins.precision == PW_DOUBLE)
            cr_assert_eq(pw_float_bin(&bins, bins.precision, below), (uint64_t)(i - 1));
    }
}

Test(histogram, float_bins_hold_their_edges)
{
    check_bins(PW_F64, -1.3, 7.1);
    check_bins(PW_F32, 0.1f, 0.7f);
    check_bins(PW_F32, -3e38f, 3e38f); /* the width is no float: computed in double */
    check_bins(PW_F16, 1000, 1010);    /* fewer than 257 halves: computed in a wider type */
    check_bins(PW_F16, -65504, 65504);
    check_bins(PW_F32, 0, 0x1p-140f);
}

Test(histogram, half_rounding)
{
    for (int half = 0; half < 0x7c00; half++) {
        double value = pw_half_to_double((uint16_t)half), next = pw_half_to_double((uint16_t)(half + 1));
        cr_assert(pw_half_round(value) == value);
        cr_assert(pw_half_round(-value) == -value);
        if (half + 1 == 0x7c00)
            break;
        double middle = (value + next) / 2;
        cr_assert(pw_half_round(middle) == (half & 1 ? next : value));
        cr_assert(pw_half_round(nextafter(middle, HUGE_VAL)) == next);
        cr_assert(pw_half_round(nextafter(middle, 0)) == value);
    }
    cr_assert(pw_half_round(65519.99) == 65504);
    cr_assert(isinf(pw_half_round(65520)));
}

/* Counts of floats against the bin of each, voxels without a bin among them. */
Test(histogram, every_variant_counts_floats_alike)
{
    enum {
        COUNT = 1003
    };
    float image[COUNT];
    uint64_t state = 21, want[256] = {0}, got[256];
    struct pw_range range = {.seen = 1, .min_f = -5.0f, .max_f = (double)1.7f};
    struct pw_float_bins bins;
    pw_float_bins_init(&bins, PW_F32, range.min_f, range.max_f);
    for (int i = 0; i < COUNT; i++) {
        image[i] = -6 + (float)(oracle_random(&state) % 1000000) * 8e-6f;
        if (i % 50 == 0)
            image[i] = NAN;
        else if (i % 3 == 0) /* on an edge or next to one */
            image[i] = nextafterf((float)bins.edge[oracle_random(&state) % 257], i % 2 ? 9.0f : -9.0f);
        double value = (double)image[i];
        if (value >= range.min_f && value <= range.max_f)
            want[pw_float_bin(&bins, bins.precision, value)]++;
    }
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        memset(got, 0, sizeof got);
        struct pw_histogram histogram = {.count = got};
        pw_histogram_init(&histogram, PW_F32, &range);
        pw_histogram_add(&histogram, image, 0, 1, COUNT);
        cr_assert_eq(memcmp(got, want, sizeof got), 0, "%s", pw_simd_name((enum pw_simd_level)level));
    }
}
