#include "label/measure.h"

#include "base/dtype.h"
#include "label/measure_voxels.h"
#include "label/wide.h"

#include <string.h>

/* ---- what a record consists of ------------------------------------------ */

/*
 * How wide sums must be for 2^32 - 1 voxels of a type.  Floats have 2^-24..2^16, 2^-149..2^128 and 2^-1074..2^1024:
 * 40, 277 and 2098 bits, twice as many when squared, and 32 more for the number of voxels and one for the sign.
 */
void pw_measure_form_init(struct pw_measure_form *form, enum pw_dtype dtype, uint32_t n_channels)
{
    memset(form, 0, sizeof *form);
    form->dtype = n_channels > 0 ? dtype : PW_DTYPE_NONE;
    form->n_channels = n_channels;
    form->has_sign = pw_dtype_is_signed(dtype);
    form->flag_words = pw_dtype_is_float(dtype);
    form->extreme_words = pw_dtype_bytes(dtype) == 8 ? 2 : 1;
    switch (dtype) {
    case PW_U64:
    case PW_I64:
        form->sum_words = 2;
        form->square_words = 3;
        break;
    case PW_F16:
        form->sum_words = form->square_words = 2;
        form->exponent = -24;
        break;
    case PW_F32:
        form->sum_words = 5;
        form->square_words = 10;
        form->exponent = -149;
        break;
    case PW_F64:
        form->sum_words = 34;
        form->square_words = 67;
        form->exponent = -1074;
        break;
    default:
        form->sum_words = 1;
        form->square_words = pw_dtype_bytes(dtype) == 4 ? 2 : 1;
        break;
    }
    form->channel_words = form->extreme_words + form->flag_words + form->sum_words + form->square_words;
    form->words = PW_MEASURE_PLACE_WORDS + (uint64_t)n_channels * (uint64_t)form->channel_words;
}

/* A word of two numbers: the lesser of the lower halves, the greater of the upper. */
static uint64_t widen(uint64_t a, uint64_t b)
{
    uint32_t low = (uint32_t)a < (uint32_t)b ? (uint32_t)a : (uint32_t)b;
    uint64_t high = a >> 32 > b >> 32 ? a >> 32 : b >> 32;
    return low | high << 32;
}

static void combine_channel(const struct pw_measure_form *form, uint64_t *c, const uint64_t *other)
{
    if (form->extreme_words == 1) {
        c[0] = widen(c[0], other[0]);
    } else {
        c[0] = c[0] < other[0] ? c[0] : other[0];
        c[1] = c[1] > other[1] ? c[1] : other[1];
    }
    int at = form->extreme_words;
    if (form->flag_words > 0)
        c[at] |= other[at];
    at += form->flag_words;
    pw_wide_add(c + at, form->sum_words, other + at, form->sum_words);
    at += form->sum_words;
    pw_wide_add(c + at, form->square_words, other + at, form->square_words);
}

void pw_measure_combine_place(uint64_t *record, const uint64_t *other)
{
    uint64_t first = record[0] >> 32 < other[0] >> 32 ? record[0] >> 32 : other[0] >> 32;
    record[0] = (uint32_t)(record[0] + other[0]) | first << 32;
    for (int i = 0; i < 3; i++) {
        record[PW_MEASURE_BOX + i] = widen(record[PW_MEASURE_BOX + i], other[PW_MEASURE_BOX + i]);
        record[PW_MEASURE_SUM + i] += other[PW_MEASURE_SUM + i];
    }
}

void pw_measure_combine_channels(const struct pw_measure_form *form, uint32_t n, uint64_t *words, const uint64_t *other)
{
    for (uint32_t c = 0; c < n; c++)
        combine_channel(form, words + (uint64_t)c * (uint64_t)form->channel_words,
                        other + (uint64_t)c * (uint64_t)form->channel_words);
}

/* A record of no voxel, of which the first is at index first. */
static void begin_record(const struct pw_measure_form *form, uint64_t *record, uint64_t first)
{
    memset(record, 0, (size_t)form->words * sizeof *record);
    record[PW_MEASURE_VOXELS] = first << 32;
    for (int i = 0; i < 3; i++)
        record[PW_MEASURE_BOX + i] = UINT32_MAX;
    for (uint32_t c = 0; c < form->n_channels; c++)
        record[PW_MEASURE_PLACE_WORDS + (uint64_t)c * (uint64_t)form->channel_words] =
            form->extreme_words == 1 ? UINT32_MAX : UINT64_MAX;
}

/* ---- the table of labels -------------------------------------------------- */

static uint32_t slot_count(uint32_t capacity)
{
    uint32_t n = 16;
    while (n < 2 * (uint64_t)capacity)
        n *= 2;
    return n;
}

uint64_t pw_measure_memory_bytes(const struct pw_measure_form *form, uint32_t capacity)
{
    return PW_MEASURE_ROW * sizeof(uint64_t) + (uint64_t)capacity * (form->words + 1) * sizeof(uint64_t) +
           (uint64_t)slot_count(capacity) * sizeof(uint32_t);
}

void pw_measure_init(struct pw_measure *measure, const struct pw_measure_form *form, uint32_t capacity, void *memory,
                     pw_measure_take_fn take, void *context)
{
    unsigned char *at = memory;
    memset(measure, 0, sizeof *measure);
    measure->form = form;
    measure->capacity = capacity;
    measure->n_slots = slot_count(capacity);
    measure->take = take;
    measure->context = context;
    measure->row = at;
    at += PW_MEASURE_ROW * sizeof(uint64_t);
    measure->label = (void *)at;
    at += capacity * sizeof(uint64_t);
    measure->words = (void *)at;
    at += capacity * form->words * sizeof(uint64_t);
    measure->slot = (void *)at;
    memset(measure->slot, 0, measure->n_slots * sizeof *measure->slot);
}

enum pw_status pw_measure_flush(struct pw_measure *measure, struct pw_error *error)
{
    uint32_t n = measure->used;
    if (n == 0)
        return PW_OK;
    measure->used = 0;
    memset(measure->slot, 0, measure->n_slots * sizeof *measure->slot);
    return measure->take(measure->context, measure->label, measure->words, n, error);
}

/* The slot of label, or the free one where it would be.  Fibonacci hashing, as in label/runs.c. */
static uint32_t find_slot(const struct pw_measure *measure, uint64_t label)
{
    int shift = 64 - __builtin_ctz(measure->n_slots);
    uint32_t at = (uint32_t)(label * UINT64_C(0x9e3779b97f4a7c15) >> shift);
    while (measure->slot[at] != 0 && measure->label[measure->slot[at] - 1] != label)
        at = (at + 1) & (measure->n_slots - 1);
    return at;
}

/* The record of label, begun with a first voxel when there is none. */
static uint64_t *find_record(struct pw_measure *measure, uint64_t label, uint64_t first, enum pw_status *status,
                             struct pw_error *error)
{
    uint32_t at = find_slot(measure, label);
    if (measure->slot[at] == 0) {
        if (measure->used == measure->capacity) {
            *status = pw_measure_flush(measure, error);
            at = find_slot(measure, label);
        }
        measure->label[measure->used] = label;
        measure->slot[at] = ++measure->used;
        begin_record(measure->form, measure->words + (uint64_t)(measure->used - 1) * measure->form->words, first);
    }
    return measure->words + (uint64_t)(measure->slot[at] - 1) * measure->form->words;
}

/* ---- adding --------------------------------------------------------------- */

static void add_place(uint64_t *record, uint64_t z, uint64_t y, struct pw_run run)
{
    uint64_t n = run.end - run.start;
    record[PW_MEASURE_VOXELS] += n;
    record[PW_MEASURE_BOX] = widen(record[PW_MEASURE_BOX], z | z << 32);
    record[PW_MEASURE_BOX + 1] = widen(record[PW_MEASURE_BOX + 1], y | y << 32);
    record[PW_MEASURE_BOX + 2] = widen(record[PW_MEASURE_BOX + 2], run.start | (uint64_t)(run.end - 1) << 32);
    record[PW_MEASURE_SUM] += z * n;
    record[PW_MEASURE_SUM + 1] += y * n;
    record[PW_MEASURE_SUM + 2] += ((uint64_t)run.start + run.end - 1) * n / 2;
}

/* n voxels that are step bytes apart into a dense row. */
static void gather(unsigned char *out, const unsigned char *in, uint32_t n, size_t step, size_t bytes)
{
    for (uint32_t i = 0; i < n; i++, out += bytes, in += step)
        memcpy(out, in, bytes);
}

static void add_channel(const struct pw_measure *measure, uint64_t *words, const unsigned char *voxels, size_t step,
                        uint32_t n)
{
    size_t bytes = pw_dtype_bytes(measure->form->dtype);
    pw_measure_row_fn add = pw_measure_row(measure->form->dtype);
    while (n > 0) {
        uint32_t part = n < PW_MEASURE_ROW ? n : PW_MEASURE_ROW;
        int dense = step == bytes && (uintptr_t)voxels % bytes == 0;
        if (!dense)
            gather(measure->row, voxels, part, step, bytes);
        add(words, dense ? voxels : measure->row, part);
        voxels += part * step;
        n -= part;
    }
}

static void add_run(const struct pw_measure *measure, uint64_t *record, uint64_t z, uint64_t y, struct pw_run run,
                    const struct pw_measure_channel *channel)
{
    const struct pw_measure_form *form = measure->form;
    uint64_t *words = record + PW_MEASURE_PLACE_WORDS;
    add_place(record, z, y, run);
    for (uint32_t c = 0; c < form->n_channels; c++, words += form->channel_words) {
        const size_t *stride = channel[c].stride_bytes;
        add_channel(measure, words,
                    (const unsigned char *)channel[c].voxels + z * stride[0] + y * stride[1] + run.start * stride[2],
                    stride[2], run.end - run.start);
    }
}

/* Row y of plane z of the rows that block has. */
static enum pw_status add_row(struct pw_measure *measure, const struct pw_measure_block *block, uint64_t z, uint64_t y,
                              const struct pw_measure_channel *channel, struct pw_error *error)
{
    uint64_t r = z * block->count[1] + y, in_z = block->first[0] + z, in_y = block->first[1] + y;
    uint64_t index = (in_z * block->shape[1] + in_y) * block->shape[2];
    enum pw_status status = PW_OK;
    for (uint64_t i = block->row[r]; i < block->row[r + 1]; i++) {
        uint64_t label = block->label != NULL ? block->label[i] : block->value[i];
        uint32_t x = (uint32_t)block->first_x;
        struct pw_run run = {block->run[i].start + x, block->run[i].end + x};
        uint64_t *record = find_record(measure, label, index + run.start, &status, error);
        if (status != PW_OK)
            return status;
        add_run(measure, record, in_z, in_y, run, channel);
    }
    return PW_OK;
}

enum pw_status pw_measure_block(struct pw_measure *measure, const struct pw_measure_block *block,
                                const struct pw_measure_channel *channel, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint64_t z = 0; z < block->count[0]; z++)
        for (uint64_t y = 0; y < block->count[1] && status == PW_OK; y++)
            status = add_row(measure, block, z, y, channel, error);
    return status;
}
