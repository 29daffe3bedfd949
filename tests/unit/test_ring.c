#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tile/ring.h"

/* Threads that sleep at every hand-over, so that what could go wrong does. */
enum {
    WORKERS = 5,
    DEPTH = 4,
    TILES = 400
};

struct play {
    struct pw_ring ring;
    atomic_int held[DEPTH];   /* threads that hold a slot: never two */
    atomic_int worked[TILES]; /* how often each tile was worked on */
    atomic_int committed[TILES];
    uint64_t fail_at;    /* tile whose worker fails; TILES: none */
    atomic_int returned; /* threads that have come back */
};

static void make(struct play *play, uint64_t fail_at)
{
    struct pw_load_plan plan = {.window_bytes = 64};
    struct pw_error error = {0};
    memset(play, 0, sizeof *play);
    play->fail_at = fail_at;
    (void)setenv("PW_STALL", "1", 1);
    cr_assert(pw_ring_init(&play->ring, DEPTH, TILES, &plan, 0, &error) == PW_OK, "%s", error.message);
}

static void hold(struct play *play, const struct pw_slot *slot)
{
    cr_assert(atomic_fetch_add(&play->held[slot - play->ring.slot], 1) == 0, "a slot in two hands");
}

static void let_go(struct play *play, const struct pw_slot *slot)
{
    atomic_fetch_sub(&play->held[slot - play->ring.slot], 1);
}

static void *read_tiles(void *argument)
{
    struct play *play = argument;
    struct pw_slot *slot;
    for (uint64_t tile = 0; tile < TILES && (slot = pw_ring_take_free(&play->ring, 1)) != NULL; tile++) {
        hold(play, slot);
        slot->tile = tile;
        let_go(play, slot);
        pw_ring_put_loaded(&play->ring, slot);
    }
    atomic_fetch_add(&play->returned, 1);
    return NULL;
}

static void *work(void *argument)
{
    struct play *play = argument;
    struct pw_slot *slot;
    uint64_t last = 0;
    while ((slot = pw_ring_take_loaded(&play->ring)) != NULL) {
        hold(play, slot);
        cr_assert(slot->tile >= last, "tiles are handed out in their order");
        last = slot->tile;
        atomic_fetch_add(&play->worked[slot->tile], 1);
        if (slot->tile == play->fail_at) {
            struct pw_error error = {0};
            (void)pw_fail(&error, PW_E_SEGMENTER, "tile %llu", (unsigned long long)slot->tile);
            pw_ring_fail(&play->ring, &error);
        }
        let_go(play, slot);
        pw_ring_put_done(&play->ring, slot);
    }
    atomic_fetch_add(&play->returned, 1);
    return NULL;
}

static void *commit(void *argument)
{
    struct play *play = argument;
    struct pw_slot *slot;
    while ((slot = pw_ring_take_done(&play->ring)) != NULL) {
        hold(play, slot);
        atomic_fetch_add(&play->committed[slot->tile], 1);
        let_go(play, slot);
        pw_ring_put_free(&play->ring, slot);
    }
    atomic_fetch_add(&play->returned, 1);
    return NULL;
}

static void run(struct play *play)
{
    pthread_t thread[WORKERS + 2];
    cr_assert(pthread_create(&thread[0], NULL, read_tiles, play) == 0);
    cr_assert(pthread_create(&thread[1], NULL, commit, play) == 0);
    for (int i = 0; i < WORKERS; i++)
        cr_assert(pthread_create(&thread[2 + i], NULL, work, play) == 0);
    for (int i = 0; i < WORKERS + 2; i++)
        cr_assert(pthread_join(thread[i], NULL) == 0);
}

Test(ring, hands_every_tile_on_once, .timeout = 60)
{
    static struct play play;
    make(&play, TILES);
    run(&play);
    for (int t = 0; t < TILES; t++)
        cr_assert(play.worked[t] == 1 && play.committed[t] == 1, "tile %d", t);
    cr_assert(!pw_ring_stopped(&play.ring));
    pw_ring_destroy(&play.ring);
}

Test(ring, a_failure_sends_everybody_home, .timeout = 60)
{
    static struct play play;
    make(&play, 150);
    run(&play);
    cr_assert(pw_ring_stopped(&play.ring));
    cr_assert(play.ring.error.status == PW_E_SEGMENTER && strcmp(play.ring.error.message, "tile 150") == 0);
    for (int t = 0; t < TILES; t++)
        cr_assert(play.worked[t] <= 1 && play.committed[t] <= play.worked[t]);
    cr_assert(play.worked[TILES - 1] == 0);
    pw_ring_destroy(&play.ring);
}

/* All of them blocked: the reader has no free slot, the workers and the committer nothing to take. */
Test(ring, a_failure_wakes_who_waits, .timeout = 60)
{
    static struct play play;
    struct pw_slot *slot[DEPTH];
    struct pw_error error = {0};
    pthread_t thread[4];
    make(&play, TILES);
    for (int i = 0; i < DEPTH; i++)
        cr_assert((slot[i] = pw_ring_take_free(&play.ring, 1)) != NULL);
    cr_assert(pw_ring_take_free(&play.ring, 0) == NULL, "without waiting there is none");
    cr_assert(pthread_create(&thread[0], NULL, read_tiles, &play) == 0);
    cr_assert(pthread_create(&thread[1], NULL, commit, &play) == 0);
    cr_assert(pthread_create(&thread[2], NULL, work, &play) == 0);
    cr_assert(pthread_create(&thread[3], NULL, work, &play) == 0);
    for (int i = 0; i < 20; i++)
        pw_ring_stall();
    cr_assert(play.returned == 0);
    (void)pw_fail(&error, PW_E_IO, "first");
    pw_ring_fail(&play.ring, &error);
    (void)pw_fail(&error, PW_E_IO, "second");
    pw_ring_fail(&play.ring, &error);
    for (int i = 0; i < 4; i++)
        cr_assert(pthread_join(thread[i], NULL) == 0);
    cr_assert(strcmp(play.ring.error.message, "first") == 0, "the first failure is the one reported");
    cr_assert(pw_ring_take_free(&play.ring, 1) == NULL && pw_ring_take_loaded(&play.ring) == NULL);
    pw_ring_destroy(&play.ring);
}

Test(ring, destroying_a_zeroed_one_is_safe)
{
    struct pw_ring ring = {0};
    pw_ring_destroy(&ring);
    pw_ring_destroy(&ring);
    cr_assert(ring.slot == NULL);
}
