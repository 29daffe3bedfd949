#include "label/measure_total.h"

#include "base/dtype.h"
#include "label/wide.h"

#include <math.h>
#include <string.h>

static int total_words(const struct pw_measure_form *form)
{
    return form->channel_words + 2; /* 2^64 voxels instead of 2^32 */
}

static uint64_t *channel_of(const struct pw_measure_total *total, uint32_t c)
{
    return total->channel + (uint64_t)c * (uint64_t)total_words(total->form);
}

uint64_t pw_measure_total_memory_bytes(const struct pw_measure_form *form)
{
    return (uint64_t)form->n_channels * (uint64_t)total_words(form) * sizeof(uint64_t);
}

void pw_measure_total_init(struct pw_measure_total *total, const struct pw_measure_form *form, void *memory)
{
    memset(total, 0, sizeof *total);
    total->form = form;
    total->channel = memory;
}

void pw_measure_total_begin(struct pw_measure_total *total)
{
    const struct pw_measure_form *form = total->form;
    uint64_t *channel = total->channel;
    memset(total, 0, sizeof *total);
    total->form = form;
    total->channel = channel;
    for (int i = 0; i < 3; i++)
        total->start[i] = total->first[i] = UINT64_MAX;
    if (form->n_channels > 0)
        memset(channel, 0, (size_t)pw_measure_total_memory_bytes(form));
    for (uint32_t c = 0; c < form->n_channels; c++)
        *channel_of(total, c) = form->extreme_words == 1 ? UINT32_MAX : UINT64_MAX;
}

static int comes_before(const uint64_t a[3], const uint64_t b[3])
{
    for (int i = 0; i < 3; i++)
        if (a[i] != b[i])
            return a[i] < b[i];
    return 0;
}

void pw_measure_total_place(struct pw_measure_total *total, const uint64_t *record, const uint64_t origin[3],
                            const uint64_t shape[3])
{
    uint64_t voxels = (uint32_t)record[PW_MEASURE_VOXELS], index = record[PW_MEASURE_VOXELS] >> 32;
    uint64_t first[3] = {index / (shape[1] * shape[2]), index / shape[2] % shape[1], index % shape[2]};
    total->voxels += voxels;
    for (int i = 0; i < 3; i++) {
        uint64_t box = record[PW_MEASURE_BOX + i];
        uint64_t low = origin[i] + (uint32_t)box, high = origin[i] + (box >> 32) + 1;
        pw_u128 moved = (pw_u128)origin[i] * voxels + record[PW_MEASURE_SUM + i];
        uint64_t part[2] = {(uint64_t)moved, (uint64_t)(moved >> 64)};
        first[i] += origin[i];
        total->start[i] = low < total->start[i] ? low : total->start[i];
        total->end[i] = high > total->end[i] ? high : total->end[i];
        pw_wide_add_unsigned(total->sum[i], 3, part, 2);
    }
    if (comes_before(first, total->first))
        memcpy(total->first, first, sizeof first);
}

void pw_measure_total_channel(struct pw_measure_total *total, uint32_t c, const uint64_t *words)
{
    const struct pw_measure_form *form = total->form;
    uint64_t *to = channel_of(total, c);
    if (form->extreme_words == 1) {
        uint64_t high = words[0] >> 32 > to[0] >> 32 ? words[0] >> 32 : to[0] >> 32;
        to[0] = ((uint32_t)words[0] < (uint32_t)to[0] ? (uint32_t)words[0] : (uint32_t)to[0]) | high << 32;
    } else {
        to[0] = words[0] < to[0] ? words[0] : to[0];
        to[1] = words[1] > to[1] ? words[1] : to[1];
    }
    int at = form->extreme_words;
    if (form->flag_words > 0)
        to[at] |= words[at];
    at += form->flag_words;
    if (form->has_sign)
        pw_wide_add(to + at, form->sum_words + 1, words + at, form->sum_words);
    else
        pw_wide_add_unsigned(to + at, form->sum_words + 1, words + at, form->sum_words);
    pw_wide_add_unsigned(to + at + form->sum_words + 1, form->square_words + 1, words + at + form->sum_words,
                         form->square_words);
}

void pw_measure_total_centroid(const struct pw_measure_total *total, double centroid[3])
{
    for (int i = 0; i < 3; i++)
        centroid[i] = pw_wide_ratio(total->sum[i], 3, 0, total->voxels);
}

/* ---- intensities ----------------------------------------------------------- */

/* The value of a key (label/measure_voxels.c). */
static union pw_extreme value_of(enum pw_dtype dtype, uint64_t key)
{
    union pw_extreme value = {.u = key};
    if (dtype == PW_F64) {
        uint64_t bits = key >> 63 ? key - 0x8000000000000000u : 0x8000000000000000u | (0x8000000000000000u - key);
        memcpy(&value.f, &bits, sizeof bits);
    } else if (pw_dtype_is_float(dtype)) {
        uint32_t bits = (uint32_t)(key >> 31 ? key - 0x80000000u : 0x80000000u | (0x80000000u - key));
        float narrow;
        memcpy(&narrow, &bits, sizeof bits);
        value.f = (double)narrow;
    } else if (dtype == PW_I64) {
        value.i = (int64_t)(key ^ 0x8000000000000000u);
    } else if (pw_dtype_is_signed(dtype)) {
        value.i = (int32_t)((uint32_t)key ^ 0x80000000u);
    }
    return value;
}

static void take_extremes(const struct pw_measure_form *form, const uint64_t *words, struct pw_intensity *intensity)
{
    uint64_t low = form->extreme_words == 1 ? (uint32_t)words[0] : words[0];
    uint64_t high = form->extreme_words == 1 ? words[0] >> 32 : words[1];
    intensity->least = value_of(form->dtype, low);
    intensity->greatest = value_of(form->dtype, high);
}

/* What infinities and NaN make of the rest. */
static void apply_flags(uint64_t flags, struct pw_intensity *intensity)
{
    uint64_t both = PW_MEASURE_INFINITY | PW_MEASURE_MINUS_INFINITY;
    if (flags == 0)
        return;
    intensity->deviation = (double)NAN;
    intensity->mean = intensity->sum = (flags & PW_MEASURE_INFINITY) != 0 ? (double)INFINITY : -(double)INFINITY;
    if ((flags & PW_MEASURE_NAN) != 0 || (flags & both) == both)
        intensity->mean = intensity->sum = (double)NAN;
    if ((flags & PW_MEASURE_NAN) != 0)
        intensity->least.f = intensity->greatest.f = (double)NAN;
}

void pw_measure_total_intensity(const struct pw_measure_total *total, uint32_t c, struct pw_intensity *intensity)
{
    const struct pw_measure_form *form = total->form;
    const uint64_t *words = channel_of(total, c);
    const uint64_t *sum = words + form->extreme_words + form->flag_words;
    int n = form->sum_words + 1, m = form->square_words + 1;
    memset(intensity, 0, sizeof *intensity);
    take_extremes(form, words, intensity);
    intensity->mean = pw_wide_ratio(sum, n, form->exponent, total->voxels);
    intensity->sum = pw_wide_ratio(sum, n, form->exponent, 1);
    intensity->deviation = pw_wide_deviation(sum, n, sum + n, m, form->exponent, total->voxels);
    if (form->flag_words > 0)
        apply_flags(words[form->extreme_words], intensity);
    else
        pw_wide_add(intensity->whole_sum, 3, sum, n);
}
