/* Buckets: every record comes back once, in its bucket, whatever the memory, also those pushed while others are read. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ext/buckets.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

struct tally {
    uint64_t *count, *sum; /* of each key: records, and the sum of what they hold */
};

static struct tally tally_new(uint64_t n_keys)
{
    return (struct tally){calloc(n_keys, sizeof(uint64_t)), calloc(n_keys, sizeof(uint64_t))};
}

static void tally_free(struct tally *tally)
{
    free(tally->count);
    free(tally->sum);
}

/* A record whose words follow from value. */
static void push(struct pw_buckets *buckets, struct tally *pushed, uint64_t key, uint64_t value)
{
    struct pw_error error = {0};
    uint64_t record[PW_BUCKET_WORDS_MAX];
    for (unsigned w = 0; w < buckets->words; w++)
        record[w] = value * (w + 1);
    cr_assert(pw_buckets_push(buckets, key, record, &error) == PW_OK, "%s", error.message);
    pushed->count[key]++;
    pushed->sum[key] += value;
}

/* Reads all buckets; each record may make another one further on. */
static void drain(struct pw_buckets *buckets, uint64_t n_keys, struct tally *pushed, uint64_t *state)
{
    struct pw_error error = {0};
    for (uint64_t key = 0; key < n_keys; key++) {
        uint64_t count = 0, sum = 0, n;
        const uint64_t *record;
        enum pw_status status = pw_buckets_open(buckets, key, &error);
        while (status == PW_OK && (status = pw_buckets_next(buckets, &record, &n, &error)) == PW_OK)
            for (uint64_t i = 0; i < n; i++, record += buckets->words) {
                for (unsigned w = 1; w < buckets->words; w++)
                    cr_assert(record[w] == record[0] * (w + 1));
                count++;
                sum += record[0];
                if (key + 1 < n_keys && next_random(state) % 3 != 0)
                    push(buckets, pushed, key + 1 + next_random(state) % (n_keys - key - 1), next_random(state) >> 8);
            }
        cr_assert(status == PW_EMPTY, "%s", error.message);
        cr_assert(count == pushed->count[key] && sum == pushed->sum[key], "bucket %llu has %llu records, not %llu",
                  (unsigned long long)key, (unsigned long long)count, (unsigned long long)pushed->count[key]);
    }
}

static void check(uint64_t n_keys, uint64_t n_records, unsigned words, uint64_t memory_bytes)
{
    struct pw_bucket_form form;
    struct pw_blocks blocks;
    struct pw_buckets buckets;
    struct tally pushed = tally_new(n_keys);
    uint64_t state = n_keys + words;
    cr_assert(pw_bucket_form_init(&form, n_keys, memory_bytes, 4096));
    cr_assert(pw_buckets_memory_bytes(&form) <= memory_bytes);
    void *memory = malloc(pw_buckets_memory_bytes(&form));
    pw_blocks_init(&blocks, form.block_bytes, "/tmp");
    pw_buckets_init(&buckets, &form, words, &blocks, memory);
    for (uint64_t i = 0; i < n_records; i++)
        push(&buckets, &pushed, next_random(&state) % n_keys, next_random(&state) >> 8);
    drain(&buckets, n_keys, &pushed, &state);
    /* Blocks are used again: the file holds what was there at once, with a part of a block lost in each. */
    uint64_t lost = 8 + 8 * words; /* at most */
    cr_assert(pw_blocks_file_bytes(&blocks) * (form.block_bytes - lost) <=
              n_records * 8 * (words + 1) * form.block_bytes);
    pw_blocks_close(&blocks);
    tally_free(&pushed);
    free(memory);
}

Test(buckets, in_memory)
{
    check(1, 0, 1, 1 << 20);
    check(1, 1000, 1, 1 << 20);
    check(10, 5000, 3, 1 << 22);
}

Test(buckets, as_many_blocks_as_keys)
{
    for (unsigned words = 1; words <= PW_BUCKET_WORDS_MAX; words++)
        check(37, 40000, words, 128 << 10);
}

Test(buckets, several_levels_in_little_memory)
{
    static const uint64_t n_keys[] = {2, 3, 64, 65, 1000, 4096, 4097, 100000};
    for (size_t i = 0; i < sizeof n_keys / sizeof n_keys[0]; i++)
        for (unsigned words = 1; words <= PW_BUCKET_WORDS_MAX; words++)
            check(n_keys[i], 20000, words, 4096);
}

Test(buckets, too_little_memory_is_refused)
{
    struct pw_bucket_form form;
    cr_assert(!pw_bucket_form_init(&form, 1000000, 1024, 4096));
}

Test(buckets, say_where_blocks_cannot_be_written)
{
    struct pw_error error = {0};
    struct pw_bucket_form form;
    struct pw_blocks blocks;
    struct pw_buckets buckets;
    enum pw_status status = PW_OK;
    cr_assert(pw_bucket_form_init(&form, 4, 4096, 4096));
    void *memory = malloc(pw_buckets_memory_bytes(&form));
    pw_blocks_init(&blocks, form.block_bytes, "/no/such/directory");
    pw_buckets_init(&buckets, &form, 1, &blocks, memory);
    for (uint64_t i = 0; i < 10000 && status == PW_OK; i++)
        status = pw_buckets_push(&buckets, 1, &i, &error);
    cr_assert(status == PW_E_NOT_FOUND && strstr(error.message, "/no/such/directory") != NULL);
    pw_blocks_close(&blocks);
    pw_blocks_close(&blocks);
    free(memory);
}
