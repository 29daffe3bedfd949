/*
 * ext/buckets - records put into buckets, which are emptied in the order of their numbers.
 *
 * Records are pushed to buckets 0..n_keys-1.  Buckets are read one after the other, each once and whole; while
 * bucket k is read, records can still be pushed to those after it.  That is a priority queue for an order in which
 * work moves through a file from one end to the other:
 *
 *     pw_buckets_init -> pw_buckets_push ...
 *     for k = 0, 1, .. n_keys-1:
 *         pw_buckets_open(k); while (pw_buckets_next() == PW_OK) for each record ... pw_buckets_push(later) ...
 *     pw_buckets_close
 *
 * Within a bucket records come in no particular order.
 *
 * Method: a bucket is a block in memory, and a chain of full ones in a scratch file.  As many buckets as there are keys
 * when the memory allows; with less, those far ahead are kept together, and taken apart when their turn comes
 * (a radix heap: Ahuja, Mehlhorn, Orlin and Tarjan, Faster algorithms for the shortest path
 * problem, 1990), which moves each record at most levels - 1 times more.
 * Memory: pw_buckets_memory_bytes(), lent by the caller, aligned to 8, until close.
 * Errors: PW_E_IO from the scratch file.  Threads: one at a time for all buckets of one struct pw_blocks.
 */
#ifndef PW_EXT_BUCKETS_H
#define PW_EXT_BUCKETS_H

#include "ext/blocks.h"

enum {
    PW_BUCKET_WORDS_MAX = 4
};

/* How keys are cut into digits.  Few levels take much memory. */
struct pw_bucket_form {
    uint64_t n_keys;
    unsigned digit_bits, n_levels;
    size_t block_bytes;
};

struct pw_bucket {
    uint64_t *block; /* the one being filled; its first word names the last full one */
    size_t used;     /* words, with that */
};

struct pw_buckets {
    struct pw_blocks *blocks;
    unsigned words, digit_bits, n_levels;
    size_t block_words;
    uint64_t key; /* being read, or the next to be */
    struct pw_bucket *bucket;
    uint64_t *piece;           /* a block of the bucket that is read */
    struct pw_bucket *reading; /* NULL: none */
    int block_given;           /* the block in memory has been handed out */
};

/*
 * Fills form for n_keys and memory_bytes for each of the struct pw_buckets that will be made of it.  Blocks are at most
 * block_bytes_max.  0 when memory is too small for any.
 */
int pw_bucket_form_init(struct pw_bucket_form *form, uint64_t n_keys, uint64_t memory_bytes, size_t block_bytes_max);
uint64_t pw_buckets_memory_bytes(const struct pw_bucket_form *form);

/* Records of 1 to PW_BUCKET_WORDS_MAX words; blocks has blocks of form->block_bytes. */
void pw_buckets_init(struct pw_buckets *buckets, const struct pw_bucket_form *form, unsigned words,
                     struct pw_blocks *blocks, void *memory);

/* Begins to read bucket key: 0 first, then each next one. */
enum pw_status pw_buckets_open(struct pw_buckets *buckets, uint64_t key, struct pw_error *error);

/* Some records of the bucket, valid until the next call; PW_EMPTY when there are no more. */
enum pw_status pw_buckets_next(struct pw_buckets *buckets, const uint64_t **records, uint64_t *n,
                               struct pw_error *error);

/* Moves the block of bucket to the file. */
enum pw_status pw_buckets_flush(struct pw_buckets *buckets, struct pw_bucket *bucket, struct pw_error *error);

/* The bucket for key: of the level of the highest digit in which it differs from the key that is read. */
static inline struct pw_bucket *pw_buckets_find(const struct pw_buckets *buckets, uint64_t key, unsigned *level)
{
    unsigned bits = buckets->digit_bits;
    uint64_t differing = key ^ buckets->key;
    *level = buckets->n_levels == 1 || differing == 0 ? 0 : (63 - (unsigned)__builtin_clzll(differing)) / bits;
    uint64_t digit = key >> (*level * bits) & ((UINT64_C(1) << bits) - 1);
    return &buckets->bucket[((uint64_t)*level << bits) + digit];
}

/* Adds a record to bucket key, which has not been opened yet. */
static inline enum pw_status pw_buckets_push(struct pw_buckets *buckets, uint64_t key, const uint64_t *record,
                                             struct pw_error *error)
{
    unsigned level;
    struct pw_bucket *bucket = pw_buckets_find(buckets, key, &level);
    if (bucket->used + buckets->words + (level > 0) > buckets->block_words) {
        enum pw_status status = pw_buckets_flush(buckets, bucket, error);
        if (status != PW_OK)
            return status;
    }
    if (level > 0) /* several keys share the bucket */
        bucket->block[bucket->used++] = key;
    for (unsigned w = 0; w < buckets->words; w++)
        bucket->block[bucket->used++] = record[w];
    return PW_OK;
}

#endif
