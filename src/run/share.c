#include "run/share.h"

#include <string.h>

#include "base/error.h"

void pw_share_init(struct pw_share *share, uint64_t n)
{
    memset(share, 0, sizeof *share);
    share->n = n;
    (void)pthread_mutex_init(&share->lock, NULL);
}

void pw_share_restart(struct pw_share *share, uint64_t n)
{
    share->next = 0;
    share->n = n;
    atomic_store(&share->counters.done, 0);
}

void pw_share_release(struct pw_share *share)
{
    (void)pthread_mutex_destroy(&share->lock);
}

/* 0: none is left. */
static int take(struct pw_share *share, uint64_t *piece)
{
    (void)pthread_mutex_lock(&share->lock);
    int taken = !share->failed && share->next < share->n && !atomic_load(&share->counters.cancel);
    if (taken)
        *piece = share->next++;
    (void)pthread_mutex_unlock(&share->lock);
    return taken;
}

void pw_share_fail(struct pw_share *share, const struct pw_error *error)
{
    (void)pthread_mutex_lock(&share->lock);
    if (!share->failed)
        share->error = *error;
    share->failed = 1;
    (void)pthread_mutex_unlock(&share->lock);
}

void pw_share_each(struct pw_share *share, pw_piece_fn each, void *worker)
{
    for (uint64_t piece; take(share, &piece);) {
        struct pw_error error = {0};
        uint64_t input_bytes = 0;
        if (each(worker, piece, &input_bytes, &error) != PW_OK) {
            pw_share_fail(share, &error);
            return;
        }
        atomic_fetch_add(&share->counters.done, 1);
        atomic_fetch_add(&share->counters.input_bytes, input_bytes);
    }
}

enum pw_status pw_share_run(struct pw_share *share, unsigned threads, pw_crew_fn work, void *context,
                            const struct pw_watch *watch, struct pw_error *error)
{
    enum pw_status status = pw_crew_run(threads, work, context, &share->counters, watch, error);
    if (status == PW_OK && share->failed) {
        *error = share->error;
        return error->status;
    }
    if (status == PW_OK && atomic_load(&share->counters.cancel))
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    return status;
}
