/*
 * tile/chunk_cache - decoded chunks that several tiles need, decoded once.
 *
 * With a halo, or tiles that cut chunks, neighbouring tiles share chunks.  The
 * reader claims the chunks of a tile in tile order; whoever claims a chunk first
 * owns it: its worker decodes it and publishes it, others wait for that.
 *
 * No deadlock: tiles are handed to workers in the order in which they claimed, and a
 * worker publishes all it owns before it waits, so a wait is always for a tile
 * that some worker has already begun.
 *
 * Memory: capacity buffers of one chunk, reserved at init; never more.
 * Threads: all functions from any thread.
 */
#ifndef PW_TILE_CHUNK_CACHE_H
#define PW_TILE_CHUNK_CACHE_H

#include "patchworks.h"

struct pw_chunk_cache;

enum pw_claim {
    PW_CLAIM_SHARED, /* in the cache, or being loaded by another tile */
    PW_CLAIM_OWNED,  /* the caller loads and publishes it */
    PW_CLAIM_FULL    /* every buffer is in use: load it privately */
};

enum pw_chunk_state {
    PW_CHUNK_LOADING,
    PW_CHUNK_READY, /* the buffer holds the chunk */
    PW_CHUNK_EMPTY, /* nothing is stored: reads as the fill value */
    PW_CHUNK_FAILED
};

enum pw_status pw_chunk_cache_new(uint32_t capacity, uint64_t chunk_bytes, struct pw_chunk_cache **cache,
                                  struct pw_error *error);
void pw_chunk_cache_free(struct pw_chunk_cache *cache); /* NULL allowed */
uint64_t pw_chunk_cache_memory_bytes(uint32_t capacity, uint64_t chunk_bytes);

/* Claims chunk key; *entry is held until released, except after PW_CLAIM_FULL. */
enum pw_claim pw_chunk_cache_claim(struct pw_chunk_cache *cache, uint64_t key, uint32_t *entry);

/* The buffer of a held entry: the owner writes it before publishing, others read it after awaiting. */
void *pw_chunk_cache_buffer(struct pw_chunk_cache *cache, uint32_t entry);

void pw_chunk_cache_publish(struct pw_chunk_cache *cache, uint32_t entry, enum pw_chunk_state state);

/* Publishes entry as PW_CHUNK_FAILED and keeps why: whoever waits for it tells the same, whichever is heard first. */
void pw_chunk_cache_fail(struct pw_chunk_cache *cache, uint32_t entry, const struct pw_error *why);

/* Why the first chunk that failed did; returns its status. */
enum pw_status pw_chunk_cache_failure(struct pw_chunk_cache *cache, struct pw_error *error);

/* Blocks until entry is published; returns its state. */
enum pw_chunk_state pw_chunk_cache_await(struct pw_chunk_cache *cache, uint32_t entry);

void pw_chunk_cache_release(struct pw_chunk_cache *cache, uint32_t entry);

#endif
