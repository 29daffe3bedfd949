#include "ext/sorter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

/* A run is read in pieces of at least this size, so that a spinning disk is not sent back and forth. */
#define INPUT_BYTES_WANTED ((uint64_t)64 << 10)

struct pw_sorter_input {
    uint64_t offset_bytes; /* of the next piece */
    uint64_t n_left;       /* records not yet read from the file */
    uint64_t *record;      /* the piece in memory */
    uint64_t n, at;
};

enum pw_status pw_sorter_init(struct pw_sorter *sorter, int words, int unique, uint64_t memory_bytes,
                              const char *scratch_dir, struct pw_error *error)
{
    memset(sorter, 0, sizeof *sorter);
    sorter->words = words;
    sorter->unique = unique;
    sorter->file.fd = -1;
    (void)snprintf(sorter->scratch_dir, sizeof sorter->scratch_dir, "%s", scratch_dir);
    memory_bytes = pw_max_u64(memory_bytes, PW_SORTER_MEMORY_MIN);
    sorter->capacity = memory_bytes / 2 / ((uint64_t)words * sizeof(uint64_t));
    return pw_buffer_init(&sorter->memory, memory_bytes, "sort buffer", error);
}

void pw_sorter_destroy(struct pw_sorter *sorter)
{
    if (sorter->memory.data == NULL)
        return;
    pw_buffer_release(&sorter->memory);
    pw_scratch_close(&sorter->file);
    free(sorter->run);
    free(sorter->input);
    free(sorter->heap);
    memset(sorter, 0, sizeof *sorter);
    sorter->file.fd = -1;
}

/* ---- sorting in memory ------------------------------------------------- */

static void copy_record(uint64_t *to, const uint64_t *from, int words)
{
    for (int w = 0; w < words; w++)
        to[w] = from[w];
}

/* One stable pass by the byte at shift of word; returns 0 when all records agree in it and nothing moved. */
static int radix_pass(const uint64_t *from, uint64_t *to, uint64_t n, int words, int word, int shift)
{
    uint64_t count[256] = {0}, start = 0;
    for (uint64_t i = 0; i < n; i++)
        count[from[i * (uint64_t)words + (uint64_t)word] >> shift & 0xff]++;
    if (count[from[word] >> shift & 0xff] == n)
        return 0;
    for (int b = 0; b < 256; b++) {
        uint64_t c = count[b];
        count[b] = start;
        start += c;
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t *record = from + i * (uint64_t)words;
        copy_record(to + count[record[word] >> shift & 0xff]++ * (uint64_t)words, record, words);
    }
    return 1;
}

static int is_sorted(const uint64_t *record, uint64_t n, int words)
{
    for (uint64_t i = 1; i < n; i++) {
        const uint64_t *a = record + (i - 1) * (uint64_t)words, *b = a + words;
        if (a[0] > b[0] || (a[0] == b[0] && a[1] > b[1]))
            return 0;
    }
    return 1;
}

/* Sorts the records in the first half of memory, leaving them there. */
static void sort_memory(struct pw_sorter *sorter)
{
    uint64_t *from = sorter->memory.data;
    uint64_t *to = from + sorter->capacity * (uint64_t)sorter->words;
    uint64_t *home = from;
    if (sorter->used < 2 || is_sorted(from, sorter->used, sorter->words))
        return;
    for (int word = 1; word >= 0; word--)
        for (int shift = 0; shift < 64; shift += 8)
            if (radix_pass(from, to, sorter->used, sorter->words, word, shift)) {
                uint64_t *swap = from;
                from = to;
                to = swap;
            }
    if (from != home)
        memcpy(home, from, sorter->used * (uint64_t)sorter->words * sizeof *home);
}

static void drop_duplicates(struct pw_sorter *sorter)
{
    uint64_t *record = sorter->memory.data;
    uint64_t kept = 0, words = (uint64_t)sorter->words;
    for (uint64_t i = 0; i < sorter->used; i++) {
        const uint64_t *r = record + i * words;
        const uint64_t *last = kept > 0 ? record + (kept - 1) * words : NULL;
        if (last != NULL && r[0] == last[0] && r[1] == last[1])
            continue;
        if (kept != i)
            copy_record(record + kept * words, r, sorter->words);
        kept++;
    }
    sorter->used = kept;
}

/* ---- runs on disk ------------------------------------------------------ */

static enum pw_status note_run(struct pw_sorter *sorter, uint64_t offset_bytes, uint64_t n, struct pw_error *error)
{
    if (sorter->n_runs == sorter->runs_capacity) {
        uint32_t capacity = sorter->runs_capacity == 0 ? 16 : sorter->runs_capacity * 2;
        struct pw_sorter_run *run = realloc(sorter->run, capacity * sizeof *run);
        if (run == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: %u sorted runs", capacity);
        sorter->run = run;
        sorter->runs_capacity = capacity;
    }
    sorter->run[sorter->n_runs++] = (struct pw_sorter_run){offset_bytes, n};
    return PW_OK;
}

static enum pw_status append(struct pw_sorter *sorter, const uint64_t *record, uint64_t n, struct pw_error *error)
{
    uint64_t bytes = n * (uint64_t)sorter->words * sizeof *record;
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

static enum pw_status spill(struct pw_sorter *sorter, struct pw_error *error)
{
    uint64_t offset = sorter->file_bytes;
    sort_memory(sorter);
    if (sorter->unique)
        drop_duplicates(sorter);
    enum pw_status status = append(sorter, sorter->memory.data, sorter->used, error);
    if (status == PW_OK)
        status = note_run(sorter, offset, sorter->used, error);
    sorter->used = 0;
    return status;
}

enum pw_status pw_sorter_add(struct pw_sorter *sorter, const uint64_t *record, struct pw_error *error)
{
    if (sorter->used == sorter->capacity) {
        enum pw_status status = spill(sorter, error);
        if (status != PW_OK)
            return status;
    }
    copy_record((uint64_t *)sorter->memory.data + sorter->used++ * (uint64_t)sorter->words, record, sorter->words);
    sorter->n_added++;
    return PW_OK;
}

/* ---- merging ----------------------------------------------------------- */

static enum pw_status refill(struct pw_sorter *sorter, struct pw_sorter_input *input, uint64_t capacity,
                             struct pw_error *error)
{
    uint64_t bytes_each = (uint64_t)sorter->words * sizeof(uint64_t);
    input->n = pw_min_u64(capacity, input->n_left);
    input->at = 0;
    if (input->n == 0)
        return PW_OK;
    enum pw_status status = pw_file_read_exactly(sorter->file.fd, input->record, (size_t)(input->n * bytes_each),
                                                 input->offset_bytes, sorter->file.name, error);
    input->offset_bytes += input->n * bytes_each;
    input->n_left -= input->n;
    return status;
}

static const uint64_t *head(const struct pw_sorter *sorter, uint32_t i)
{
    const struct pw_sorter_input *input = &sorter->input[i];
    return input->record + input->at * (uint64_t)sorter->words;
}

static int before(const struct pw_sorter *sorter, uint32_t a, uint32_t b)
{
    const uint64_t *x = head(sorter, a), *y = head(sorter, b);
    if (x[0] != y[0])
        return x[0] < y[0];
    if (x[1] != y[1])
        return x[1] < y[1];
    return a < b;
}

static void sift_down(struct pw_sorter *sorter, uint32_t at)
{
    uint32_t *heap = sorter->heap, moved = heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= sorter->n_heap)
            break;
        if (child + 1 < sorter->n_heap && before(sorter, heap[child + 1], heap[child]))
            child++;
        if (!before(sorter, heap[child], moved))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* Memory is dealt out to the inputs; the last share is left for an output when a round is written. */
static uint64_t share_records(const struct pw_sorter *sorter, uint32_t n_shares)
{
    return sorter->capacity * 2 / n_shares;
}

static enum pw_status open_inputs(struct pw_sorter *sorter, uint32_t first, uint32_t n, uint64_t share,
                                  struct pw_error *error)
{
    free(sorter->input);
    free(sorter->heap);
    sorter->input = pw_alloc(n, sizeof *sorter->input, error);
    sorter->heap = pw_alloc(n, sizeof *sorter->heap, error);
    sorter->n_heap = 0;
    if (sorter->input == NULL || sorter->heap == NULL)
        return PW_E_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct pw_sorter_input *input = &sorter->input[i];
        const struct pw_sorter_run *run = &sorter->run[first + i];
        input->offset_bytes = run->offset_bytes;
        input->n_left = run->n_records;
        input->record = (uint64_t *)sorter->memory.data + i * share * (uint64_t)sorter->words;
        enum pw_status status = refill(sorter, input, share, error);
        if (status != PW_OK)
            return status;
        if (input->n > 0)
            sorter->heap[sorter->n_heap++] = i;
    }
    for (uint32_t i = sorter->n_heap / 2; i-- > 0;)
        sift_down(sorter, i);
    return PW_OK;
}

static enum pw_status take_least(struct pw_sorter *sorter, uint64_t share, uint64_t *record, struct pw_error *error)
{
    if (sorter->n_heap == 0)
        return PW_EMPTY;
    uint32_t i = sorter->heap[0];
    struct pw_sorter_input *input = &sorter->input[i];
    copy_record(record, head(sorter, i), sorter->words);
    if (++input->at == input->n) {
        enum pw_status status = refill(sorter, input, share, error);
        if (status != PW_OK)
            return status;
        if (input->n == 0)
            sorter->heap[0] = sorter->heap[--sorter->n_heap];
    }
    if (sorter->n_heap > 0)
        sift_down(sorter, 0);
    return PW_OK;
}

static int is_repeated(struct pw_sorter *sorter, const uint64_t *record)
{
    int same = sorter->unique && sorter->has_last && record[0] == sorter->last[0] && record[1] == sorter->last[1];
    copy_record(sorter->last, record, sorter->words);
    sorter->has_last = 1;
    return same;
}

/* Merges runs first..first+n into one new run at the end of the file. */
static enum pw_status merge_runs(struct pw_sorter *sorter, uint32_t first, uint32_t n, struct pw_error *error)
{
    uint64_t share = share_records(sorter, n + 1), offset = sorter->file_bytes, total = 0, used = 0;
    uint64_t *out = (uint64_t *)sorter->memory.data + n * share * (uint64_t)sorter->words;
    enum pw_status status = open_inputs(sorter, first, n, share, error);
    sorter->has_last = 0;
    while (status == PW_OK) {
        uint64_t record[PW_SORTER_WORDS_MAX];
        status = take_least(sorter, share, record, error);
        if (status != PW_OK)
            break;
        if (is_repeated(sorter, record))
            continue;
        copy_record(out + used++ * (uint64_t)sorter->words, record, sorter->words);
        if (used == share) {
            status = append(sorter, out, used, error);
            total += used;
            used = 0;
        }
    }
    if (status != PW_EMPTY)
        return status;
    status = append(sorter, out, used, error);
    return status == PW_OK ? note_run(sorter, offset, total + used, error) : status;
}

enum pw_status pw_sorter_finish(struct pw_sorter *sorter, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    sorter->next = 0;
    sorter->has_last = 0;
    if (sorter->n_runs == 0) {
        sort_memory(sorter);
        if (sorter->unique)
            drop_duplicates(sorter);
        return PW_OK;
    }
    if (sorter->used > 0)
        status = spill(sorter, error);
    uint64_t bytes_each = (uint64_t)sorter->words * sizeof(uint64_t);
    uint64_t piece = pw_max_u64(INPUT_BYTES_WANTED / bytes_each, 1);
    uint32_t fan_in = (uint32_t)pw_min_u64(pw_max_u64(sorter->capacity * 2 / piece, 3), UINT32_MAX);
    uint32_t done = 0; /* runs before this one have been merged into later ones */
    while (status == PW_OK && sorter->n_runs - done > fan_in - 1) {
        status = merge_runs(sorter, done, fan_in - 1, error);
        done += fan_in - 1;
    }
    if (status == PW_OK) {
        uint32_t n = sorter->n_runs - done;
        memmove(sorter->run, sorter->run + done, n * sizeof *sorter->run);
        sorter->n_runs = n;
        status = open_inputs(sorter, 0, n, share_records(sorter, n), error);
    }
    sorter->has_last = 0;
    return status;
}

enum pw_status pw_sorter_next(struct pw_sorter *sorter, uint64_t *record, struct pw_error *error)
{
    if (sorter->n_runs == 0) {
        if (sorter->next == sorter->used)
            return PW_EMPTY;
        copy_record(record, (uint64_t *)sorter->memory.data + sorter->next++ * (uint64_t)sorter->words, sorter->words);
        return PW_OK;
    }
    for (;;) {
        enum pw_status status = take_least(sorter, share_records(sorter, sorter->n_runs), record, error);
        if (status != PW_OK || !is_repeated(sorter, record))
            return status;
    }
}
