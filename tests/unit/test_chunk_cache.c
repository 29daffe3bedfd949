#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "tile/chunk_cache.h"

static struct pw_chunk_cache *make(uint32_t capacity)
{
    struct pw_chunk_cache *cache;
    struct pw_error error = {0};
    cr_assert(pw_chunk_cache_new(capacity, 64, &cache, &error) == PW_OK);
    return cache;
}

Test(chunk_cache, first_claim_owns_later_ones_share)
{
    struct pw_chunk_cache *cache = make(2);
    uint32_t a, b, c;
    cr_assert(pw_chunk_cache_claim(cache, 7, &a) == PW_CLAIM_OWNED);
    cr_assert(pw_chunk_cache_claim(cache, 7, &b) == PW_CLAIM_SHARED);
    cr_assert(a == b);
    cr_assert(pw_chunk_cache_claim(cache, 8, &c) == PW_CLAIM_OWNED);
    cr_assert(pw_chunk_cache_claim(cache, 9, &c) == PW_CLAIM_FULL, "both buffers are held");
    pw_chunk_cache_free(cache);
}

Test(chunk_cache, evicts_the_one_used_longest_ago)
{
    struct pw_chunk_cache *cache = make(2);
    uint32_t entry;
    for (uint64_t key = 1; key <= 2; key++) {
        cr_assert(pw_chunk_cache_claim(cache, key, &entry) == PW_CLAIM_OWNED);
        memset(pw_chunk_cache_buffer(cache, entry), (int)key, 64);
        pw_chunk_cache_publish(cache, entry, PW_CHUNK_READY);
        pw_chunk_cache_release(cache, entry);
    }
    cr_assert(pw_chunk_cache_claim(cache, 1, &entry) == PW_CLAIM_SHARED);
    pw_chunk_cache_release(cache, entry);
    cr_assert(pw_chunk_cache_claim(cache, 3, &entry) == PW_CLAIM_OWNED, "2 makes room");
    pw_chunk_cache_release(cache, entry);
    cr_assert(pw_chunk_cache_claim(cache, 1, &entry) == PW_CLAIM_SHARED, "1 is still there");
    cr_assert(((unsigned char *)pw_chunk_cache_buffer(cache, entry))[63] == 1);
    pw_chunk_cache_free(cache);
}

struct shared {
    struct pw_chunk_cache *cache;
    uint32_t entry;
};

static void *publish(void *argument)
{
    struct shared *shared = argument;
    memset(pw_chunk_cache_buffer(shared->cache, shared->entry), 42, 64);
    pw_chunk_cache_publish(shared->cache, shared->entry, PW_CHUNK_READY);
    return NULL;
}

Test(chunk_cache, waiting_sees_what_the_owner_wrote)
{
    struct shared shared = {.cache = make(1)};
    pthread_t thread;
    uint32_t entry;
    cr_assert(pw_chunk_cache_claim(shared.cache, 5, &shared.entry) == PW_CLAIM_OWNED);
    cr_assert(pw_chunk_cache_claim(shared.cache, 5, &entry) == PW_CLAIM_SHARED);
    cr_assert(pthread_create(&thread, NULL, publish, &shared) == 0);
    cr_assert(pw_chunk_cache_await(shared.cache, entry) == PW_CHUNK_READY);
    cr_assert(((unsigned char *)pw_chunk_cache_buffer(shared.cache, entry))[0] == 42);
    (void)pthread_join(thread, NULL);
    pw_chunk_cache_free(shared.cache);
}
