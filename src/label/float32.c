#include "label/float32.h"

#include <math.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "label/convert.h"

enum {
    BLOCK = 512 /* voxels at a time in double precision, in the cache */
};

static void scale_block(const double *value, uint64_t n, const struct pw_float_scale *scale, float *out)
{
    const double low = scale->low, span = scale->high - scale->low;
    for (uint64_t x = 0; x < n; x++)
        out[x] = (float)((value[x] - low) / span);
}

void pw_float32_row(enum pw_dtype dtype, const void *voxels, uint64_t n, const struct pw_float_scale *scale, float *out)
{
    double value[BLOCK];
    const char *in = voxels;
    if (scale == NULL) {
        pw_convert(dtype, voxels, PW_F32, out, (size_t)n);
        return;
    }
    if (scale->low == scale->high) {
        for (uint64_t x = 0; x < n; x++)
            out[x] = 0;
        return;
    }
    for (uint64_t x = 0; x < n; x += BLOCK) {
        size_t k = (size_t)pw_min_u64(BLOCK, n - x);
        pw_convert(dtype, in + x * pw_dtype_bytes(dtype), PW_F64, value, k);
        scale_block(value, k, scale, out + x);
    }
}

static void count_block(const double *value, uint64_t n, double minimum, double maximum, double scale, uint64_t n_bins,
                        uint64_t *count)
{
    for (uint64_t x = 0; x < n; x++) {
        if (!(value[x] >= minimum && value[x] <= maximum))
            continue;
        uint64_t bin = (uint64_t)((value[x] - minimum) * scale);
        count[bin < n_bins ? bin : n_bins - 1]++;
    }
}

void pw_even_bins_row(enum pw_dtype dtype, const void *voxels, uint64_t n, double minimum, double maximum,
                      uint64_t n_bins, uint64_t *count)
{
    double value[BLOCK];
    const char *in = voxels;
    double scale = maximum > minimum ? (double)n_bins / (maximum - minimum) : 0;
    if (!isfinite(scale)) /* a range of a few subnormal numbers */
        scale = 0;
    for (uint64_t x = 0; x < n; x += BLOCK) {
        size_t k = (size_t)pw_min_u64(BLOCK, n - x);
        pw_convert(dtype, in + x * pw_dtype_bytes(dtype), PW_F64, value, k);
        count_block(value, k, minimum, maximum, scale, n_bins, count);
    }
}
