#include "sys/turn.h"

#include <stdatomic.h>
#include <time.h>

/* How long somebody waits before looking whether to stop. */
#define LOOK_UP_NS 100000000

void pw_turn_init(struct pw_turn *turn)
{
    (void)pthread_mutex_init(&turn->lock, NULL);
    (void)pthread_cond_init(&turn->changed, NULL);
    turn->next = 0;
}

void pw_turn_destroy(struct pw_turn *turn)
{
    (void)pthread_cond_destroy(&turn->changed);
    (void)pthread_mutex_destroy(&turn->lock);
}

static void wait_a_while(struct pw_turn *turn)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_UP_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_clockwait(&turn->changed, &turn->lock, CLOCK_MONOTONIC, &until);
}

int pw_turn_await(struct pw_turn *turn, uint64_t number, const _Atomic int *cancel)
{
    int is_cancelled = 0;
    (void)pthread_mutex_lock(&turn->lock);
    while (turn->next != number && !is_cancelled) {
        wait_a_while(turn);
        is_cancelled = cancel != NULL && atomic_load(cancel) != 0;
    }
    int is_mine = turn->next == number;
    (void)pthread_mutex_unlock(&turn->lock);
    return is_mine;
}

void pw_turn_end(struct pw_turn *turn)
{
    (void)pthread_mutex_lock(&turn->lock);
    turn->next++;
    (void)pthread_cond_broadcast(&turn->changed);
    (void)pthread_mutex_unlock(&turn->lock);
}
