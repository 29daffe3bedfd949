/* Means of blocks against sums that are written down once more, for every instruction set and for rows that lie apart. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "label/mean.h"
#include "label/simd.h"

enum {
    MOST = 8 * 9 * 200
};

struct layout {
    uint64_t shape[3], factor[3], small[3];
    uint64_t stride[2]; /* elements */
};

static uint64_t random_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct layout layout_of(uint64_t z, uint64_t y, uint64_t x, uint64_t fz, uint64_t fy, uint64_t fx, uint64_t gap)
{
    struct layout layout = {{z, y, x}, {fz, fy, fx}, {0, 0, 0}, {(y + 1) * (x + gap), x + gap}};
    for (int i = 0; i < 3; i++)
        layout.small[i] = (layout.shape[i] + layout.factor[i] - 1) / layout.factor[i];
    return layout;
}

static int64_t value_at(enum pw_dtype dtype, const void *voxels, uint64_t at)
{
    if (dtype == PW_U8)
        return ((const uint8_t *)voxels)[at];
    return dtype == PW_U16 ? ((const uint16_t *)voxels)[at] : ((const int16_t *)voxels)[at];
}

/* Half up: the floor of (2 sum + n) / 2n. */
static int64_t expected(enum pw_dtype dtype, const void *voxels, const struct layout *layout, const uint64_t at[3])
{
    int64_t sum = 0, n = 0;
    for (uint64_t z = at[0] * layout->factor[0]; z < (at[0] + 1) * layout->factor[0] && z < layout->shape[0]; z++)
        for (uint64_t y = at[1] * layout->factor[1]; y < (at[1] + 1) * layout->factor[1] && y < layout->shape[1]; y++)
            for (uint64_t x = at[2] * layout->factor[2]; x < (at[2] + 1) * layout->factor[2] && x < layout->shape[2];
                 x++, n++)
                sum += value_at(dtype, voxels, z * layout->stride[0] + y * layout->stride[1] + x);
    int64_t up = 2 * sum + n;
    return up >= 0 ? up / (2 * n) : -((-up + 2 * n - 1) / (2 * n));
}

static void check(enum pw_dtype dtype, const struct layout *layout, uint64_t seed)
{
    static uint64_t memory[2 * MOST], out[MOST], scratch[2 * 400];
    size_t bytes = pw_dtype_bytes(dtype);
    size_t stride[2] = {(size_t)layout->stride[0] * bytes, (size_t)layout->stride[1] * bytes};
    cr_assert_leq(layout->shape[0] * layout->stride[0] * bytes, sizeof memory);
    cr_assert_leq(pw_mean_scratch_bytes(layout->small[2]), sizeof scratch);
    for (size_t i = 0; i < sizeof memory / 8; i++)
        memory[i] = seed % 5 == 0 ? UINT64_MAX : random_bits(&seed); /* the greatest values there are, too */
    pw_mean_downsample(dtype, memory, layout->shape, stride, layout->factor, out, layout->small, scratch);
    uint64_t at[3], i = 0;
    for (at[0] = 0; at[0] < layout->small[0]; at[0]++)
        for (at[1] = 0; at[1] < layout->small[1]; at[1]++)
            for (at[2] = 0; at[2] < layout->small[2]; at[2]++, i++)
                cr_assert_eq(value_at(dtype, out, i), expected(dtype, memory, layout, at),
                             "%s, %llu x %llu x %llu, at %llu %llu %llu", pw_dtype_name(dtype),
                             (unsigned long long)layout->factor[0], (unsigned long long)layout->factor[1],
                             (unsigned long long)layout->factor[2], (unsigned long long)at[0],
                             (unsigned long long)at[1], (unsigned long long)at[2]);
}

Test(mean, of_every_kind_of_block)
{
    static const enum pw_dtype dtypes[] = {PW_U8, PW_U16, PW_I16};
    static const uint64_t factors[][3] = {{1, 1, 2}, {1, 2, 2}, {2, 1, 2}, {2, 2, 2}, {1, 2, 1}, {3, 2, 4}, {2, 2, 3}};
    static const uint64_t shapes[][3] = {{1, 1, 2}, {4, 4, 128}, {5, 7, 150}, {3, 3, 149}, {2, 5, 66}};
    uint64_t seed = 10;
    for (int level = PW_SIMD_PORTABLE; level <= PW_SIMD_AVX512; level++) {
        pw_simd_lower((enum pw_simd_level)level);
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
            for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
                for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++, seed++) {
                    const struct layout layout = layout_of(shapes[s][0], shapes[s][1], shapes[s][2], factors[f][0],
                                                           factors[f][1], factors[f][2], seed % 3);
                    check(dtypes[d], &layout, seed);
                }
    }
}
