#include "table/object_sort.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

/* A sorted record: its key, (id, tile and part), then the words of the part. */
enum {
    ID = 0,
    TILE = 1, /* in the upper half; the part in the lower */
    KEY_WORDS = 2
};

/* Bytes of the log that are read at once. */
#define PIECE_BYTES ((uint64_t)256 << 10)

/* ---- parts ------------------------------------------------------------- */

static uint32_t part_of(const uint64_t *record)
{
    return (uint32_t)record[TILE];
}

/* The first channel of a part. */
static uint32_t first_channel(const struct pw_object_sort *sort, uint32_t part)
{
    return part == 0 ? 0 : sort->channels_first + (part - 1) * sort->channels_more;
}

static uint32_t count_channels(const struct pw_object_sort *sort, uint32_t part)
{
    uint32_t first = first_channel(sort, part), most = part == 0 ? sort->channels_first : sort->channels_more;
    return sort->form->n_channels - first < most ? sort->form->n_channels - first : most;
}

/* Where the channels of a record begin. */
static int channels_at(uint32_t part)
{
    return part == 0 ? KEY_WORDS + PW_MEASURE_PLACE_WORDS : KEY_WORDS;
}

static void cut_into_parts(struct pw_object_sort *sort)
{
    uint32_t n = sort->form->n_channels, each = (uint32_t)sort->form->channel_words;
    sort->channels_first = n;
    sort->channels_more = 1;
    sort->n_parts = 1;
    if ((uint64_t)KEY_WORDS + sort->form->words <= PW_SORTER_WORDS_MAX)
        return;
    sort->channels_first = (uint32_t)(PW_SORTER_WORDS_MAX - channels_at(0)) / each;
    sort->channels_more = (uint32_t)(PW_SORTER_WORDS_MAX - channels_at(1)) / each;
    sort->n_parts = 1 + (uint32_t)pw_ceil_div(n - sort->channels_first, sort->channels_more);
}

/* Words of the longest part; all records are that long. */
static int sorted_words(const struct pw_object_sort *sort)
{
    int each = sort->form->channel_words;
    int first = channels_at(0) + (int)sort->channels_first * each;
    int more = sort->n_parts > 1 ? channels_at(1) + (int)sort->channels_more * each : 0;
    return first > more ? first : more;
}

static void combine(uint64_t *into, const uint64_t *from, void *context)
{
    const struct pw_object_sort *sort = context;
    uint32_t part = part_of(into);
    if (part == 0)
        pw_measure_combine_place(into + KEY_WORDS, from + KEY_WORDS);
    pw_measure_combine_channels(sort->form, count_channels(sort, part), into + channels_at(part),
                                from + channels_at(part));
}

/* ---- making and freeing ------------------------------------------------ */

static uint64_t piece_records(const struct pw_measure_form *form)
{
    return pw_max_u64(PIECE_BYTES / ((form->words + 1) * sizeof(uint64_t)), 1);
}

static uint64_t own_bytes(const struct pw_measure_form *form)
{
    return piece_records(form) * (form->words + 1) * sizeof(uint64_t) + pw_measure_total_memory_bytes(form);
}

uint64_t pw_object_sort_memory_least(const struct pw_measure_form *form)
{
    return own_bytes(form) + ((uint64_t)512 << 10);
}

enum pw_status pw_object_sort_init(struct pw_object_sort *sort, const struct pw_measure_form *form,
                                   const struct pw_grid *grid, uint64_t memory_bytes, const char *scratch_dir,
                                   struct pw_error *error)
{
    memset(sort, 0, sizeof *sort);
    sort->form = form;
    sort->grid = grid;
    sort->piece = piece_records(form);
    cut_into_parts(sort);
    enum pw_status status = pw_buffer_init(&sort->memory, own_bytes(form), "object records", error);
    if (status != PW_OK)
        return status;
    sort->label = sort->memory.data;
    sort->words = sort->label + sort->piece;
    sort->total = sort->words + sort->piece * form->words;
    struct pw_sorter_form sorted = {
        .words = sorted_words(sort), .key_words = KEY_WORDS, .combine = combine, .context = sort};
    uint64_t least = pw_object_sort_memory_least(form);
    sort->started = 1;
    return pw_sorter_init(&sort->sorter, &sorted, pw_max_u64(memory_bytes, least) - own_bytes(form), scratch_dir,
                          error);
}

void pw_object_sort_release(struct pw_object_sort *sort)
{
    if (sort->started)
        pw_sorter_destroy(&sort->sorter);
    pw_buffer_release(&sort->memory);
    memset(sort, 0, sizeof *sort);
}

/* ---- in ---------------------------------------------------------------- */

static enum pw_status add_record(struct pw_object_sort *sort, uint64_t id, uint64_t tile, const uint64_t *words,
                                 struct pw_error *error)
{
    uint64_t record[PW_SORTER_WORDS_MAX] = {id};
    const uint64_t *channel = words + PW_MEASURE_PLACE_WORDS;
    enum pw_status status = PW_OK;
    for (uint32_t part = 0; part < sort->n_parts && status == PW_OK; part++) {
        size_t n = (size_t)count_channels(sort, part) * (size_t)sort->form->channel_words;
        record[TILE] = tile << 32 | part;
        if (part == 0)
            memcpy(record + KEY_WORDS, words, PW_MEASURE_PLACE_WORDS * sizeof *words);
        memcpy(record + channels_at(part), channel, n * sizeof *channel);
        channel += n;
        status = pw_sorter_add(&sort->sorter, record, error);
    }
    return status;
}

enum pw_status pw_object_sort_take(struct pw_object_sort *sort, const struct pw_object_log *log, pw_object_ids_fn ids,
                                   void *context, struct pw_error *error)
{
    struct pw_object_log_place place = {0};
    enum pw_status status;
    uint64_t n;
    while ((status = pw_object_log_read(log, &place, sort->label, sort->words, sort->piece, &n, error)) == PW_OK) {
        if (ids != NULL)
            status = ids(context, place.tile, sort->label, n, error);
        for (uint64_t i = 0; i < n && status == PW_OK; i++)
            if (sort->label[i] != 0)
                status = add_record(sort, sort->label[i], place.tile, sort->words + i * sort->form->words, error);
        if (status != PW_OK)
            break;
    }
    return status == PW_EMPTY ? PW_OK : status;
}

/* ---- out --------------------------------------------------------------- */

static enum pw_status fetch(struct pw_object_sort *sort, struct pw_error *error)
{
    enum pw_status status = pw_sorter_next(&sort->sorter, sort->next, error);
    sort->has_next = status == PW_OK;
    return status;
}

enum pw_status pw_object_sort_finish(struct pw_object_sort *sort, struct pw_error *error)
{
    enum pw_status status = pw_sorter_finish(&sort->sorter, error);
    if (status == PW_OK)
        status = fetch(sort, error);
    return status == PW_EMPTY ? PW_OK : status;
}

/* Adds sort->next to the object. */
static void add_next(const struct pw_object_sort *sort, struct pw_object *object)
{
    uint32_t part = part_of(sort->next), first = first_channel(sort, part), n = count_channels(sort, part);
    const uint64_t *channel = sort->next + channels_at(part);
    if (part == 0) {
        struct pw_box core = pw_grid_core(sort->grid, sort->next[TILE] >> 32);
        core.start[0] = pw_grid_z(sort->grid, core.start[0]);
        pw_measure_total_place(&object->total, sort->next + KEY_WORDS, core.start, core.shape);
        object->n_tiles++;
    }
    for (uint32_t c = first; c < first + n; c++, channel += sort->form->channel_words)
        pw_measure_total_channel(&object->total, c, channel);
}

enum pw_status pw_object_sort_next(struct pw_object_sort *sort, struct pw_object *object, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (!sort->has_next)
        return PW_EMPTY;
    pw_measure_total_init(&object->total, sort->form, sort->total);
    pw_measure_total_begin(&object->total);
    object->id = sort->next[ID];
    object->time = pw_grid_time(sort->grid, sort->next[TILE] >> 32);
    object->n_tiles = 0;
    while (status == PW_OK && sort->has_next && sort->next[ID] == object->id &&
           pw_grid_time(sort->grid, sort->next[TILE] >> 32) == object->time) {
        add_next(sort, object);
        status = fetch(sort, error);
    }
    return status == PW_EMPTY ? PW_OK : status;
}
