#include "store/zarr_shard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

enum {
    SLOTS_MIN = 2,
    SLOTS_MAX = 64
};
#define CACHE_BYTES ((uint64_t)8 << 20) /* as many slots as fit, within the limits above */

struct slot {
    uint64_t shard;
    uint64_t used;       /* when last, 0: never */
    int fd;              /* of the archive that the shard is in; -1: a file of its own */
    uint64_t begin;      /* of the shard in it */
    uint64_t file_bytes; /* of the shard; 0: there is none */
    uint64_t *entries;   /* offset, length of each inner chunk */
};

struct pw_shard_cache {
    const struct pw_zarr_sharding *sharding;
    const struct pw_kv *kv;
    pthread_mutex_t lock; /* guards everything below */
    uint64_t clock;
    int n_slots;
    struct slot slot[SLOTS_MAX];
    struct pw_buffer entries;
    struct pw_buffer block; /* an index as it is stored */
};

static uint64_t entries_bytes(const struct pw_zarr_sharding *sharding)
{
    return sharding->count * 2 * sizeof(uint64_t);
}

static int slot_count(const struct pw_zarr_sharding *sharding)
{
    uint64_t n = CACHE_BYTES / entries_bytes(sharding);
    return n < SLOTS_MIN ? SLOTS_MIN : n > SLOTS_MAX ? SLOTS_MAX : (int)n;
}

size_t pw_shard_cache_memory_bytes(const struct pw_zarr_sharding *sharding)
{
    return sizeof(struct pw_shard_cache) +
           (size_t)(entries_bytes(sharding) * (uint64_t)slot_count(sharding) + sharding->index_bytes);
}

enum pw_status pw_shard_cache_new(const struct pw_zarr_sharding *sharding, const struct pw_kv *kv,
                                  struct pw_shard_cache **cache, struct pw_error *error)
{
    struct pw_shard_cache *c = pw_alloc(1, sizeof *c, error);
    if (c == NULL)
        return PW_E_NOMEM;
    c->sharding = sharding;
    c->kv = kv;
    c->n_slots = slot_count(sharding);
    (void)pthread_mutex_init(&c->lock, NULL);
    enum pw_status status =
        pw_buffer_init(&c->entries, entries_bytes(sharding) * (uint64_t)c->n_slots, "shard indexes", error);
    if (status == PW_OK)
        status = pw_buffer_init(&c->block, sharding->index_bytes, "shard index", error);
    if (status != PW_OK) {
        pw_shard_cache_free(c);
        return status;
    }
    for (int i = 0; i < c->n_slots; i++)
        c->slot[i].entries = (uint64_t *)c->entries.data + (uint64_t)i * 2 * sharding->count;
    *cache = c;
    return PW_OK;
}

void pw_shard_cache_free(struct pw_shard_cache *cache)
{
    if (cache == NULL)
        return;
    (void)pthread_mutex_destroy(&cache->lock);
    pw_buffer_release(&cache->entries);
    pw_buffer_release(&cache->block);
    free(cache);
}

/* Reads the index of the shard of bytes bytes that begins at begin. */
static enum pw_status read_index(struct pw_shard_cache *c, int fd, const char *path, uint64_t begin, uint64_t bytes,
                                 uint64_t *entries, struct pw_error *error)
{
    const struct pw_zarr_sharding *sharding = c->sharding;
    struct pw_error inner = {0};
    size_t n = (size_t)sharding->index_bytes, got = 0;
    if (bytes < n)
        return pw_fail(error, PW_E_TRUNCATED, "%s: shard of %llu bytes cannot hold its index of %zu", path,
                       (unsigned long long)bytes, n);
    uint64_t offset = begin + (sharding->index_at_start ? 0 : bytes - n);
    enum pw_status status = pw_file_read(fd, c->block.data, n, offset, &got, path, error);
    if (status != PW_OK)
        return status;
    if (got < n)
        return pw_fail(error, PW_E_TRUNCATED, "%s: shard ends within its index", path);
    if (pw_zarr_shard_index(sharding, c->block.data, entries, &inner) != PW_OK)
        return pw_fail(error, inner.status, "%s: index of the shard: %s", path, inner.message);
    return PW_OK;
}

/* Fills slot from a file; a missing file is a shard of no bytes. */
static enum pw_status load_file(struct pw_shard_cache *c, struct slot *slot, const char *path, struct pw_error *error)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return PW_OK;
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot open", path);
    enum pw_status status = PW_OK;
    if (fstat(fd, &st) != 0)
        status = pw_fail_errno(error, PW_E_IO, errno, "%s: cannot examine", path);
    else if (!S_ISREG(st.st_mode))
        status = pw_fail(error, PW_E_FORMAT, "%s: not a regular file", path);
    else
        status = read_index(c, fd, path, 0, (uint64_t)st.st_size, slot->entries, error);
    (void)close(fd);
    if (status == PW_OK)
        slot->file_bytes = (uint64_t)st.st_size;
    return status;
}

static enum pw_status load_slot(struct pw_shard_cache *c, struct slot *slot, const char *path, struct pw_error *error)
{
    struct pw_extent extent = {.fd = -1};
    memcpy(extent.path, path, strlen(path) + 1);
    *slot = (struct slot){.fd = -1, .entries = slot->entries};
    enum pw_status status = c->kv->ops->locate(c->kv, &extent, error);
    if (status == PW_EMPTY)
        return PW_OK;
    if (status == PW_OK && extent.fd < 0)
        return load_file(c, slot, path, error);
    if (status == PW_OK)
        status = read_index(c, extent.fd, path, extent.offset, extent.length, slot->entries, error);
    if (status != PW_OK)
        return status;
    slot->fd = extent.fd;
    slot->begin = extent.offset;
    slot->file_bytes = extent.length;
    return PW_OK;
}

/* The slot of shard: the one that has it, or the least recently used, loaded. */
static enum pw_status get_slot(struct pw_shard_cache *c, uint64_t shard, const char *path, struct slot **out,
                               struct pw_error *error)
{
    struct slot *oldest = &c->slot[0];
    for (int i = 0; i < c->n_slots; i++) {
        struct slot *slot = &c->slot[i];
        if (slot->used != 0 && slot->shard == shard) {
            slot->used = ++c->clock;
            *out = slot;
            return PW_OK;
        }
        if (slot->used < oldest->used)
            oldest = slot;
    }
    enum pw_status status = load_slot(c, oldest, path, error);
    if (status != PW_OK)
        return status;
    oldest->shard = shard;
    oldest->used = ++c->clock;
    *out = oldest;
    return PW_OK;
}

enum pw_status pw_shard_cache_find(struct pw_shard_cache *cache, uint64_t shard, uint64_t number,
                                   struct pw_extent *extent, struct pw_error *error)
{
    struct slot *slot = NULL;
    uint64_t file_bytes = 0, begin = 0, offset = 0, length = 0, end;
    (void)pthread_mutex_lock(&cache->lock);
    enum pw_status status = get_slot(cache, shard, extent->path, &slot, error);
    if (status == PW_OK) {
        file_bytes = slot->file_bytes;
        begin = slot->begin;
        extent->fd = slot->fd;
        offset = slot->entries[2 * number];
        length = slot->entries[2 * number + 1];
    }
    (void)pthread_mutex_unlock(&cache->lock);
    if (status != PW_OK)
        return status;
    if (file_bytes == 0 || (offset == PW_ZARR_EMPTY && length == PW_ZARR_EMPTY))
        return PW_EMPTY;
    if (length == 0)
        return pw_fail(error, PW_E_FORMAT, "%s: inner chunk %llu has no bytes", extent->path,
                       (unsigned long long)number);
    if (!pw_add_u64(offset, length, &end) || end > file_bytes)
        return pw_fail(error, PW_E_TRUNCATED, "%s: inner chunk %llu at %llu+%llu leaves the shard of %llu bytes",
                       extent->path, (unsigned long long)number, (unsigned long long)offset, (unsigned long long)length,
                       (unsigned long long)file_bytes);
    extent->offset = begin + offset;
    extent->length = length;
    return PW_OK;
}
