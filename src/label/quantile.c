#include "label/quantile.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "label/half.h"
#include "label/histogram.h"

#define SIGN_64 (UINT64_C(1) << 63)

/* ---- keys -------------------------------------------------------------- */

static unsigned key_bits(enum pw_dtype dtype)
{
    return (unsigned)(8 * pw_dtype_bytes(dtype));
}

/* Floats: negative ones with all bits turned round, others with the sign bit set; minus zero is zero. */
static uint32_t key_f32(float value)
{
    uint32_t bits;
    value += 0.0F;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000U ? ~bits : bits | 0x80000000U;
}

static uint64_t key_f64(double value)
{
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return bits & SIGN_64 ? ~bits : bits | SIGN_64;
}

static double value_of_key(enum pw_dtype dtype, uint64_t key)
{
    uint32_t bits32 = (uint32_t)(key & 0x80000000U ? key & 0x7fffffffU : ~key);
    uint64_t bits64 = key & SIGN_64 ? key & ~SIGN_64 : ~key;
    float single;
    double twice;
    switch (dtype) {
    case PW_I8: return (double)key - 0x80;
    case PW_I16: return (double)key - 0x8000;
    case PW_I32: return (double)key - 0x80000000LL;
    case PW_I64: return (double)(int64_t)(key ^ SIGN_64);
    case PW_F16: return pw_half_to_double(pw_half_of_key((int)key - 0x8000));
    case PW_F32: memcpy(&single, &bits32, sizeof single); return (double)single;
    case PW_F64: memcpy(&twice, &bits64, sizeof twice); return twice;
    default: return (double)key;
    }
}

/* ---- counting ---------------------------------------------------------- */

void pw_key_range_merge(struct pw_key_range *range, const struct pw_key_range *other)
{
    if (other->seen == 0)
        return;
    if (range->seen == 0 || other->least < range->least)
        range->least = other->least;
    if (range->seen == 0 || other->greatest > range->greatest)
        range->greatest = other->greatest;
    range->seen += other->seen;
}

static inline void count_key(const struct pw_quantiles *q, uint64_t *counts, uint64_t key)
{
    for (int i = 0; i < q->n_intervals; i++) {
        const struct pw_key_interval *in = &q->interval[i];
        if (key - in->first <= in->last - in->first) {
            counts[((uint64_t)i << q->bits) + ((key - in->first) >> in->shift)]++;
            return;
        }
    }
}

#define ADD_ROW(name, type, is_number, key_of)                                                                         \
    static void add_##name(const struct pw_quantiles *q, uint64_t *counts, struct pw_key_range *range, const type *v,  \
                           uint64_t width)                                                                             \
    {                                                                                                                  \
        struct pw_key_range row = {0, UINT64_MAX, 0};                                                                  \
        for (uint64_t x = 0; x < width; x++) {                                                                         \
            if (!(is_number))                                                                                          \
                continue;                                                                                              \
            uint64_t key = (key_of);                                                                                   \
            row.seen++;                                                                                                \
            row.least = key < row.least ? key : row.least;                                                             \
            row.greatest = key > row.greatest ? key : row.greatest;                                                    \
            count_key(q, counts, key);                                                                                 \
        }                                                                                                              \
        pw_key_range_merge(range, &row);                                                                               \
    }

ADD_ROW(u8, uint8_t, 1, v[x])
ADD_ROW(i8, int8_t, 1, (uint64_t)(v[x] + 0x80))
ADD_ROW(u16, uint16_t, 1, v[x])
ADD_ROW(i16, int16_t, 1, (uint64_t)(v[x] + 0x8000))
ADD_ROW(u32, uint32_t, 1, v[x])
ADD_ROW(i32, int32_t, 1, (uint32_t)v[x] ^ 0x80000000U)
ADD_ROW(u64, uint64_t, 1, v[x])
ADD_ROW(i64, int64_t, 1, (uint64_t)v[x] ^ SIGN_64)
ADD_ROW(f16, uint16_t, (v[x] & 0x7fff) <= PW_HALF_INFINITY, (uint64_t)(pw_half_key(v[x]) + 0x8000))
ADD_ROW(f32, float, v[x] == v[x], key_f32(v[x]))
ADD_ROW(f64, double, v[x] == v[x], key_f64(v[x]))

static void add_row(const struct pw_quantiles *q, uint64_t *counts, struct pw_key_range *range, const void *row,
                    uint64_t width)
{
    switch (q->dtype) {
    case PW_BOOL:
    case PW_U8: add_u8(q, counts, range, row, width); break;
    case PW_I8: add_i8(q, counts, range, row, width); break;
    case PW_U16: add_u16(q, counts, range, row, width); break;
    case PW_I16: add_i16(q, counts, range, row, width); break;
    case PW_U32: add_u32(q, counts, range, row, width); break;
    case PW_I32: add_i32(q, counts, range, row, width); break;
    case PW_U64: add_u64(q, counts, range, row, width); break;
    case PW_I64: add_i64(q, counts, range, row, width); break;
    case PW_F16: add_f16(q, counts, range, row, width); break;
    case PW_F32: add_f32(q, counts, range, row, width); break;
    case PW_F64: add_f64(q, counts, range, row, width); break;
    case PW_DTYPE_NONE: break;
    }
}

/* A bin for every value: that is a histogram. */
static int is_histogram(const struct pw_quantiles *q)
{
    return pw_dtype_is_integer(q->dtype) && key_bits(q->dtype) <= q->bits;
}

void pw_quantile_add(const struct pw_quantiles *q, uint64_t *counts, struct pw_key_range *range, const void *voxels,
                     size_t stride_bytes, uint64_t rows, uint64_t width)
{
    const unsigned char *row = voxels;
    if (is_histogram(q)) {
        struct pw_histogram histogram = {.count = counts};
        pw_histogram_init(&histogram, q->dtype, NULL);
        pw_histogram_add(&histogram, voxels, stride_bytes, rows, width);
        return;
    }
    for (uint64_t r = 0; r < rows; r++, row += stride_bytes)
        add_row(q, counts, range, row, width);
}

/* ---- narrowing --------------------------------------------------------- */

static void cut(struct pw_key_interval *interval, unsigned bits)
{
    interval->shift = 0;
    while ((interval->last - interval->first) >> interval->shift >> bits != 0)
        interval->shift++;
}

void pw_quantile_init(struct pw_quantiles *q, enum pw_dtype dtype, unsigned bits, const double *percent, int n)
{
    memset(q, 0, sizeof *q);
    q->dtype = dtype;
    q->bits = bits;
    q->n = n;
    memcpy(q->percent, percent, (size_t)n * sizeof *percent);
    q->n_intervals = 1;
    q->interval[0].last = UINT64_MAX >> (64 - key_bits(dtype));
    cut(&q->interval[0], bits);
}

uint64_t pw_quantile_bins(const struct pw_quantiles *q)
{
    return (uint64_t)q->n_intervals << q->bits;
}

/* numpy's virtual index: where the percentile lies between two ranks. */
static double virtual_index(const struct pw_quantiles *q, int i)
{
    return (double)(q->range.seen - 1) * (q->percent[i] / 100);
}

static void find_ranks(struct pw_quantiles *q, const struct pw_key_range *range)
{
    q->range = *range;
    for (int i = 0; i < q->n && range->seen > 0; i++) {
        uint64_t below = (uint64_t)virtual_index(q, i), last = range->seen - 1;
        below = below < last ? below : last;
        q->rank[2 * i] = below;
        q->rank[2 * i + 1] = below < last ? below + 1 : last;
        q->place[2 * i] = q->place[2 * i + 1] = q->interval[0];
    }
}

static int same(const struct pw_key_interval *a, const struct pw_key_interval *b)
{
    return a->first == b->first && a->last == b->last;
}

/* From the interval that a rank was counted in to the bin that it lies in, less what no key lies in. */
static void narrow(struct pw_quantiles *q, int r, const uint64_t *counts)
{
    struct pw_key_interval *place = &q->place[r];
    int i = 0;
    while (i < q->n_intervals && !same(&q->interval[i], place))
        i++;
    if (i == q->n_intervals)
        return; /* known */
    const struct pw_key_interval in = q->interval[i];
    const uint64_t *bin = counts + ((uint64_t)i << q->bits);
    uint64_t b = 0;
    while (q->rank[r] >= bin[b])
        q->rank[r] -= bin[b++];
    place->first = in.first + (b << in.shift);
    if (((in.last - place->first) >> in.shift) > 0)
        place->last = place->first + ((UINT64_C(1) << in.shift) - 1);
    if (place->first < q->range.least)
        place->first = q->range.least;
    if (place->last > q->range.greatest)
        place->last = q->range.greatest;
}

static void range_of_bins(const struct pw_quantiles *q, const uint64_t *counts, struct pw_key_range *range)
{
    memset(range, 0, sizeof *range);
    for (uint64_t b = 0; b <= q->interval[0].last; b++) {
        const struct pw_key_range one = {counts[b], b, b};
        pw_key_range_merge(range, &one);
    }
}

int pw_quantile_next(struct pw_quantiles *q, const uint64_t *counts, const struct pw_key_range *range)
{
    struct pw_key_range counted;
    if (q->passes == 0 && is_histogram(q)) {
        range_of_bins(q, counts, &counted);
        range = &counted;
    }
    if (q->passes++ == 0)
        find_ranks(q, range);
    int n_ranks = q->range.seen > 0 ? 2 * q->n : 0, n = 0;
    for (int r = 0; r < n_ranks; r++)
        narrow(q, r, counts);
    for (int r = 0; r < n_ranks; r++) {
        int known = q->place[r].first == q->place[r].last;
        for (int i = 0; i < n && !known; i++)
            known = same(&q->interval[i], &q->place[r]);
        if (known)
            continue;
        q->interval[n] = q->place[r];
        cut(&q->interval[n++], q->bits);
    }
    q->n_intervals = n;
    return n > 0;
}

/* ---- results ----------------------------------------------------------- */

double pw_quantile_value(const struct pw_quantiles *q, int i)
{
    if (q->range.seen == 0)
        return (double)NAN;
    double a = value_of_key(q->dtype, q->place[2 * i].first), b = value_of_key(q->dtype, q->place[2 * i + 1].first);
    double index = virtual_index(q, i), t = index - floor(index);
    if (a == b || t == 0)
        return a;
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t); /* as numpy's _lerp */
}

double pw_quantile_minimum(const struct pw_quantiles *q)
{
    return q->range.seen == 0 ? (double)NAN : value_of_key(q->dtype, q->range.least);
}

double pw_quantile_maximum(const struct pw_quantiles *q)
{
    return q->range.seen == 0 ? (double)NAN : value_of_key(q->dtype, q->range.greatest);
}
