/*
 * sys/turn - threads that work in any order, and do one part of it in the order of their numbers.
 *
 *     if (pw_turn_await(&turn, number, cancel)) { ... }     those before number have had their turn
 *     pw_turn_end(&turn)                                    whatever has come of it
 *
 * As numbers (of tiles, of units) are handed to threads in their order, the thread that is next never waits for another one that waits.
 */
#ifndef PW_SYS_TURN_H
#define PW_SYS_TURN_H

#include <pthread.h>
#include <stdint.h>

struct pw_turn {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next; /* under lock */
};

void pw_turn_init(struct pw_turn *turn);
void pw_turn_destroy(struct pw_turn *turn);

/* Waits until it is number's turn; returns 0 when *cancel has been raised instead.  cancel may be NULL. */
int pw_turn_await(struct pw_turn *turn, uint64_t number, const _Atomic int *cancel);

/* The turn of the next. */
void pw_turn_end(struct pw_turn *turn);

#endif
