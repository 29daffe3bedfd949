#include "ext/sorter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "ext/radix.h"

/* Two words a record have to hold one whole record (append_by_place). */
#define RECORDS_MIN ((uint64_t)PW_SORTER_WORDS_MAX / 2)

/* A run is read in pieces of this size: large enough for a spinning disk, small enough to stay in the cache. */
#define PIECE_BYTES ((uint64_t)256 << 10)

/* Records of more words than this are sorted by their keys and places. */
#define WORDS_MOVED 4

void pw_sorter_keep_first(uint64_t *into, const uint64_t *from, void *context)
{
    (void)into;
    (void)from;
    (void)context;
}

enum pw_status pw_sorter_init(struct pw_sorter *sorter, const struct pw_sorter_form *form, uint64_t memory_bytes,
                              const char *scratch_dir, struct pw_error *error)
{
    memset(sorter, 0, sizeof *sorter);
    sorter->form = *form;
    sorter->file.fd = -1;
    (void)snprintf(sorter->scratch_dir, sizeof sorter->scratch_dir, "%s", scratch_dir);
    uint64_t words = (uint64_t)form->words, key_words = (uint64_t)form->key_words;
    if (words < 1 || words > PW_SORTER_WORDS_MAX || key_words < 1 || key_words > PW_SORTER_KEY_WORDS_MAX ||
        key_words > words)
        return pw_fail(error, PW_E_INTERNAL, "sorter: %d words with a key of %d", form->words, form->key_words);
    sorter->by_place = words > WORDS_MOVED && words > key_words + 1;
    uint64_t bytes_each = (words + (sorter->by_place ? 2 * (key_words + 1) : words)) * sizeof(uint64_t);
    sorter->capacity = pw_max_u64(memory_bytes / bytes_each, RECORDS_MIN);
    enum pw_status status = pw_buffer_init(&sorter->memory, sorter->capacity * bytes_each, "sort buffer", error);
    if (status != PW_OK)
        return status;
    sorter->records = sorter->memory.data;
    sorter->spare = sorter->records + sorter->capacity * words;
    return PW_OK;
}

void pw_sorter_destroy(struct pw_sorter *sorter)
{
    if (sorter->memory.data == NULL)
        return;
    pw_run_merge_close(&sorter->merge);
    pw_buffer_release(&sorter->memory);
    pw_scratch_close(&sorter->file);
    free(sorter->run);
    memset(sorter, 0, sizeof *sorter);
    sorter->file.fd = -1;
}

static void copy_record(uint64_t *to, const uint64_t *from, int words)
{
    for (int w = 0; w < words; w++)
        to[w] = from[w];
}

static int same_key(const uint64_t *a, const uint64_t *b, int key_words)
{
    for (int w = 0; w < key_words; w++)
        if (a[w] != b[w])
            return 0;
    return 1;
}

/* ---- in memory --------------------------------------------------------- */

/* The record that is number i in order, when memory is sorted. */
static uint64_t *sorted_record(const struct pw_sorter *sorter, uint64_t i)
{
    uint64_t place = sorter->by_place
                         ? sorter->places[i * (uint64_t)(sorter->form.key_words + 1) + (uint64_t)sorter->form.key_words]
                         : i;
    return sorter->records + place * (uint64_t)sorter->form.words;
}

/* Sorts the keys of the records with their places, in the two arrays behind the records. */
static void sort_places(struct pw_sorter *sorter)
{
    int key_words = sorter->form.key_words;
    uint64_t words = (uint64_t)key_words + 1, *other = sorter->spare + sorter->capacity * words;
    for (uint64_t i = 0; i < sorter->used; i++) {
        copy_record(sorter->spare + i * words, sorter->records + i * (uint64_t)sorter->form.words, key_words);
        sorter->spare[i * words + (uint64_t)key_words] = i;
    }
    sorter->places = pw_radix_sort(sorter->spare, other, sorter->used, key_words + 1, key_words);
}

static void sort_memory(struct pw_sorter *sorter)
{
    if (sorter->by_place) {
        sort_places(sorter);
        return;
    }
    uint64_t *sorted =
        pw_radix_sort(sorter->records, sorter->spare, sorter->used, sorter->form.words, sorter->form.key_words);
    if (sorted != sorter->records) {
        sorter->spare = sorter->records;
        sorter->records = sorted;
    }
}

/* Of the two arrays of keys and places the one that is not in use. */
static uint64_t *free_array(const struct pw_sorter *sorter)
{
    uint64_t *other = sorter->spare + sorter->capacity * (uint64_t)(sorter->form.key_words + 1);
    return sorter->places == sorter->spare ? other : sorter->spare;
}

/* Makes the record that is number i in order number to. */
static void move_sorted(struct pw_sorter *sorter, uint64_t i, uint64_t to)
{
    uint64_t words = (uint64_t)sorter->form.key_words + 1;
    if (i == to)
        return;
    if (sorter->by_place)
        copy_record(sorter->places + to * words, sorter->places + i * words, (int)words);
    else
        copy_record(sorted_record(sorter, to), sorted_record(sorter, i), sorter->form.words);
}

/* Sorts and combines; returns how many records are left in order. */
static uint64_t sort_and_combine(struct pw_sorter *sorter)
{
    const struct pw_sorter_form *form = &sorter->form;
    uint64_t kept = 0;
    sort_memory(sorter);
    if (form->combine == NULL)
        return sorter->used;
    for (uint64_t i = 0; i < sorter->used; i++) {
        const uint64_t *record = sorted_record(sorter, i);
        uint64_t *last = kept > 0 ? sorted_record(sorter, kept - 1) : NULL;
        if (last != NULL && same_key(record, last, form->key_words))
            form->combine(last, record, form->context);
        else
            move_sorted(sorter, i, kept++);
    }
    return kept;
}

/* Closes the gaps that combining has left between the records, which keep their order of arrival. */
static void compact(struct pw_sorter *sorter, uint64_t n)
{
    uint64_t words = (uint64_t)sorter->form.words, used = sorter->used;
    sorter->used = n;
    if (!sorter->by_place || n == used)
        return;
    unsigned char *alive = (unsigned char *)free_array(sorter);
    memset(alive, 0, (size_t)used);
    for (uint64_t i = 0; i < n; i++)
        alive[(uint64_t)(sorted_record(sorter, i) - sorter->records) / words] = 1;
    for (uint64_t i = 0, to = 0; i < used; i++)
        if (alive[i])
            memmove(sorter->records + to++ * words, sorter->records + i * words, words * sizeof(uint64_t));
}

/* ---- runs on disk ------------------------------------------------------ */

static enum pw_status note_run(struct pw_sorter *sorter, uint64_t offset_bytes, uint64_t n, struct pw_error *error)
{
    if (sorter->n_runs == sorter->runs_capacity) {
        uint32_t capacity = sorter->runs_capacity == 0 ? 16 : sorter->runs_capacity * 2;
        struct pw_sorted_run *run = realloc(sorter->run, capacity * sizeof *run);
        if (run == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: %u sorted runs", capacity);
        sorter->run = run;
        sorter->runs_capacity = capacity;
    }
    sorter->run[sorter->n_runs++] = (struct pw_sorted_run){offset_bytes, n};
    return PW_OK;
}

static enum pw_status append(struct pw_sorter *sorter, const uint64_t *record, uint64_t n, struct pw_error *error)
{
    uint64_t bytes = n * (uint64_t)sorter->form.words * sizeof *record;
    if (sorter->file.fd < 0) {
        enum pw_status status = pw_scratch_open(&sorter->file, sorter->scratch_dir, "sorted runs", error);
        if (status != PW_OK)
            return status;
    }
    enum pw_status status =
        pw_file_write(sorter->file.fd, record, (size_t)bytes, sorter->file_bytes, sorter->file.name, error);
    sorter->file_bytes += bytes;
    return status;
}

/* Writes the first n records in order, gathered in the free array. */
static enum pw_status append_by_place(struct pw_sorter *sorter, uint64_t n, struct pw_error *error)
{
    uint64_t words = (uint64_t)sorter->form.words, *block = free_array(sorter);
    uint64_t block_records =
        pw_min_u64(sorter->capacity * (uint64_t)(sorter->form.key_words + 1), PIECE_BYTES / 8) / words;
    enum pw_status status = PW_OK;
    for (uint64_t i = 0; i < n && status == PW_OK;) {
        uint64_t count = pw_min_u64(block_records, n - i);
        for (uint64_t k = 0; k < count; k++)
            copy_record(block + k * words, sorted_record(sorter, i++), sorter->form.words);
        status = append(sorter, block, count, error);
    }
    return status;
}

/* Makes a run of n records in order and empties memory. */
static enum pw_status spill(struct pw_sorter *sorter, uint64_t n, struct pw_error *error)
{
    uint64_t offset = sorter->file_bytes;
    enum pw_status status =
        sorter->by_place ? append_by_place(sorter, n, error) : append(sorter, sorter->records, n, error);
    if (status == PW_OK)
        status = note_run(sorter, offset, n, error);
    sorter->used = 0;
    return status;
}

/* Combining may have made room enough; else a run is written. */
static enum pw_status make_room(struct pw_sorter *sorter, struct pw_error *error)
{
    uint64_t n = sort_and_combine(sorter);
    if (n > sorter->capacity / 2)
        return spill(sorter, n, error);
    compact(sorter, n);
    return PW_OK;
}

enum pw_status pw_sorter_add(struct pw_sorter *sorter, const uint64_t *record, struct pw_error *error)
{
    if (sorter->used == sorter->capacity) {
        enum pw_status status = make_room(sorter, error);
        if (status != PW_OK)
            return status;
    }
    copy_record(sorter->records + sorter->used++ * (uint64_t)sorter->form.words, record, sorter->form.words);
    sorter->n_added++;
    return PW_OK;
}

/* ---- merging ----------------------------------------------------------- */

static enum pw_status take_merged(struct pw_sorter *sorter, uint64_t *record, struct pw_error *error)
{
    const struct pw_sorter_form *form = &sorter->form;
    const uint64_t *head = pw_run_merge_head(&sorter->merge);
    if (head == NULL)
        return PW_EMPTY;
    copy_record(record, head, form->words);
    enum pw_status status = pw_run_merge_advance(&sorter->merge, error);
    while (form->combine != NULL && status == PW_OK) {
        head = pw_run_merge_head(&sorter->merge);
        if (head == NULL || !same_key(record, head, form->key_words))
            break;
        form->combine(record, head, form->context);
        status = pw_run_merge_advance(&sorter->merge, error);
    }
    return status;
}

/* All memory dealt out in n_shares. */
static uint64_t share_records(const struct pw_sorter *sorter, uint32_t n_shares)
{
    uint64_t share_bytes = pw_min_u64(sorter->memory.bytes / n_shares, 4 * PIECE_BYTES);
    return share_bytes / ((uint64_t)sorter->form.words * sizeof(uint64_t));
}

static enum pw_status open_merge(struct pw_sorter *sorter, uint32_t first, uint32_t n, uint64_t share,
                                 struct pw_error *error)
{
    pw_run_merge_close(&sorter->merge);
    return pw_run_merge_open(&sorter->merge, sorter->form.words, sorter->form.key_words, &sorter->file,
                             sorter->run + first, n, sorter->memory.data, share, error);
}

/* Merges n runs from first on into *merged at the end of the file; the disk gets their room back. */
static enum pw_status merge_runs(struct pw_sorter *sorter, uint32_t first, uint32_t n, struct pw_sorted_run *merged,
                                 struct pw_error *error)
{
    uint64_t share = share_records(sorter, n + 1), words = (uint64_t)sorter->form.words, used = 0;
    uint64_t *out = (uint64_t *)sorter->memory.data + n * share * words;
    enum pw_status status = open_merge(sorter, first, n, share, error);
    *merged = (struct pw_sorted_run){sorter->file_bytes, 0};
    while (status == PW_OK) {
        status = take_merged(sorter, out + used * words, error);
        used += status == PW_OK;
        if (used == share || (status == PW_EMPTY && used > 0)) {
            enum pw_status written = append(sorter, out, used, error);
            merged->n_records += used;
            used = 0;
            if (written != PW_OK)
                return written;
        }
    }
    if (status != PW_EMPTY)
        return status;
    for (const struct pw_sorted_run *run = sorter->run + first; run < sorter->run + first + n; run++)
        pw_file_discard(sorter->file.fd, run->offset_bytes, run->n_records * words * sizeof *out);
    return PW_OK;
}

/* Merges neighbouring runs, no more than it takes, until at most fan_in are left; their order stays. */
static enum pw_status reduce_runs(struct pw_sorter *sorter, uint32_t fan_in, struct pw_error *error)
{
    while (sorter->n_runs > fan_in) {
        uint32_t kept = 0, n = sorter->n_runs;
        for (uint32_t i = 0; i < n;) {
            uint32_t left = kept + (n - i), surplus = left > fan_in ? left - fan_in : 0;
            uint32_t group = (uint32_t)pw_min_u64(pw_min_u64(surplus + 1, fan_in - 1), n - i);
            struct pw_sorted_run merged = sorter->run[i];
            if (group > 1) {
                enum pw_status status = merge_runs(sorter, i, group, &merged, error);
                if (status != PW_OK)
                    return status;
            }
            sorter->run[kept++] = merged;
            i += group;
        }
        sorter->n_runs = kept;
    }
    return PW_OK;
}

enum pw_status pw_sorter_finish(struct pw_sorter *sorter, struct pw_error *error)
{
    sorter->next = 0;
    sorter->used = sort_and_combine(sorter);
    if (sorter->n_runs == 0)
        return PW_OK;
    enum pw_status status = sorter->used > 0 ? spill(sorter, sorter->used, error) : PW_OK;
    uint64_t piece = pw_min_u64(PIECE_BYTES, pw_max_u64(sorter->memory.bytes / 16, 4096));
    uint32_t fan_in = (uint32_t)pw_min_u64(pw_max_u64(sorter->memory.bytes / piece, 3), 1 << 16);
    if (status == PW_OK)
        status = reduce_runs(sorter, fan_in, error);
    return status == PW_OK ? open_merge(sorter, 0, sorter->n_runs, share_records(sorter, sorter->n_runs), error)
                           : status;
}

enum pw_status pw_sorter_next(struct pw_sorter *sorter, uint64_t *record, struct pw_error *error)
{
    if (sorter->n_runs > 0)
        return take_merged(sorter, record, error);
    if (sorter->next == sorter->used)
        return PW_EMPTY;
    copy_record(record, sorted_record(sorter, sorter->next++), sorter->form.words);
    return PW_OK;
}
