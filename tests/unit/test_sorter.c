#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ext/sorter.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

/* What is sorted, and by what it is checked: a table sorted by qsort. */
struct trial {
    struct pw_sorter_form form;
    uint64_t n, memory_bytes;
    uint64_t key_range; /* of each key word; 0: all 64 bits */
};

static int key_words_compared;

/* By key, then by the last word, in which is_expected() has put the order of arrival. */
static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    for (int w = 0; w < key_words_compared; w++)
        if (x[w] != y[w])
            return x[w] < y[w] ? -1 : 1;
    return x[PW_SORTER_WORDS_MAX] < y[PW_SORTER_WORDS_MAX] ? -1 : 1;
}

/* Sums the payload words; context holds their number and counts the calls. */
struct sums {
    int key_words, words;
    uint64_t calls;
};

static void add_payload(uint64_t *into, const uint64_t *from, void *context)
{
    struct sums *sums = context;
    for (int w = 0; w < sums->key_words; w++)
        cr_assert(into[w] == from[w], "combined records of different keys");
    for (int w = sums->key_words; w < sums->words; w++)
        into[w] += from[w];
    sums->calls++;
}

typedef uint64_t row[PW_SORTER_WORDS_MAX + 1];

/* The expected answer in place; returns its length. */
static uint64_t sort_rows(const struct trial *trial, row *rows)
{
    const struct pw_sorter_form *form = &trial->form;
    uint64_t kept = 0;
    key_words_compared = form->key_words;
    qsort(rows, trial->n, sizeof *rows, by_key);
    if (form->combine == NULL)
        return trial->n;
    for (uint64_t i = 0; i < trial->n; i++) {
        if (kept > 0 && memcmp(rows[i], rows[kept - 1], (size_t)form->key_words * 8) == 0) {
            if (form->combine != pw_sorter_keep_first)
                for (int w = form->key_words; w < form->words; w++)
                    rows[kept - 1][w] += rows[i][w];
        } else {
            memmove(rows[kept++], rows[i], sizeof *rows);
        }
    }
    return kept;
}

static void check(const struct trial *trial)
{
    struct pw_error error = {0};
    struct pw_sorter sorter;
    const struct pw_sorter_form *form = &trial->form;
    uint64_t state = trial->n + trial->key_range + (uint64_t)form->words;
    row *rows = malloc((trial->n + 1) * sizeof *rows);
    cr_assert(rows != NULL);
    cr_assert(pw_sorter_init(&sorter, form, trial->memory_bytes, "/tmp", &error) == PW_OK);
    for (uint64_t i = 0; i < trial->n; i++) {
        for (int w = 0; w < form->words; w++)
            rows[i][w] = next_random(&state) ^ next_random(&state) << 20;
        for (int w = 0; w < form->key_words && trial->key_range != 0; w++)
            rows[i][w] %= trial->key_range;
        rows[i][PW_SORTER_WORDS_MAX] = i;
        cr_assert(pw_sorter_add(&sorter, rows[i], &error) == PW_OK, "%s", error.message);
    }
    cr_assert(pw_sorter_finish(&sorter, &error) == PW_OK, "%s", error.message);
    uint64_t expected = sort_rows(trial, rows), record[PW_SORTER_WORDS_MAX];
    for (uint64_t i = 0; i < expected; i++) {
        cr_assert(pw_sorter_next(&sorter, record, &error) == PW_OK);
        cr_assert(memcmp(record, rows[i], (size_t)form->words * 8) == 0, "%d words, key %d: record %llu of %llu",
                  form->words, form->key_words, (unsigned long long)i, (unsigned long long)expected);
    }
    cr_assert(pw_sorter_next(&sorter, record, &error) == PW_EMPTY);
    pw_sorter_destroy(&sorter);
    free(rows);
}

/* Every way to combine at one size. */
static void check_all(int words, int key_words, uint64_t n, uint64_t memory_bytes, uint64_t key_range)
{
    struct sums sums = {.key_words = key_words, .words = words};
    struct trial trial = {{.words = words, .key_words = key_words}, n, memory_bytes, key_range};
    check(&trial); /* also: equal keys in order of arrival */
    trial.form.combine = pw_sorter_keep_first;
    check(&trial);
    trial.form.combine = add_payload;
    trial.form.context = &sums;
    check(&trial);
}

Test(sorter, in_memory)
{
    check_all(2, 2, 0, 1 << 16, 100);
    check_all(2, 2, 1, 1 << 16, 100);
    check_all(2, 2, 1000, 1 << 16, 0);
    check_all(2, 2, 1000, 1 << 16, 7);
    check_all(30, 1, 200, 1 << 18, 70);
}

Test(sorter, spills_and_merges)
{
    check_all(2, 2, 10000, 1 << 16, 0);
    check_all(2, 2, 10000, 1 << 16, 50);
    check_all(3, 2, 10000, 1 << 16, 50);
}

Test(sorter, merges_in_several_rounds_in_very_little_memory)
{
    check_all(2, 2, 20000, 4096, 1000);
    check_all(2, 2, 20000, 4096, 90);
    check_all(1, 1, 20000, 1, 5000); /* 32 records at a time */
    check_all(40, 1, 5000, 1, 1500);
}

Test(sorter, records_of_any_length)
{
    for (int words = 1; words <= PW_SORTER_WORDS_MAX; words += words < 8 ? 1 : 7)
        for (int key_words = 1; key_words <= PW_SORTER_KEY_WORDS_MAX && key_words <= words; key_words++) {
            check_all(words, key_words, 1500, 1 << 15, key_words == 1 ? 300 : 4);
            check_all(words, key_words, 300, 1 << 13, 0);
        }
}

/* Keys of all ones look like the ends of runs to a careless merge. */
Test(sorter, the_largest_keys)
{
    struct pw_error error = {0};
    struct pw_sorter sorter;
    struct pw_sorter_form form = {.words = 4, .key_words = 3};
    uint64_t n = 5000, record[4];
    cr_assert(pw_sorter_init(&sorter, &form, 1, "/tmp", &error) == PW_OK);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t added[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX - i % 2, i};
        cr_assert(pw_sorter_add(&sorter, added, &error) == PW_OK);
    }
    cr_assert(pw_sorter_finish(&sorter, &error) == PW_OK);
    for (uint64_t i = 0; i < n; i++) {
        cr_assert(pw_sorter_next(&sorter, record, &error) == PW_OK);
        cr_assert(record[3] == (i < n / 2 ? 2 * i + 1 : 2 * (i - n / 2)));
    }
    cr_assert(pw_sorter_next(&sorter, record, &error) == PW_EMPTY);
    pw_sorter_destroy(&sorter);
}

/* Many records of few keys never reach the disk. */
Test(sorter, combining_keeps_within_memory)
{
    for (int words = 2; words <= 20; words += 18) {
        struct sums sums = {.key_words = 1, .words = words};
        struct pw_sorter_form form = {.words = words, .key_words = 1, .combine = add_payload, .context = &sums};
        struct pw_error error = {0};
        struct pw_sorter sorter;
        cr_assert(pw_sorter_init(&sorter, &form, 1 << 16, "/no/such/directory", &error) == PW_OK);
        for (uint64_t i = 0; i < 50000; i++) {
            uint64_t record[20] = {i * 7919 % 100, 1};
            cr_assert(pw_sorter_add(&sorter, record, &error) == PW_OK, "%s", error.message);
        }
        cr_assert(pw_sorter_finish(&sorter, &error) == PW_OK);
        for (uint64_t i = 0; i < 100; i++) {
            uint64_t record[20];
            cr_assert(pw_sorter_next(&sorter, record, &error) == PW_OK);
            cr_assert(record[0] == i && record[1] == 500);
        }
        cr_assert(sums.calls == 50000 - 100);
        pw_sorter_destroy(&sorter);
    }
}

Test(sorter, says_where_runs_cannot_be_written)
{
    struct pw_sorter_form form = {.words = 1, .key_words = 1};
    struct pw_error error = {0};
    struct pw_sorter sorter;
    enum pw_status status = PW_OK;
    cr_assert(pw_sorter_init(&sorter, &form, 4096, "/no/such/directory", &error) == PW_OK);
    for (uint64_t i = 0; i < 1000 && status == PW_OK; i++)
        status = pw_sorter_add(&sorter, &i, &error);
    cr_assert(status == PW_E_NOT_FOUND && strstr(error.message, "/no/such/directory") != NULL);
    pw_sorter_destroy(&sorter);
    pw_sorter_destroy(&sorter);
}
