#include "segment/process_keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

static void start_wanted(struct pw_process_keeper *keeper)
{
    while (keeper->wanted != NULL) {
        struct pw_start_request *request = keeper->wanted;
        keeper->wanted = request->next;
        request->status = pw_worker_process_start(request->process, request->start, request->error);
        request->is_done = 1;
        (void)pthread_cond_broadcast(&keeper->started);
    }
}

static void listen_to_logs(struct pw_process_keeper *keeper)
{
    uint64_t count;
    for (unsigned i = 0; i < keeper->n; i++)
        keeper->poll[i] = (struct pollfd){.fd = pw_process_log_fd(keeper->log[i]), .events = POLLIN};
    keeper->poll[keeper->n] = (struct pollfd){.fd = keeper->wake, .events = POLLIN};
    if (poll(keeper->poll, keeper->n + 1, -1) <= 0)
        return;
    for (unsigned i = 0; i < keeper->n; i++)
        if (keeper->poll[i].revents != 0)
            pw_process_log_pump(keeper->log[i]);
    if (keeper->poll[keeper->n].revents != 0)
        (void)!read(keeper->wake, &count, sizeof count);
}

static void *keep(void *argument)
{
    struct pw_process_keeper *keeper = argument;
    for (;;) {
        (void)pthread_mutex_lock(&keeper->lock);
        start_wanted(keeper);
        int ends = keeper->ends;
        (void)pthread_mutex_unlock(&keeper->lock);
        if (ends)
            return NULL;
        listen_to_logs(keeper);
    }
}

/* Signals are for threads of the program. */
static int start_thread(struct pw_process_keeper *keeper)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&keeper->thread, NULL, keep, keeper);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    keeper->is_running = failed == 0;
    return failed;
}

enum pw_status pw_keeper_init(struct pw_process_keeper *keeper, struct pw_process_log **log, unsigned n,
                              struct pw_error *error)
{
    memset(keeper, 0, sizeof *keeper);
    keeper->log = log;
    keeper->n = n;
    (void)pthread_mutex_init(&keeper->lock, NULL);
    (void)pthread_cond_init(&keeper->started, NULL);
    keeper->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (keeper->wake < 0)
        return pw_fail_errno(error, PW_E_NOMEM, errno, "cannot watch worker processes");
    keeper->poll = pw_alloc(n + 1, sizeof *keeper->poll, error);
    if (keeper->poll == NULL)
        return PW_E_NOMEM;
    int failed = start_thread(keeper);
    return failed == 0 ? PW_OK : pw_fail_errno(error, PW_E_NOMEM, failed, "cannot start a thread for worker processes");
}

void pw_keeper_destroy(struct pw_process_keeper *keeper)
{
    if (keeper->is_running) {
        (void)pthread_mutex_lock(&keeper->lock);
        keeper->ends = 1;
        (void)pthread_mutex_unlock(&keeper->lock);
        pw_keeper_wake(keeper);
        (void)pthread_join(keeper->thread, NULL);
    }
    if (keeper->log != NULL && keeper->wake >= 0)
        (void)close(keeper->wake);
    free(keeper->poll);
    memset(keeper, 0, sizeof *keeper);
}

enum pw_status pw_keeper_start(struct pw_process_keeper *keeper, struct pw_worker_process *process,
                               const struct pw_worker_start *start, struct pw_error *error)
{
    struct pw_start_request request = {.process = process, .start = start, .error = error};
    (void)pthread_mutex_lock(&keeper->lock);
    request.next = keeper->wanted;
    keeper->wanted = &request;
    pw_keeper_wake(keeper);
    while (!request.is_done)
        (void)pthread_cond_wait(&keeper->started, &keeper->lock);
    (void)pthread_mutex_unlock(&keeper->lock);
    return request.status;
}

void pw_keeper_wake(struct pw_process_keeper *keeper)
{
    uint64_t one = 1;
    (void)!write(keeper->wake, &one, sizeof one);
}
