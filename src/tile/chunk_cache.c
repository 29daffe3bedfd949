#include "tile/chunk_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

#define NONE UINT32_MAX

/* All fields under pw_chunk_cache.lock; the buffer is the owner's until published, then read-only. */
struct entry {
    uint64_t key;
    uint64_t last_use;
    uint32_t holders;
    uint32_t next; /* of the same bucket */
    enum pw_chunk_state state;
    int used; /* in a bucket */
};

struct pw_chunk_cache {
    pthread_mutex_t lock;
    pthread_cond_t published;
    uint32_t capacity;
    uint64_t chunk_bytes;
    uint64_t clock;
    struct pw_error failure; /* under lock; of the first chunk that failed */
    struct entry *entry;
    uint32_t *bucket; /* capacity heads of lists */
    struct pw_buffer memory;
};

enum pw_status pw_chunk_cache_new(uint32_t capacity, uint64_t chunk_bytes, struct pw_chunk_cache **cache,
                                  struct pw_error *error)
{
    struct pw_chunk_cache *self = pw_alloc(1, sizeof *self, error);
    if (self == NULL)
        return PW_E_NOMEM;
    (void)pthread_mutex_init(&self->lock, NULL);
    (void)pthread_cond_init(&self->published, NULL);
    self->capacity = capacity;
    self->chunk_bytes = chunk_bytes;
    self->entry = pw_alloc(capacity, sizeof *self->entry, error);
    self->bucket = pw_alloc(capacity, sizeof *self->bucket, error);
    if (self->entry == NULL || self->bucket == NULL ||
        pw_buffer_init(&self->memory, (uint64_t)capacity * chunk_bytes, "chunk cache", error) != PW_OK) {
        pw_chunk_cache_free(self);
        return PW_E_NOMEM;
    }
    for (uint32_t i = 0; i < capacity; i++)
        self->bucket[i] = NONE;
    *cache = self;
    return PW_OK;
}

void pw_chunk_cache_free(struct pw_chunk_cache *cache)
{
    if (cache == NULL)
        return;
    pw_buffer_release(&cache->memory);
    (void)pthread_cond_destroy(&cache->published);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache->entry);
    free(cache->bucket);
    free(cache);
}

uint64_t pw_chunk_cache_memory_bytes(uint32_t capacity, uint64_t chunk_bytes)
{
    return sizeof(struct pw_chunk_cache) + capacity * (chunk_bytes + sizeof(struct entry) + sizeof(uint32_t));
}

static uint32_t *bucket_of(struct pw_chunk_cache *cache, uint64_t key)
{
    return &cache->bucket[(key * UINT64_C(0x9E3779B97F4A7C15) >> 32) % cache->capacity];
}

static uint32_t lookup(struct pw_chunk_cache *cache, uint64_t key)
{
    uint32_t i = *bucket_of(cache, key);
    while (i != NONE && cache->entry[i].key != key)
        i = cache->entry[i].next;
    return i;
}

static void unlink_entry(struct pw_chunk_cache *cache, uint32_t i)
{
    uint32_t *link = bucket_of(cache, cache->entry[i].key);
    while (*link != i)
        link = &cache->entry[*link].next;
    *link = cache->entry[i].next;
}

/* An entry nobody holds: an unused one, else the one used longest ago. */
static uint32_t victim(struct pw_chunk_cache *cache)
{
    uint32_t best = NONE;
    for (uint32_t i = 0; i < cache->capacity; i++) {
        struct entry *e = &cache->entry[i];
        if (!e->used)
            return i;
        if (e->holders == 0 && (best == NONE || e->last_use < cache->entry[best].last_use))
            best = i;
    }
    return best;
}

enum pw_claim pw_chunk_cache_claim(struct pw_chunk_cache *cache, uint64_t key, uint32_t *entry)
{
    enum pw_claim claim = PW_CLAIM_SHARED;
    (void)pthread_mutex_lock(&cache->lock);
    uint32_t i = lookup(cache, key);
    if (i == NONE) {
        claim = PW_CLAIM_OWNED;
        i = victim(cache);
        if (i == NONE) {
            (void)pthread_mutex_unlock(&cache->lock);
            return PW_CLAIM_FULL;
        }
        struct entry *e = &cache->entry[i];
        if (e->used)
            unlink_entry(cache, i);
        uint32_t *head = bucket_of(cache, key);
        *e = (struct entry){.key = key, .used = 1, .state = PW_CHUNK_LOADING, .next = *head};
        *head = i;
    }
    cache->entry[i].holders++;
    cache->entry[i].last_use = ++cache->clock;
    (void)pthread_mutex_unlock(&cache->lock);
    *entry = i;
    return claim;
}

void *pw_chunk_cache_buffer(struct pw_chunk_cache *cache, uint32_t entry)
{
    return (char *)cache->memory.data + entry * cache->chunk_bytes;
}

void pw_chunk_cache_publish(struct pw_chunk_cache *cache, uint32_t entry, enum pw_chunk_state state)
{
    (void)pthread_mutex_lock(&cache->lock);
    cache->entry[entry].state = state;
    (void)pthread_cond_broadcast(&cache->published);
    (void)pthread_mutex_unlock(&cache->lock);
}

void pw_chunk_cache_fail(struct pw_chunk_cache *cache, uint32_t entry, const struct pw_error *why)
{
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->failure.status == PW_OK)
        cache->failure = *why;
    cache->entry[entry].state = PW_CHUNK_FAILED;
    (void)pthread_cond_broadcast(&cache->published);
    (void)pthread_mutex_unlock(&cache->lock);
}

enum pw_status pw_chunk_cache_failure(struct pw_chunk_cache *cache, struct pw_error *error)
{
    (void)pthread_mutex_lock(&cache->lock);
    *error = cache->failure;
    (void)pthread_mutex_unlock(&cache->lock);
    return error->status;
}

enum pw_chunk_state pw_chunk_cache_await(struct pw_chunk_cache *cache, uint32_t entry)
{
    (void)pthread_mutex_lock(&cache->lock);
    while (cache->entry[entry].state == PW_CHUNK_LOADING)
        (void)pthread_cond_wait(&cache->published, &cache->lock);
    enum pw_chunk_state state = cache->entry[entry].state;
    (void)pthread_mutex_unlock(&cache->lock);
    return state;
}

void pw_chunk_cache_release(struct pw_chunk_cache *cache, uint32_t entry)
{
    (void)pthread_mutex_lock(&cache->lock);
    cache->entry[entry].holders--;
    (void)pthread_mutex_unlock(&cache->lock);
}
