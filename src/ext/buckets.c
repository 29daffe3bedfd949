#include "ext/buckets.h"

#include <string.h>

#include "base/checked.h"

/* Blocks below this size are read and written slower than levels are saved. */
#define BLOCK_BYTES_GOOD ((size_t)16 << 10)

/* A block holds its chain and one record with its key. */
#define BLOCK_BYTES_LEAST ((PW_BUCKET_WORDS_MAX + 2) * sizeof(uint64_t))

/* ---- form -------------------------------------------------------------- */

static uint64_t n_buckets(const struct pw_bucket_form *form)
{
    return (uint64_t)form->n_levels << form->digit_bits;
}

/* The form with n_levels and the largest blocks that fit; block_bytes 0 when there are none. */
static struct pw_bucket_form form_of(uint64_t n_keys, unsigned n_levels, uint64_t memory_bytes)
{
    unsigned key_bits = n_keys > 1 ? 64 - (unsigned)__builtin_clzll(n_keys - 1) : 1;
    unsigned digit_bits = (key_bits + n_levels - 1) / n_levels;
    struct pw_bucket_form form = {.n_keys = n_keys, .digit_bits = digit_bits};
    form.n_levels = (key_bits + digit_bits - 1) / digit_bits;
    if (digit_bits > 32)
        return form;
    uint64_t n = n_buckets(&form), index = n * sizeof(struct pw_bucket);
    if (index < memory_bytes) /* and one block that is read */
        form.block_bytes = (size_t)((memory_bytes - index) / (n + 1) / sizeof(uint64_t) * sizeof(uint64_t));
    return form;
}

int pw_bucket_form_init(struct pw_bucket_form *form, uint64_t n_keys, uint64_t memory_bytes, size_t block_bytes_max)
{
    *form = (struct pw_bucket_form){0};
    for (unsigned levels = 1; levels <= 64 && form->block_bytes < BLOCK_BYTES_GOOD; levels++) {
        struct pw_bucket_form tried = form_of(n_keys, levels, memory_bytes);
        if (tried.block_bytes > form->block_bytes)
            *form = tried;
    }
    if (form->block_bytes > block_bytes_max)
        form->block_bytes = block_bytes_max;
    return form->block_bytes >= BLOCK_BYTES_LEAST;
}

uint64_t pw_buckets_memory_bytes(const struct pw_bucket_form *form)
{
    return n_buckets(form) * (form->block_bytes + sizeof(struct pw_bucket)) + form->block_bytes;
}

void pw_buckets_init(struct pw_buckets *buckets, const struct pw_bucket_form *form, unsigned words,
                     struct pw_blocks *blocks, void *memory)
{
    uint64_t n = n_buckets(form);
    memset(buckets, 0, sizeof *buckets);
    buckets->blocks = blocks;
    buckets->words = words;
    buckets->digit_bits = form->digit_bits;
    buckets->n_levels = form->n_levels;
    buckets->block_words = form->block_bytes / sizeof(uint64_t);
    buckets->bucket = memory;
    buckets->piece = (void *)(buckets->bucket + n);
    for (uint64_t i = 0; i < n; i++) {
        buckets->bucket[i].block = buckets->piece + (i + 1) * buckets->block_words;
        buckets->bucket[i].block[0] = PW_NO_BLOCK;
        buckets->bucket[i].used = 1;
    }
}

/* ---- records ----------------------------------------------------------- */

enum pw_status pw_buckets_flush(struct pw_buckets *buckets, struct pw_bucket *bucket, struct pw_error *error)
{
    uint64_t number;
    enum pw_status status = pw_blocks_write(buckets->blocks, bucket->block, &number, error);
    if (status != PW_OK)
        return status;
    bucket->block[0] = number;
    bucket->used = 1;
    return PW_OK;
}

/* Hands out the words of the bucket that is read: first the block in memory, then the full ones from the last. */
static enum pw_status next_words(struct pw_buckets *buckets, const uint64_t **words, size_t *n, struct pw_error *error)
{
    struct pw_bucket *bucket = buckets->reading;
    if (!buckets->block_given) {
        buckets->block_given = 1;
        *words = bucket->block + 1;
        *n = bucket->used - 1;
        bucket->used = 1;
        if (*n > 0)
            return PW_OK;
    }
    if (bucket->block[0] == PW_NO_BLOCK)
        return PW_EMPTY;
    enum pw_status status = pw_blocks_read(buckets->blocks, bucket->block[0], buckets->piece, error);
    if (status != PW_OK)
        return status;
    bucket->block[0] = buckets->piece[0];
    *words = buckets->piece + 1;
    *n = buckets->block_words - 1;
    return PW_OK;
}

static void start_reading(struct pw_buckets *buckets, struct pw_bucket *bucket)
{
    buckets->reading = bucket;
    buckets->block_given = 0;
}

/* Takes the bucket of level apart: its records go to lower levels. */
static enum pw_status spread(struct pw_buckets *buckets, unsigned level, struct pw_error *error)
{
    unsigned bits = buckets->digit_bits, record_words = buckets->words + 1;
    uint64_t digit = buckets->key >> (level * bits) & ((UINT64_C(1) << bits) - 1);
    start_reading(buckets, &buckets->bucket[((uint64_t)level << bits) + digit]);
    for (;;) {
        const uint64_t *words;
        size_t n;
        enum pw_status status = next_words(buckets, &words, &n, error);
        if (status != PW_OK)
            return status == PW_EMPTY ? PW_OK : status;
        for (; n >= record_words && status == PW_OK; n -= record_words, words += record_words)
            status = pw_buckets_push(buckets, words[0], words + 1, error);
        if (status != PW_OK)
            return status;
    }
}

enum pw_status pw_buckets_open(struct pw_buckets *buckets, uint64_t key, struct pw_error *error)
{
    unsigned level = 0;
    enum pw_status status = PW_OK;
    buckets->key = key;
    /* The highest digit that is another than in the key before: those below it are 0. */
    if (key > 0 && buckets->n_levels > 1)
        level = (unsigned)__builtin_ctzll(key) / buckets->digit_bits;
    if (level > 0)
        status = spread(buckets, level, error);
    start_reading(buckets, pw_buckets_find(buckets, key, &level));
    return status;
}

enum pw_status pw_buckets_next(struct pw_buckets *buckets, const uint64_t **records, uint64_t *n,
                               struct pw_error *error)
{
    size_t words;
    enum pw_status status = next_words(buckets, records, &words, error);
    *n = status == PW_OK ? words / buckets->words : 0;
    return status;
}
