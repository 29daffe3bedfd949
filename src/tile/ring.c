#include "tile/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"

static void queue_init(struct pw_slot_queue *queue)
{
    (void)pthread_cond_init(&queue->filled, NULL);
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_put(struct pw_slot_queue *queue, struct pw_slot *slot)
{
    slot->next = NULL;
    *queue->last = slot;
    queue->last = &slot->next;
}

static void queue_put_first(struct pw_slot_queue *queue, struct pw_slot *slot)
{
    slot->next = queue->first;
    if (queue->first == NULL)
        queue->last = &slot->next;
    queue->first = slot;
}

static struct pw_slot *queue_take(struct pw_slot_queue *queue)
{
    struct pw_slot *slot = queue->first;
    if (slot != NULL) {
        queue->first = slot->next;
        if (queue->first == NULL)
            queue->last = &queue->first;
    }
    return slot;
}

/* A few hundred microseconds, different at every call: a fixed sleep would only shift the races. */
void pw_ring_stall(void)
{
    static atomic_uint calls;
    static atomic_int enabled = -1;
    if (atomic_load(&enabled) < 0)
        atomic_store(&enabled, getenv("PW_STALL") != NULL);
    if (atomic_load(&enabled) == 0)
        return;
    unsigned n = atomic_fetch_add(&calls, 1) * 2654435761u;
    struct timespec pause = {0, (long)(n >> 12) % 800000};
    (void)nanosleep(&pause, NULL);
}

enum pw_status pw_ring_init(struct pw_ring *ring, uint32_t depth, uint64_t n_tiles, const struct pw_load_plan *plan,
                            uint64_t least_slot_bytes, struct pw_error *error)
{
    memset(ring, 0, sizeof *ring);
    (void)pthread_mutex_init(&ring->lock, NULL);
    queue_init(&ring->free);
    queue_init(&ring->loaded);
    queue_init(&ring->done);
    ring->n_left = ring->n_to_load = n_tiles;
    ring->slot = pw_alloc(depth, sizeof *ring->slot, error);
    if (ring->slot == NULL)
        return PW_E_NOMEM;
    ring->depth = depth;
    for (uint32_t i = 0; i < depth; i++) {
        enum pw_status status = pw_slot_init(&ring->slot[i], plan, least_slot_bytes, error);
        if (status != PW_OK)
            return status;
        queue_put(&ring->free, &ring->slot[i]);
    }
    return PW_OK;
}

void pw_ring_destroy(struct pw_ring *ring)
{
    if (ring->slot == NULL)
        return;
    for (uint32_t i = 0; i < ring->depth; i++)
        pw_slot_destroy(&ring->slot[i]);
    free(ring->slot);
    (void)pthread_cond_destroy(&ring->free.filled);
    (void)pthread_cond_destroy(&ring->loaded.filled);
    (void)pthread_cond_destroy(&ring->done.filled);
    (void)pthread_mutex_destroy(&ring->lock);
    memset(ring, 0, sizeof *ring);
}

struct pw_slot *pw_ring_take_free(struct pw_ring *ring, int wait)
{
    pw_ring_stall();
    (void)pthread_mutex_lock(&ring->lock);
    while (wait && !ring->stopped && ring->free.first == NULL)
        (void)pthread_cond_wait(&ring->free.filled, &ring->lock);
    struct pw_slot *slot = ring->stopped ? NULL : queue_take(&ring->free);
    (void)pthread_mutex_unlock(&ring->lock);
    return slot;
}

void pw_ring_put_loaded(struct pw_ring *ring, struct pw_slot *slot)
{
    pw_ring_stall();
    (void)pthread_mutex_lock(&ring->lock);
    queue_put(&ring->loaded, slot);
    if (--ring->n_to_load == 0)
        (void)pthread_cond_broadcast(&ring->loaded.filled); /* who waits for more need not */
    else
        (void)pthread_cond_signal(&ring->loaded.filled);
    (void)pthread_mutex_unlock(&ring->lock);
}

struct pw_slot *pw_ring_take_loaded(struct pw_ring *ring)
{
    pw_ring_stall();
    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->stopped && ring->loaded.first == NULL && ring->n_to_load > 0)
        (void)pthread_cond_wait(&ring->loaded.filled, &ring->lock);
    struct pw_slot *slot = ring->stopped ? NULL : queue_take(&ring->loaded);
    (void)pthread_mutex_unlock(&ring->lock);
    return slot;
}

void pw_ring_put_done(struct pw_ring *ring, struct pw_slot *slot)
{
    pw_ring_stall();
    (void)pthread_mutex_lock(&ring->lock);
    queue_put(&ring->done, slot);
    (void)pthread_cond_signal(&ring->done.filled);
    (void)pthread_mutex_unlock(&ring->lock);
}

struct pw_slot *pw_ring_take_done(struct pw_ring *ring)
{
    pw_ring_stall();
    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->stopped && ring->done.first == NULL && ring->n_left > 0)
        (void)pthread_cond_wait(&ring->done.filled, &ring->lock);
    struct pw_slot *slot = ring->stopped ? NULL : queue_take(&ring->done);
    (void)pthread_mutex_unlock(&ring->lock);
    return slot;
}

struct pw_slot *pw_ring_take_left(struct pw_ring *ring)
{
    return queue_take(&ring->done);
}

/* The slot freed last is taken first: its memory is the warmest. */
void pw_ring_put_free(struct pw_ring *ring, struct pw_slot *slot)
{
    pw_ring_stall();
    (void)pthread_mutex_lock(&ring->lock);
    queue_put_first(&ring->free, slot);
    (void)pthread_cond_signal(&ring->free.filled);
    if (--ring->n_left == 0)
        (void)pthread_cond_broadcast(&ring->done.filled);
    (void)pthread_mutex_unlock(&ring->lock);
}

void pw_ring_fail(struct pw_ring *ring, const struct pw_error *error)
{
    (void)pthread_mutex_lock(&ring->lock);
    if (!ring->stopped)
        ring->error = *error;
    ring->stopped = 1;
    (void)pthread_cond_broadcast(&ring->free.filled);
    (void)pthread_cond_broadcast(&ring->loaded.filled);
    (void)pthread_cond_broadcast(&ring->done.filled);
    (void)pthread_mutex_unlock(&ring->lock);
}

int pw_ring_stopped(struct pw_ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    int stopped = ring->stopped;
    (void)pthread_mutex_unlock(&ring->lock);
    return stopped;
}
