#include "run/crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"
#include "sys/host.h"

struct crew {
    pw_crew_fn work;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t begin;
    pthread_cond_t left;
    unsigned running; /* under lock */
    int go;           /* under lock: 0 until it is known whether all could be made, then 1 or -1 */
};

struct member {
    struct crew *crew;
    pthread_t thread;
    unsigned number;
};

static void *run_member(void *argument)
{
    struct member *member = argument;
    struct crew *crew = member->crew;
    (void)pthread_mutex_lock(&crew->lock);
    while (crew->go == 0)
        (void)pthread_cond_wait(&crew->begin, &crew->lock);
    int go = crew->go;
    (void)pthread_mutex_unlock(&crew->lock);
    if (go > 0)
        crew->work(crew->context, member->number);
    (void)pthread_mutex_lock(&crew->lock);
    crew->running--;
    (void)pthread_cond_signal(&crew->left);
    (void)pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static void report(struct pw_counters *counters, const struct pw_watch *watch, double began)
{
    if (watch->progress == NULL)
        return;
    struct pw_progress progress = {
        .pass = watch->pass,
        .done = atomic_load(&counters->done),
        .total = watch->total,
        .input_bytes = atomic_load(&counters->input_bytes),
        .seconds = pw_host_seconds() - began,
    };
    if (watch->progress(&progress, watch->user) != 0)
        atomic_store(&counters->cancel, 1);
}

static void wait_and_report(struct crew *crew, struct pw_counters *counters, const struct pw_watch *watch)
{
    const long interval_ns = 100000000;
    double began = pw_host_seconds();
    report(counters, watch, began);
    (void)pthread_mutex_lock(&crew->lock);
    while (crew->running > 0) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += interval_ns;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        (void)pthread_cond_clockwait(&crew->left, &crew->lock, CLOCK_MONOTONIC, &until);
        (void)pthread_mutex_unlock(&crew->lock);
        report(counters, watch, began);
        (void)pthread_mutex_lock(&crew->lock);
    }
    (void)pthread_mutex_unlock(&crew->lock);
    report(counters, watch, began);
}

/* Members that wait for one that was never made would wait for ever: none works until all are there. */
static void release_members(struct crew *crew, unsigned started, int go)
{
    (void)pthread_mutex_lock(&crew->lock);
    crew->running = started;
    crew->go = go;
    (void)pthread_cond_broadcast(&crew->begin);
    (void)pthread_mutex_unlock(&crew->lock);
}

enum pw_status pw_crew_run(unsigned n, pw_crew_fn work, void *context, struct pw_counters *counters,
                           const struct pw_watch *watch, struct pw_error *error)
{
    struct crew crew = {.work = work, .context = context};
    enum pw_status status = PW_OK;
    unsigned started = 0;
    struct member *member = pw_alloc(n, sizeof *member, error);
    if (member == NULL)
        return PW_E_NOMEM;
    (void)pthread_mutex_init(&crew.lock, NULL);
    (void)pthread_cond_init(&crew.begin, NULL);
    (void)pthread_cond_init(&crew.left, NULL);
    for (; started < n && status == PW_OK; started += status == PW_OK) {
        member[started].crew = &crew;
        member[started].number = started;
        int result = pthread_create(&member[started].thread, NULL, run_member, &member[started]);
        if (result != 0)
            status = pw_fail_errno(error, PW_E_NOMEM, result, "cannot start thread %u of %u", started + 1, n);
    }
    release_members(&crew, started, status == PW_OK ? 1 : -1);
    if (status == PW_OK)
        wait_and_report(&crew, counters, watch);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(member[i].thread, NULL);
    (void)pthread_cond_destroy(&crew.left);
    (void)pthread_cond_destroy(&crew.begin);
    (void)pthread_mutex_destroy(&crew.lock);
    free(member);
    return status;
}
