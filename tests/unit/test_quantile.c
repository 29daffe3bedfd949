/* Order statistics in passes against sorted values, with few bins so that many passes are needed. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "label/quantile.h"

enum {
    N = 2000
};

static uint64_t random_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The definition, on sorted values. */
static double percentile(const double *sorted, uint64_t n, double percent)
{
    double index = (double)(n - 1) * (percent / 100), t = index - floor(index);
    uint64_t i = (uint64_t)index;
    double a = sorted[i], b = sorted[i + 1 < n ? i + 1 : i];
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

/* Searches with that many bits a pass; returns the passes it took. */
static int search(struct pw_quantiles *q, enum pw_dtype dtype, unsigned bits, const double *percent, int n,
                  const void *voxels, uint64_t width)
{
    struct pw_key_range range;
    uint64_t *counts = NULL;
    pw_quantile_init(q, dtype, bits, percent, n);
    do {
        free(counts);
        memset(&range, 0, sizeof range);
        counts = calloc(pw_quantile_bins(q), sizeof *counts);
        cr_assert_not_null(counts);
        pw_quantile_add(q, counts, &range, voxels, 0, 1, width);
    } while (pw_quantile_next(q, counts, &range));
    free(counts);
    return q->passes;
}

static const double percent[] = {0, 0.05, 1, 25, 50, 50.025, 99.9, 100};

#define CHECK(type, dtype, most_passes_16, make)                                                                       \
    Test(quantile, dtype)                                                                                              \
    {                                                                                                                  \
        static type voxel[N];                                                                                          \
        static double sorted[N];                                                                                       \
        uint64_t seed = 88172645463325252ULL;                                                                          \
        struct pw_quantiles q;                                                                                         \
        for (int spread = 0; spread < 3; spread++) {                                                                   \
            for (int i = 0; i < N; i++) {                                                                              \
                uint64_t r = random_bits(&seed);                                                                       \
                voxel[i] = (type)(make);                                                                               \
                sorted[i] = (double)voxel[i];                                                                          \
            }                                                                                                          \
            qsort(sorted, N, sizeof *sorted, by_value);                                                                \
            for (unsigned bits = 8; bits <= 16; bits += 4) {                                                           \
                int passes = search(&q, dtype, bits, percent, 8, voxel, N);                                            \
                cr_assert(bits < 16 || passes <= (most_passes_16), "%d passes", passes);                               \
                cr_assert(pw_quantile_minimum(&q) == sorted[0] && pw_quantile_maximum(&q) == sorted[N - 1]);           \
                for (int i = 0; i < 8; i++)                                                                            \
                    cr_assert_eq(pw_quantile_value(&q, i), percentile(sorted, N, percent[i]), "%u bits, spread %d",    \
                                 bits, spread);                                                                        \
            }                                                                                                          \
        }                                                                                                              \
    }

/* spread 0: one value; 1: few values, some negative; 2: all there are. */
CHECK(uint8_t, PW_U8, 1, spread == 0 ? 7 : spread == 1 ? r % 5 : r)
CHECK(int8_t, PW_I8, 1, spread == 0 ? -7 : spread == 1 ? (int)(r % 5) - 2 : (int)(r % 256) - 128)
CHECK(uint16_t, PW_U16, 1, spread == 0 ? 7 : spread == 1 ? r % 5 : r)
CHECK(int16_t, PW_I16, 1, spread == 0 ? -7 : spread == 1 ? (int)(r % 5) - 2 : (int)(r % 65536) - 32768)
CHECK(uint32_t, PW_U32, 2, spread == 0 ? 70000 : spread == 1 ? r % 5 : r)
CHECK(int32_t, PW_I32, 2, spread == 0 ? -70000 : spread == 1 ? (int)(r % 5) - 2 : (int32_t)(uint32_t)r)
CHECK(uint64_t, PW_U64, 4, spread == 0 ? 7 : spread == 1 ? r % 5 : r >> 11)
CHECK(int64_t, PW_I64, 4, spread == 0 ? -7 : spread == 1 ? (int64_t)(r % 5) - 2 : (int64_t)(r >> 11) - (1LL << 50))
CHECK(float, PW_F32, 2, spread == 0 ? -0.5F : spread == 1 ? (float)(int)(r % 5) - 2 : (float)r / 1e18F - 9)
CHECK(double, PW_F64, 4, spread == 0 ? -0.5 : spread == 1 ? (double)(r % 5) - 2 : (double)r / 1e18 - 9)

Test(quantile, nan_and_nothing)
{
    struct pw_quantiles q;
    static const double half[] = {50};
    float voxel[5] = {NAN, 3, -INFINITY, NAN, -0.0F};
    (void)search(&q, PW_F32, 8, half, 1, voxel, 5);
    cr_assert_eq(q.range.seen, 3);
    cr_assert_eq(pw_quantile_value(&q, 0), 0);
    cr_assert(pw_quantile_minimum(&q) == (double)-INFINITY && pw_quantile_maximum(&q) == 3);
    (void)search(&q, PW_F32, 8, half, 1, voxel, 1);
    cr_assert(isnan(pw_quantile_value(&q, 0)) && isnan(pw_quantile_minimum(&q)));
    (void)search(&q, PW_U8, 16, half, 1, voxel, 0);
    cr_assert(isnan(pw_quantile_value(&q, 0)));
    (void)search(&q, PW_U16, 12, half, 0, "\1\0\7\0", 2); /* the range alone */
    cr_assert(pw_quantile_minimum(&q) == 1 && pw_quantile_maximum(&q) == 7);
}
