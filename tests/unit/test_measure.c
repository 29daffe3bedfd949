/* Measuring labels: any cutting of a volume into blocks, any capacity and any order give the same totals, bit for bit. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "label/measure_total.h"
#include "label/value_runs.h"
#include "label_oracle.h"
#include "table/object_sort.h"

enum {
    Z = 5,
    Y = 13,
    X = 41,
    VOXELS = Z * Y * X,
    LABELS = 9
};

/* An image of two channels, and labels. */
struct picture {
    enum pw_dtype dtype;
    unsigned char voxels[2][VOXELS * 8];
    uint32_t label[VOXELS];
};

static void random_voxel(enum pw_dtype dtype, unsigned char *voxel, uint64_t *state)
{
    uint64_t bits = oracle_random(state) << 33 ^ oracle_random(state);
    if (dtype == PW_F32 && oracle_random(state) % 3 != 0) { /* near each other */
        float value = (float)(oracle_random(state) % 1000) / 7.0f;
        memcpy(voxel, &value, sizeof value);
    } else if (dtype == PW_F32 || dtype == PW_F64 || dtype == PW_F16) {
        if (dtype == PW_F64)
            bits &= 0xbfffffffffffffffu; /* no infinity, no NaN */
        if (dtype == PW_F32)
            bits &= 0xbfffffffu;
        if (dtype == PW_F16)
            bits &= 0xbfffu;
        memcpy(voxel, &bits, pw_dtype_bytes(dtype));
    } else {
        memcpy(voxel, &bits, pw_dtype_bytes(dtype));
    }
}

static void paint(struct picture *picture, enum pw_dtype dtype, uint64_t seed)
{
    uint64_t state = seed;
    picture->dtype = dtype;
    for (int i = 0; i < VOXELS; i++) {
        for (int c = 0; c < 2; c++)
            random_voxel(dtype, picture->voxels[c] + (size_t)i * pw_dtype_bytes(dtype), &state);
        /* long runs and short ones */
        picture->label[i] = i > 0 && oracle_random(&state) % 4 != 0 ? picture->label[i - 1]
                                                                    : (uint32_t)(oracle_random(&state) % (LABELS + 1));
    }
}

/* Collects records by label, as a table in memory does. */
struct collected {
    const struct pw_measure_form *form;
    struct pw_measure_total total[LABELS + 1];
    uint64_t origin[3], shape[3];
    uint64_t n_records;
};

static enum pw_status collect(void *context, const uint64_t *label, const uint64_t *words, uint64_t n,
                              struct pw_error *error)
{
    struct collected *all = context;
    (void)error;
    for (uint64_t i = 0; i < n; i++, words += all->form->words) {
        struct pw_measure_total *total = &all->total[label[i]];
        pw_measure_total_place(total, words, all->origin, all->shape);
        for (uint32_t c = 0; c < all->form->n_channels; c++)
            pw_measure_total_channel(total, c, words + PW_MEASURE_PLACE_WORDS + c * (uint64_t)all->form->channel_words);
    }
    all->n_records += n;
    return PW_OK;
}

static void begin(struct collected *all, const struct pw_measure_form *form, unsigned char *memory)
{
    memset(all, 0, sizeof *all);
    all->form = form;
    for (int i = 0; i <= LABELS; i++) {
        pw_measure_total_init(&all->total[i], form, memory + (size_t)i * pw_measure_total_memory_bytes(form));
        pw_measure_total_begin(&all->total[i]);
    }
}

/* One block of the picture, plane by plane. */
static void measure_block(const struct picture *picture, struct pw_measure *measure, struct collected *all)
{
    size_t bytes = pw_dtype_bytes(picture->dtype);
    uint64_t *row = malloc((all->shape[1] + 1) * sizeof *row), *value = malloc((Y * X + 1) * sizeof *value);
    struct pw_run *run = malloc((Y * X + 1) * sizeof *run);
    struct pw_measure_channel channel[2];
    for (int c = 0; c < 2; c++) {
        channel[c].voxels = picture->voxels[c] + ((all->origin[0] * Y + all->origin[1]) * X + all->origin[2]) * bytes;
        channel[c].stride_bytes[0] = Y * X * bytes;
        channel[c].stride_bytes[1] = X * bytes;
        channel[c].stride_bytes[2] = bytes;
    }
    for (uint64_t z = 0; z < all->shape[0]; z++) {
        struct pw_measure_block block = {.run = run, .row = row, .value = value, .first = {z, 0}};
        uint64_t n = 0;
        memcpy(block.shape, all->shape, sizeof block.shape);
        block.count[0] = 1;
        block.count[1] = all->shape[1];
        for (uint64_t y = 0; y < all->shape[1]; y++) {
            const uint32_t *from =
                picture->label + ((all->origin[0] + z) * Y + all->origin[1] + y) * X + all->origin[2];
            row[y] = n;
            n += pw_value_runs(from, PW_U32, all->shape[2], run + n, value + n);
        }
        row[all->shape[1]] = n;
        cr_assert_eq(pw_measure_block(measure, &block, channel, NULL), PW_OK);
    }
    cr_assert_eq(pw_measure_flush(measure, NULL), PW_OK);
    free(row);
    free(value);
    free(run);
}

static void measure_tiles(const struct picture *picture, const struct pw_measure_form *form, const uint64_t tile[3],
                          uint32_t capacity, struct collected *all)
{
    static const uint64_t volume[3] = {Z, Y, X};
    struct pw_measure measure;
    void *memory = malloc(pw_measure_memory_bytes(form, capacity));
    pw_measure_init(&measure, form, capacity, memory, collect, all);
    uint64_t at[3];
    for (at[0] = 0; at[0] < Z; at[0] += tile[0])
        for (at[1] = 0; at[1] < Y; at[1] += tile[1])
            for (at[2] = 0; at[2] < X; at[2] += tile[2]) {
                for (int i = 0; i < 3; i++) {
                    all->origin[i] = at[i];
                    all->shape[i] = pw_min_u64(tile[i], volume[i] - at[i]);
                }
                measure_block(picture, &measure, all);
            }
    free(memory);
}

static void assert_same(const struct collected *a, const struct collected *b)
{
    for (int i = 1; i <= LABELS; i++) {
        struct pw_measure_total x = a->total[i], y = b->total[i];
        cr_assert_arr_eq(x.channel, y.channel, pw_measure_total_memory_bytes(a->form), "label %d", i);
        x.channel = y.channel = NULL;
        cr_assert_arr_eq(&x, &y, sizeof x, "label %d", i);
    }
}

static long double value_of(enum pw_dtype dtype, const unsigned char *voxel)
{
    switch (dtype) {
    case PW_U8: return *voxel;
    case PW_I8: return *(const int8_t *)voxel;
    case PW_U16: return *(const uint16_t *)(const void *)voxel;
    case PW_I16: return *(const int16_t *)(const void *)voxel;
    case PW_U32: return *(const uint32_t *)(const void *)voxel;
    case PW_I32: return *(const int32_t *)(const void *)voxel;
    case PW_F16: return (long double)pw_half_to_double(*(const uint16_t *)(const void *)voxel);
    default: return 0;
    }
}

/* Types whose sums of this many values are exact in a long double. */
static void assert_right(const struct picture *picture, const struct collected *all)
{
    size_t bytes = pw_dtype_bytes(picture->dtype);
    for (uint32_t l = 1; l <= LABELS; l++) {
        uint64_t n = 0, start[3] = {Z, Y, X}, end[3] = {0}, first = VOXELS;
        long double sum = 0, least = INFINITY, greatest = -INFINITY, place[3] = {0};
        for (uint64_t i = 0; i < VOXELS; i++) {
            uint64_t at[3] = {i / (Y * X), i / X % Y, i % X};
            if (picture->label[i] != l)
                continue;
            long double v = value_of(picture->dtype, picture->voxels[1] + i * bytes);
            n++;
            first = i < first ? i : first;
            sum += v;
            least = v < least ? v : least;
            greatest = v > greatest ? v : greatest;
            for (int k = 0; k < 3; k++) {
                start[k] = at[k] < start[k] ? at[k] : start[k];
                end[k] = at[k] + 1 > end[k] ? at[k] + 1 : end[k];
                place[k] += at[k];
            }
        }
        const struct pw_measure_total *total = &all->total[l];
        struct pw_intensity intensity;
        double centroid[3];
        pw_measure_total_intensity(total, 1, &intensity);
        pw_measure_total_centroid(total, centroid);
        cr_assert_eq(total->voxels, n);
        cr_assert_arr_eq(total->start, start, sizeof start);
        cr_assert_arr_eq(total->end, end, sizeof end);
        cr_assert_eq((total->first[0] * Y + total->first[1]) * X + total->first[2], first);
        for (int k = 0; k < 3; k++)
            cr_assert_eq(centroid[k], (double)place[k] / (double)n);
        cr_assert_eq(intensity.sum, (double)sum);
        cr_assert(fabs(intensity.mean - (double)(sum / n)) <= fabs(intensity.mean) * 0x1p-52);
        if (pw_dtype_is_float(picture->dtype))
            cr_assert(intensity.least.f == (double)least && intensity.greatest.f == (double)greatest);
        else
            cr_assert(intensity.least.i == (int64_t)least && intensity.greatest.i == (int64_t)greatest);
    }
}

static const enum pw_dtype dtypes[] = {PW_U8,  PW_I8,  PW_U16, PW_I16, PW_U32, PW_I32,
                                       PW_U64, PW_I64, PW_F16, PW_F32, PW_F64};

Test(measure, blocks_capacities_and_types)
{
    static const uint64_t tiles[][3] = {{Z, Y, X}, {1, 1, X}, {2, 5, 7}, {5, 13, 1}, {1, 4, 16}};
    static struct picture picture;
    static struct collected first, other;
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        struct pw_measure_form form;
        pw_measure_form_init(&form, dtypes[d], 2);
        size_t bytes = pw_measure_total_memory_bytes(&form) * (LABELS + 1);
        unsigned char *memory = malloc(2 * bytes);
        paint(&picture, dtypes[d], d + 1);
        begin(&first, &form, memory);
        measure_tiles(&picture, &form, tiles[0], 100, &first);
        cr_assert_eq(first.n_records, LABELS);
        if (pw_dtype_bytes(dtypes[d]) < 4 || dtypes[d] == PW_U32 || dtypes[d] == PW_I32)
            assert_right(&picture, &first);
        for (size_t t = 0; t < sizeof tiles / sizeof tiles[0]; t++)
            for (uint32_t capacity = 1; capacity <= 16; capacity += 5) {
                begin(&other, &form, memory + bytes);
                measure_tiles(&picture, &form, tiles[t], capacity, &other);
                assert_same(&first, &other);
            }
        free(memory);
    }
}

/* Rows of voxels that do not lie side by side, or not where a vector wants them. */
Test(measure, strides)
{
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        struct pw_measure_form form;
        size_t bytes = pw_dtype_bytes(dtypes[d]);
        uint64_t state = d, shape[3] = {1, 1, 900}, row[2] = {0, 1}, value = 1, result[2][300];
        struct pw_run run = {0, 900};
        unsigned char *dense = malloc(900 * bytes), *sparse = malloc(900 * 3 * bytes + 1);
        for (uint64_t i = 0; i < 900; i++) {
            random_voxel(dtypes[d], dense + i * bytes, &state);
            memcpy(sparse + 1 + i * 3 * bytes, dense + i * bytes, bytes);
        }
        pw_measure_form_init(&form, dtypes[d], 1);
        void *memory = malloc(pw_measure_memory_bytes(&form, 1));
        for (int k = 0; k < 2; k++) {
            struct pw_measure measure;
            struct pw_measure_block block = {.count = {1, 1}, .run = &run, .row = row, .value = &value};
            struct pw_measure_channel channel = {k == 0 ? dense : sparse + 1, {0, 0, k == 0 ? bytes : 3 * bytes}};
            memcpy(block.shape, shape, sizeof shape);
            pw_measure_init(&measure, &form, 1, memory, NULL, NULL);
            cr_assert_eq(pw_measure_block(&measure, &block, &channel, NULL), PW_OK);
            memcpy(result[k], measure.words, form.words * sizeof *measure.words);
        }
        cr_assert_arr_eq(result[0], result[1], form.words * sizeof **result);
        free(memory);
        free(dense);
        free(sparse);
    }
}

/* ---- whole objects --------------------------------------------------------------- */

/* Sends label l of tile t to object (l + t) % 5, and those of every seventh tile nowhere. */
static enum pw_status mix_ids(void *context, uint64_t tile, uint64_t *label, uint64_t n, struct pw_error *error)
{
    (void)context;
    (void)error;
    for (uint64_t i = 0; i < n; i++)
        label[i] = tile % 7 == 6 ? 0 : 1 + (label[i] + tile) % 5;
    return PW_OK;
}

/* Objects of many tiles and parts, sorted in hardly any memory, against adding them up. */
Test(object_sort, puts_objects_together)
{
    for (uint32_t n_channels = 0; n_channels <= 40; n_channels += n_channels < 2 ? 1 : 19) {
        struct pw_measure_form form;
        struct pw_grid grid;
        struct pw_object_log log;
        struct pw_object_sort sort;
        struct pw_object object;
        uint64_t volume[3] = {1, 1, 3000}, tile[3] = {1, 1, 10}, halo[3] = {0}, state = 7;
        uint64_t voxels[6] = {0}, tiles[6] = {0}, sums[6][40] = {{0}}, n_objects = 0;
        pw_measure_form_init(&form, PW_F32, n_channels);
        cr_assert_eq(pw_grid_init(&grid, volume, tile, halo, NULL), PW_OK);
        cr_assert_eq(pw_object_log_open(&log, &form, "/tmp", NULL), PW_OK);
        uint64_t *words = calloc(10 * form.words, sizeof *words);
        for (uint64_t t = 0; t < grid.n_tiles; t++) {
            uint64_t label[10], n = 1 + oracle_random(&state) % 10;
            int in_tile[6] = {0};
            for (uint64_t i = 0; i < n; i++) {
                uint64_t *record = words + i * form.words, id = 1 + (i + 1 + t) % 5;
                label[i] = i + 1;
                memset(record, 0, form.words * sizeof *record);
                record[PW_MEASURE_VOXELS] = 3;
                for (uint32_t c = 0; c < n_channels; c++)
                    record[PW_MEASURE_PLACE_WORDS + c * (uint64_t)form.channel_words + 2] = c + i;
                if (t % 7 == 6)
                    continue;
                voxels[id] += 3;
                tiles[id] += !in_tile[id];
                in_tile[id] = 1;
                for (uint32_t c = 0; c < n_channels; c++)
                    sums[id][c] += c + i;
            }
            cr_assert_eq(pw_object_log_append(&log, t, label, words, n, NULL), PW_OK);
        }
        cr_assert_eq(pw_object_sort_init(&sort, &form, &grid, 0, "/tmp", NULL), PW_OK);
        cr_assert_eq(pw_object_sort_take(&sort, &log, mix_ids, NULL, NULL), PW_OK);
        cr_assert_eq(pw_object_sort_finish(&sort, NULL), PW_OK);
        while (pw_object_sort_next(&sort, &object, NULL) == PW_OK) {
            cr_assert_eq(object.id, ++n_objects);
            cr_assert_eq(object.total.voxels, voxels[object.id]);
            cr_assert_eq(object.n_tiles, tiles[object.id]);
            for (uint32_t c = 0; c < n_channels; c++) {
                struct pw_intensity intensity;
                pw_measure_total_intensity(&object.total, c, &intensity);
                cr_assert_eq(intensity.sum, ldexp((double)sums[object.id][c], -149), "channel %u of %u", c, n_channels);
            }
        }
        cr_assert_eq(n_objects, 5);
        pw_object_sort_release(&sort);
        pw_object_log_close(&log);
        free(words);
    }
}
