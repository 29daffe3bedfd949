#include "segment/process_tile.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "label/convert.h"
#include "segment/process_labels.h"
#include "segment/process_pool.h"
#include "sys/host.h"

/* A tile for which there is no memory just now is tried this often with one worker, with pauses that double. */
#define OOM_TRIES 8
#define OOM_PAUSE_FIRST 0.25
#define OOM_PAUSE_MOST 8.0

/* The window's voxels, one channel after the other, side by side, of the type that the worker asks for. */
static void copy_in(const struct pw_tile *tile, enum pw_dtype dtype, void *out)
{
    char *next = out;
    size_t row = (size_t)tile->shape[2] * pw_dtype_bytes(dtype);
    for (uint32_t c = 0; c < tile->n_channels; c++)
        for (uint64_t z = 0; z < tile->shape[0]; z++)
            for (uint64_t y = 0; y < tile->shape[1]; y++, next += row)
                pw_convert(tile->dtype,
                           (const char *)tile->voxels + c * tile->channel_stride_bytes + z * tile->stride_bytes[0] +
                               y * tile->stride_bytes[1],
                           dtype, next, (size_t)tile->shape[2]);
}

/* ---- one call ---------------------------------------------------------- */

static enum pw_outcome check_shape(struct pw_attempt *a, const struct pw_answer *answer)
{
    const uint64_t *got = answer->shape, *wanted = a->tile->shape;
    if (!answer->has_shape || memcmp(got, wanted, sizeof answer->shape) == 0)
        return PW_TILE_DONE;
    (void)snprintf(a->why, sizeof a->why,
                   "it gave labels of %" PRIu64 " x %" PRIu64 " x %" PRIu64 " for a window of %" PRIu64 " x %" PRIu64
                   " x %" PRIu64,
                   got[0], got[1], got[2], wanted[0], wanted[1], wanted[2]);
    return PW_TILE_REFUSED;
}

static enum pw_outcome ended(struct pw_attempt *a, const struct pw_process *process, enum pw_link_end end)
{
    if (end == PW_LINK_CANCELLED)
        return PW_TILE_CANCELLED;
    /* Of one that has ended, how is told when it has been given back. */
    (void)snprintf(a->why, sizeof a->why, "%s", end == PW_LINK_CLOSED ? "" : process->link.why);
    return PW_TILE_BROKEN;
}

static enum pw_outcome call(struct pw_attempt *a, struct pw_process *process)
{
    struct pw_process_pool *pool = a->pool;
    struct pw_patience patience = pw_pool_patience(pool);
    struct pw_shared_array in = {.offset = a->desk->in_offset, .dtype = pool->in_dtype};
    struct pw_shared_array out = {.offset = a->desk->out_offset, .dtype = pool->hello.out_dtype};
    uint64_t id = atomic_fetch_add(&pool->next_id, 1);
    struct pw_answer answer;
    in.channels = pool->hello.channels != 1 ? a->tile->n_channels : 0;
    memcpy(in.shape, a->tile->shape, sizeof in.shape);
    memcpy(out.shape, a->tile->shape, sizeof out.shape);
    size_t n = pw_tile_message(a->desk->line, sizeof a->desk->line, id, a->tile, &in, &out, pool->rest);
    if (n == 0) {
        (void)snprintf(a->why, sizeof a->why, "what it is to be told does not fit into %d bytes", PW_WORKER_LINE_BYTES);
        return PW_TILE_REFUSED;
    }
    enum pw_link_end end = pw_link_call(&process->link, id, a->desk->line, n, &patience, &answer);
    if (end != PW_LINK_GOOD)
        return ended(a, process, end);
    a->labels = out.dtype;
    if (answer.kind == PW_ANSWER_OK)
        return check_shape(a, &answer);
    (void)snprintf(a->why, sizeof a->why, "%s", answer.text);
    return answer.kind == PW_ANSWER_OOM     ? PW_TILE_NO_MEMORY
           : answer.kind == PW_ANSWER_WRONG ? PW_TILE_REFUSED
                                            : PW_TILE_FAILED;
}

static enum pw_outcome exchange(struct pw_attempt *a, struct pw_process *process)
{
    return a->pool->is_npy ? pw_npy_exchange(a, process) : call(a, process);
}

/* Sleeps, unless the run stops meanwhile, or somebody else finds the worker broken and waits for it to be given back. */
static void pause_for(struct pw_process_pool *pool, struct pw_process *process, double seconds)
{
    const struct timespec step = {0, 20000000};
    struct pw_patience patience = pw_pool_patience(pool);
    double until = pw_host_seconds() + seconds;
    while (pw_host_seconds() < until && !pw_patience_is_over(&patience) && pw_link_is_good(&process->link))
        (void)nanosleep(&step, NULL);
}

/* Another process on the device may give memory back: the tile waits, and the worker keeps what it has loaded. */
static enum pw_outcome exchange_patiently(struct pw_attempt *a, struct pw_process *process)
{
    double pause = OOM_PAUSE_FIRST;
    for (int i = 1;; i++) {
        enum pw_outcome outcome = exchange(a, process);
        if (outcome != PW_TILE_NO_MEMORY)
            return outcome;
        if (i == OOM_TRIES)
            return PW_TILE_FAILED;
        pw_messages_say(&a->pool->messages, "%s: tile %" PRIu64 ": out of memory, again in %g s: %.300s",
                        process->log.name, a->tile->index, pause, a->why);
        pause_for(a->pool, process, pause);
        pause = 2 * pause < OOM_PAUSE_MOST ? 2 * pause : OOM_PAUSE_MOST;
    }
}

/* ---- attempts ---------------------------------------------------------- */

static enum pw_process_fate fate_of(const struct pw_attempt *a, enum pw_outcome outcome)
{
    switch (outcome) {
    case PW_TILE_FAILED: return PW_PROCESS_GOES;
    case PW_TILE_BROKEN:
    case PW_TILE_CANCELLED: return PW_PROCESS_BROKEN;
    case PW_TILE_REFUSED: /* in the middle of a frame nothing else can be said */
        return a->pool->is_npy ? PW_PROCESS_BROKEN : PW_PROCESS_STAYS;
    default: return PW_PROCESS_STAYS;
    }
}

/* Borrows a worker, gives it the tile, and gives the worker back; a->why is complete. */
static enum pw_outcome try_once(struct pw_attempt *a, int alone, struct pw_error *error)
{
    struct pw_process *process;
    char rest[PW_WORKER_TEXT_BYTES] = "";
    enum pw_status borrowed = pw_pool_borrow(a->pool, alone, &process, error);
    if (borrowed != PW_OK)
        return borrowed == PW_E_CANCELLED ? PW_TILE_CANCELLED : PW_TILE_ALONE;
    a->why[0] = '\0';
    enum pw_outcome outcome = exchange_patiently(a, process);
    pw_pool_give_back(a->pool, process, fate_of(a, outcome), rest);
    size_t n = strlen(a->why);
    if (outcome == PW_TILE_BROKEN || n == 0) /* one that gives its reason has no need of more words */
        (void)snprintf(a->why + n, sizeof a->why - n, "%s", n == 0 && rest[0] == '\0' ? "the worker ended" : rest);
    if (outcome == PW_TILE_CANCELLED)
        (void)pw_fail(error, PW_E_CANCELLED, "stopped");
    return outcome;
}

static enum pw_status refuse(struct pw_attempt *a, struct pw_error *error)
{
    const uint64_t *at = a->tile->origin;
    return pw_fail(error, PW_E_SEGMENTER, "--fn %s: tile %" PRIu64 " at (%" PRIu64 ", %" PRIu64 ", %" PRIu64 "): %s",
                   a->pool->function, a->tile->index, at[0], at[1], at[2], a->why);
}

/* A first failure is not held against the tile: the worker may have been killed, or may have run wild. */
static enum pw_outcome try_again(struct pw_attempt *a, struct pw_error *error)
{
    enum pw_outcome outcome = try_once(a, 0, error);
    if (outcome != PW_TILE_FAILED && outcome != PW_TILE_BROKEN)
        return outcome;
    pw_messages_say(&a->pool->messages, "tile %" PRIu64 ": %s; it is tried again by a fresh worker", a->tile->index,
                    a->why);
    return try_once(a, 1, error);
}

static void leave_empty(const struct pw_tile *tile, struct pw_runs *runs)
{
    memcpy(runs->shape, tile->shape, sizeof runs->shape);
    memset(runs->row, 0, (size_t)(tile->shape[0] * tile->shape[1] + 1) * sizeof *runs->row);
    runs->n_runs = 0;
    runs->n_labels = 0;
}

/* It failed for good, and why says so: the run does, or has the tile empty. */
static enum pw_status give_up(struct pw_attempt *a, struct pw_runs *runs, const struct pw_error *why,
                              struct pw_error *error)
{
    if (a->pool->options->on_error_zero) {
        leave_empty(a->tile, runs);
        pw_messages_say(&a->pool->messages, "%s; tile %" PRIu64 " is left empty", why->message, a->tile->index);
        return PW_OK;
    }
    if (error != NULL)
        *error = *why;
    return why->status;
}

enum pw_status pw_process_tile(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                               const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    struct pw_attempt attempt = {.pool = segmenter->workers, .tile = tile, .desk = worker->state};
    struct pw_error why = {0};
    worker->gave_up = 0;
    copy_in(tile, attempt.pool->in_dtype, attempt.desk->in);
    enum pw_outcome outcome = try_again(&attempt, &why);
    if (outcome == PW_TILE_DONE) {
        if (pw_process_labels(attempt.desk->out, attempt.labels, tile, runs, attempt.desk->labels, &why) == PW_OK)
            return PW_OK;
        (void)snprintf(attempt.why, sizeof attempt.why, "%s", why.message);
    }
    if (outcome == PW_TILE_CANCELLED) {
        if (error != NULL)
            *error = why;
        return why.status;
    }
    if (outcome != PW_TILE_ALONE)
        (void)refuse(&attempt, &why);
    enum pw_status status = give_up(&attempt, runs, &why, error);
    worker->gave_up = status == PW_OK;
    return status;
}
