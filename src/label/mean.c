#include "label/mean.h"

#include <string.h>

#include "base/dtype.h"
#include "label/mean_pairs.h"

size_t pw_mean_scratch_bytes(uint64_t width)
{
    return (size_t)width * 2 * sizeof(uint64_t); /* sums, and for 64-bit types remainders */
}

struct job {
    const uint64_t *from_shape, *factor, *to_shape;
    size_t stride[2]; /* elements of the input from one z and y to the next */
    void *scratch;
};

/* The first element of an input row. */
static inline size_t row_at(const struct job *job, uint64_t z, uint64_t y)
{
    return (size_t)z * job->stride[0] + (size_t)y * job->stride[1];
}

/* The input of output position i along an axis. */
struct span {
    uint64_t start, end;
};

static inline struct span span_of(const struct job *job, int axis, uint64_t i)
{
    struct span span = {i * job->factor[axis], (i + 1) * job->factor[axis]};
    if (span.end > job->from_shape[axis])
        span.end = job->from_shape[axis];
    return span;
}

/* Half up, also below 0: the floor of (2 sum + n) / 2n. */
static inline int64_t rounded_mean(int64_t sum, int64_t n)
{
    int64_t up = 2 * sum + n, quotient = up / (2 * n);
    return quotient - (up % (2 * n) < 0);
}

/*
 * A row of sums for a row of blocks, input row by input row: the inner loops have no dependencies between output voxels and
 * are left to the compiler to vectorise.
 */
#define DEFINE_SUMS(name, type, sum_type)                                                                              \
    static uint64_t sum_##name(const struct job *job, const type *from, uint64_t z, uint64_t y, sum_type *sum)         \
    {                                                                                                                  \
        struct span zs = span_of(job, 0, z), ys = span_of(job, 1, y);                                                  \
        uint64_t width = job->to_shape[2], fx = job->factor[2], whole = job->from_shape[2] / fx;                       \
        memset(sum, 0, (size_t)width * sizeof *sum);                                                                   \
        for (uint64_t iz = zs.start; iz < zs.end; iz++)                                                                \
            for (uint64_t iy = ys.start; iy < ys.end; iy++) {                                                          \
                const type *row = from + row_at(job, iz, iy);                                                          \
                if (fx == 1)                                                                                           \
                    for (uint64_t x = 0; x < whole; x++)                                                               \
                        sum[x] += (sum_type)row[x];                                                                    \
                else if (fx == 2)                                                                                      \
                    for (uint64_t x = 0; x < whole; x++) {                                                             \
                        sum[x] += (sum_type)row[2 * x];                                                                \
                        sum[x] += (sum_type)row[2 * x + 1];                                                            \
                    }                                                                                                  \
                else                                                                                                   \
                    for (uint64_t x = 0; x < whole; x++)                                                               \
                        for (uint64_t i = 0; i < fx; i++)                                                              \
                            sum[x] += (sum_type)row[x * fx + i];                                                       \
                for (uint64_t x = whole * fx; x < job->from_shape[2]; x++)                                             \
                    sum[whole] += (sum_type)row[x];                                                                    \
            }                                                                                                          \
        return (zs.end - zs.start) * (ys.end - ys.start);                                                              \
    }

/* rows: input rows of the block; the last block of a row may have fewer columns. */
#define DEFINE_MEAN(name, type, sum_type, mean)                                                                        \
    DEFINE_SUMS(name, type, sum_type)                                                                                  \
    static void mean_##name(const struct job *job, const void *from, void *to)                                         \
    {                                                                                                                  \
        sum_type *sum = job->scratch;                                                                                  \
        uint64_t width = job->to_shape[2], whole = job->from_shape[2] / job->factor[2];                                \
        type *out = to;                                                                                                \
        for (uint64_t z = 0; z < job->to_shape[0]; z++)                                                                \
            for (uint64_t y = 0; y < job->to_shape[1]; y++, out += width) {                                            \
                uint64_t rows = sum_##name(job, from, z, y, sum);                                                      \
                sum_type n = (sum_type)(rows * job->factor[2]);                                                        \
                for (uint64_t x = 0; x < whole; x++)                                                                   \
                    out[x] = (type)(mean);                                                                             \
                n = (sum_type)(rows * (job->from_shape[2] - whole * job->factor[2]));                                  \
                for (uint64_t x = whole; x < width; x++)                                                               \
                    out[x] = (type)(mean);                                                                             \
            }                                                                                                          \
    }

#define UNSIGNED_MEAN ((sum[x] + n / 2) / n)

DEFINE_MEAN(bool, uint8_t, uint32_t, 2 * sum[x] >= n)
DEFINE_MEAN(u8, uint8_t, uint32_t, UNSIGNED_MEAN)
DEFINE_MEAN(u16, uint16_t, uint64_t, UNSIGNED_MEAN)
DEFINE_MEAN(u32, uint32_t, uint64_t, UNSIGNED_MEAN)
DEFINE_MEAN(i8, int8_t, int64_t, rounded_mean(sum[x], n))
DEFINE_MEAN(i16, int16_t, int64_t, rounded_mean(sum[x], n))
DEFINE_MEAN(i32, int32_t, int64_t, rounded_mean(sum[x], n))
DEFINE_MEAN(f32, float, double, sum[x] / n)
DEFINE_MEAN(f64, double, double, sum[x] / n)

/* ---- blocks of 1 or 2 x 1 or 2 x 2 of the types that images have most ---- */

enum {
    ROWS_MOST = 4
};

/* n output voxels from on; so many rows of twice as many, whose sums are divided by shifting. */
#define DEFINE_PAIRS(name, type)                                                                                       \
    static void pairs_##name(const type *const *row, unsigned rows, type *out, uint64_t from, uint64_t n,              \
                             unsigned shift)                                                                           \
    {                                                                                                                  \
        for (uint64_t x = from; x < n; x++) {                                                                          \
            uint32_t sum = (uint32_t)1 << (shift - 1);                                                                 \
            for (unsigned r = 0; r < rows; r++)                                                                        \
                sum += (uint32_t)row[r][2 * x] + row[r][2 * x + 1];                                                    \
            out[x] = (type)(sum >> shift);                                                                             \
        }                                                                                                              \
    }                                                                                                                  \
    static void halve_##name(const struct job *job, const void *from, void *to)                                        \
    {                                                                                                                  \
        static const unsigned shift_of[ROWS_MOST + 1] = {0, 1, 2, 0, 3};                                               \
        int vectors = pw_simd_level() >= PW_SIMD_AVX2;                                                                 \
        type *out = to;                                                                                                \
        for (uint64_t z = 0; z < job->to_shape[0]; z++)                                                                \
            for (uint64_t y = 0; y < job->to_shape[1]; y++, out += job->to_shape[2]) {                                 \
                struct span zs = span_of(job, 0, z), ys = span_of(job, 1, y);                                          \
                const type *row[ROWS_MOST];                                                                            \
                unsigned rows = 0;                                                                                     \
                for (uint64_t iz = zs.start; iz < zs.end; iz++)                                                        \
                    for (uint64_t iy = ys.start; iy < ys.end; iy++)                                                    \
                        row[rows++] = (const type *)from + row_at(job, iz, iy);                                        \
                uint64_t done = vectors ? pw_mean_pairs_##name(row, rows, out, job->to_shape[2], shift_of[rows]) : 0;  \
                pairs_##name(row, rows, out, done, job->to_shape[2], shift_of[rows]);                                  \
            }                                                                                                          \
    }

DEFINE_PAIRS(u8, uint8_t)
DEFINE_PAIRS(u16, uint16_t)

/* Blocks at the far borders of z and y are of 1, 2 or 4 rows as well; those of x must be whole. */
static int is_halves(const struct job *job)
{
    return job->factor[0] <= 2 && job->factor[1] <= 2 && job->factor[2] == 2 && job->from_shape[2] % 2 == 0;
}

/* ---- 64-bit whole numbers: sums of quotients and of remainders, as sums of values would overflow ---- */

static void mean_u64(const struct job *job, const uint64_t *from, uint64_t *out)
{
    for (uint64_t z = 0; z < job->to_shape[0]; z++)
        for (uint64_t y = 0; y < job->to_shape[1]; y++)
            for (uint64_t x = 0; x < job->to_shape[2]; x++) {
                struct span zs = span_of(job, 0, z), ys = span_of(job, 1, y), xs = span_of(job, 2, x);
                uint64_t n = (zs.end - zs.start) * (ys.end - ys.start) * (xs.end - xs.start), whole = 0, rest = 0;
                for (uint64_t iz = zs.start; iz < zs.end; iz++)
                    for (uint64_t iy = ys.start; iy < ys.end; iy++)
                        for (uint64_t ix = xs.start; ix < xs.end; ix++) {
                            uint64_t v = from[row_at(job, iz, iy) + ix];
                            whole += v / n;
                            rest += v % n;
                        }
                *out++ = whole + (rest + n / 2) / n;
            }
}

/* Moved by 2^63, signed numbers are unsigned ones in the same order. */
static uint64_t moved(uint64_t bits)
{
    return bits ^ (uint64_t)1 << 63;
}

static void mean_i64(const struct job *job, const uint64_t *from, uint64_t *out)
{
    for (uint64_t z = 0; z < job->to_shape[0]; z++)
        for (uint64_t y = 0; y < job->to_shape[1]; y++)
            for (uint64_t x = 0; x < job->to_shape[2]; x++) {
                struct span zs = span_of(job, 0, z), ys = span_of(job, 1, y), xs = span_of(job, 2, x);
                uint64_t n = (zs.end - zs.start) * (ys.end - ys.start) * (xs.end - xs.start), whole = 0, rest = 0;
                for (uint64_t iz = zs.start; iz < zs.end; iz++)
                    for (uint64_t iy = ys.start; iy < ys.end; iy++)
                        for (uint64_t ix = xs.start; ix < xs.end; ix++) {
                            uint64_t v = moved(from[row_at(job, iz, iy) + ix]);
                            whole += v / n;
                            rest += v % n;
                        }
                *out++ = moved(whole + (rest + n / 2) / n);
            }
}

/* ---- halves ---- */

static void mean_f16(const struct job *job, const uint16_t *from, uint16_t *out)
{
    for (uint64_t z = 0; z < job->to_shape[0]; z++)
        for (uint64_t y = 0; y < job->to_shape[1]; y++)
            for (uint64_t x = 0; x < job->to_shape[2]; x++) {
                struct span zs = span_of(job, 0, z), ys = span_of(job, 1, y), xs = span_of(job, 2, x);
                double sum = 0;
                for (uint64_t iz = zs.start; iz < zs.end; iz++)
                    for (uint64_t iy = ys.start; iy < ys.end; iy++)
                        for (uint64_t ix = xs.start; ix < xs.end; ix++)
                            sum += pw_half_to_double(from[row_at(job, iz, iy) + ix]);
                *out++ =
                    pw_double_to_half(sum / (double)((zs.end - zs.start) * (ys.end - ys.start) * (xs.end - xs.start)));
            }
}

void pw_mean_downsample(enum pw_dtype dtype, const void *from, const uint64_t from_shape[3],
                        const size_t stride_bytes[2], const uint64_t factor[3], void *to, const uint64_t to_shape[3],
                        void *scratch)
{
    size_t bytes = pw_dtype_bytes(dtype);
    const struct job job = {from_shape, factor, to_shape, {stride_bytes[0] / bytes, stride_bytes[1] / bytes}, scratch};
    switch (dtype) {
    case PW_BOOL: mean_bool(&job, from, to); break;
    case PW_U8: (is_halves(&job) ? halve_u8 : mean_u8)(&job, from, to); break;
    case PW_U16: (is_halves(&job) ? halve_u16 : mean_u16)(&job, from, to); break;
    case PW_U32: mean_u32(&job, from, to); break;
    case PW_U64: mean_u64(&job, from, to); break;
    case PW_I8: mean_i8(&job, from, to); break;
    case PW_I16: mean_i16(&job, from, to); break;
    case PW_I32: mean_i32(&job, from, to); break;
    case PW_I64: mean_i64(&job, from, to); break;
    case PW_F16: mean_f16(&job, from, to); break;
    case PW_F32: mean_f32(&job, from, to); break;
    case PW_F64: mean_f64(&job, from, to); break;
    case PW_DTYPE_NONE: break;
    }
}
