/* The pool: who has which process, and what becomes of those that fail.  Starting one is in process_start.c. */
#include "segment/process_pool.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "segment/process_start.h"
#include "segment/process_tile.h"
#include "sys/host.h"

/* How long one may take to end after it has been asked to. */
#define LEAVE_SECONDS 5.0

/* How long one that has closed its control socket may take to become a zombie. */
#define END_SECONDS 1.0

#define SLOT_ALIGNMENT ((uint64_t)4096)

unsigned pw_pool_processes(const struct pw_run_options *options)
{
    int n = options->workers;
    if (n <= 0 && options->devices != NULL) {
        n = 1;
        for (const char *c = options->devices; *c != '\0'; c++)
            n += *c == ',';
    }
    if (n <= 0)
        n = options->threads > 0 ? options->threads : pw_host_cpus();
    return (unsigned)(n < 1024 ? n : 1024);
}

uint64_t pw_pool_memory_bytes(const struct pw_process_pool *pool)
{
    return sizeof *pool + pool->n * (sizeof(struct pw_process) + pw_link_memory_bytes());
}

static enum pw_status init_processes(struct pw_process_pool *pool, struct pw_error *error)
{
    pool->process = pw_alloc(pool->n, sizeof *pool->process, error);
    pool->log = pw_alloc(pool->n, sizeof *pool->log, error);
    if (pool->process == NULL || pool->log == NULL) {
        free(pool->process); /* nothing that could be ended */
        pool->process = NULL;
        return PW_E_NOMEM;
    }
    enum pw_status status = PW_OK;
    for (unsigned i = 0; i < pool->n; i++) {
        struct pw_process *process = &pool->process[i];
        process->index = i;
        pw_worker_process_init(&process->os);
        pw_process_log_init(&process->log, &pool->messages);
        pw_process_log_name(&process->log, pool->command.name, i);
        pool->log[i] = &process->log;
        enum pw_status made = pw_link_init(&process->link, error);
        status = status == PW_OK ? made : status;
    }
    return status == PW_OK ? pw_keeper_init(&pool->keeper, pool->log, pool->n, error) : status;
}

enum pw_status pw_pool_open(struct pw_process_pool **out, const char *specification,
                            const struct pw_run_options *options, struct pw_error *error)
{
    struct pw_process_pool *pool = pw_alloc(1, sizeof *pool, error);
    *out = pool;
    if (pool == NULL)
        return PW_E_NOMEM;
    pool->options = options;
    pool->is_npy = options->worker_npy;
    pool->n = pw_pool_processes(options);
    pool->memory.fd = -1;
    pool->hello = (struct pw_hello){.out_dtype = PW_U32, .channels = 1, .inflight = 1}; /* of those that say none */
    pool->messages = (struct pw_messages){.message = options->message, .user = options->message_user};
    (void)pthread_mutex_init(&pool->messages.lock, NULL);
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->freed, NULL);
    pw_shorten(pool->function, sizeof pool->function, specification);
    enum pw_status status = pw_process_command_init(&pool->command, specification, error);
    return status == PW_OK ? init_processes(pool, error) : status;
}

enum pw_status pw_pool_start(struct pw_process_pool *pool, const struct pw_segment_image *image, struct pw_error *error)
{
    const struct pw_run_options *options = pool->options;
    struct pw_patience patience = {
        .seconds = options->worker_start_seconds, .stop = options->stop, .stop_user = options->stop_user};
    pool->image = *image;
    enum pw_status status = pw_process_describe_image(pool, error);
    if (status == PW_OK && !pool->is_npy && pool->options->worker_shm_file)
        status = pw_rendezvous_open(&pool->rendezvous, error);
    if (status == PW_OK && !pool->is_npy) {
        char path[PW_RENDEZVOUS_PATH_BYTES];
        pw_rendezvous_path(&pool->rendezvous, "tiles", path);
        status = pw_shared_memory_open(&pool->memory, pool->rendezvous.dir[0] != '\0' ? path : NULL, error);
    }
    if (status == PW_OK)
        status = pw_process_start(pool, &pool->process[0], &patience, error);
    if (status == PW_OK)
        pool->process[0].state = PW_PROCESS_UP;
    return status;
}

/* ---- memory ------------------------------------------------------------ */

static uint64_t round_up(uint64_t bytes)
{
    return pw_ceil_div(bytes, SLOT_ALIGNMENT) * SLOT_ALIGNMENT;
}

uint64_t pw_pool_slot_bytes(uint64_t in_bytes, uint64_t out_bytes)
{
    return round_up(in_bytes) + round_up(out_bytes);
}

enum pw_status pw_pool_reserve(struct pw_process_pool *pool, unsigned n_slots, uint64_t in_bytes, uint64_t out_bytes,
                               struct pw_error *error)
{
    uint64_t bytes;
    pool->in_bytes = round_up(in_bytes);
    pool->out_bytes = round_up(out_bytes);
    if (pool->is_npy)
        return PW_OK;
    if (!pw_mul_u64(n_slots, pool->in_bytes + pool->out_bytes, &bytes))
        return pw_fail(error, PW_E_NOMEM, "tiles for workers do not fit an address space");
    return pw_shared_memory_size(&pool->memory, bytes, error);
}

/* ---- borrowing --------------------------------------------------------- */

struct pw_patience pw_pool_patience(struct pw_process_pool *pool)
{
    return (struct pw_patience){.seconds = pool->options->worker_seconds, .cancel = pool->image.source->cancel};
}

/* Nothing in it that anybody could want: idle ones first, then ones to be started, then ones with room. */
static int how_good(const struct pw_process *process, int alone, unsigned inflight)
{
    if (process->is_exclusive || process->is_reserved || (alone && process->busy > 0) || process->busy >= inflight)
        return 0;
    if (process->state == PW_PROCESS_DOWN)
        return alone ? 3 : 2;
    if (process->state != PW_PROCESS_UP)
        return 0;
    return process->busy > 0 ? 1 : alone ? 2 : 3;
}

/* own: what the caller has reserved, or NULL. */
static struct pw_process *find_best(struct pw_process_pool *pool, int alone, struct pw_process *own)
{
    struct pw_process *best = NULL;
    int best_goodness = 0;
    if (own != NULL && own->busy == 0 && own->state != PW_PROCESS_STARTING)
        return own;
    for (unsigned i = 0; i < pool->n; i++) {
        struct pw_process *process = &pool->process[i];
        int goodness = how_good(process, alone, pool->hello.inflight);
        if (goodness > best_goodness || (goodness == 1 && best_goodness == 1 && process->busy < best->busy)) {
            best = process;
            best_goodness = goodness;
        }
    }
    return best;
}

static void wait_for_one(struct pw_process_pool *pool)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_clockwait(&pool->freed, &pool->lock, CLOCK_MONOTONIC, &until);
}

/* Who wants one alone would wait for ever while others hand it tiles: the one with the fewest gets no more. */
static struct pw_process *reserve(struct pw_process_pool *pool)
{
    struct pw_process *best = NULL;
    for (unsigned i = 0; i < pool->n; i++) {
        struct pw_process *process = &pool->process[i];
        if (!process->is_reserved && !process->is_exclusive && (best == NULL || process->busy < best->busy))
            best = process;
    }
    if (best != NULL)
        best->is_reserved = 1;
    return best;
}

/* Waits for one with room; NULL when the run stops meanwhile.  The lock is held, but not while waiting. */
static struct pw_process *await_one(struct pw_process_pool *pool, int alone, const struct pw_patience *patience)
{
    struct pw_process *own = NULL, *found = NULL;
    while (!pw_patience_is_over(patience) && (found = find_best(pool, alone, own)) == NULL) {
        if (alone && own == NULL)
            own = reserve(pool);
        wait_for_one(pool);
    }
    if (own != NULL)
        own->is_reserved = 0;
    return pw_patience_is_over(patience) ? NULL : found;
}

/* One that has died while it had nothing to do is nobody's failure. */
static int has_died(const struct pw_process_pool *pool, const struct pw_process *process)
{
    return process->state == PW_PROCESS_UP && process->busy == 1 && pool->rendezvous.dir[0] == '\0' &&
           pw_worker_process_has_ended(&process->os);
}

static void stop(struct pw_process *process, double seconds, char *how, size_t how_bytes)
{
    process->link.fd = -1;
    pw_worker_process_stop(&process->os, seconds, how, how_bytes);
    pw_process_log_end(&process->log);
    pw_worker_process_close(&process->os);
}

/* Starts the process, of which the caller has the only tile.  The lock is held, but not meanwhile. */
static enum pw_status bring_up(struct pw_process_pool *pool, struct pw_process *process, struct pw_error *error)
{
    struct pw_patience patience = pw_pool_patience(pool);
    patience.seconds = pool->options->worker_start_seconds;
    process->state = PW_PROCESS_STARTING;
    (void)pthread_mutex_unlock(&pool->lock);
    stop(process, 0, NULL, 0);
    enum pw_status status = pw_process_start(pool, process, &patience, error);
    (void)pthread_mutex_lock(&pool->lock);
    process->state = status == PW_OK ? PW_PROCESS_UP : PW_PROCESS_DOWN;
    if (status != PW_OK) {
        process->busy--;
        process->is_exclusive = 0;
    }
    (void)pthread_cond_broadcast(&pool->freed);
    return status;
}

enum pw_status pw_pool_borrow(struct pw_process_pool *pool, int alone, struct pw_process **process,
                              struct pw_error *error)
{
    struct pw_patience patience = pw_pool_patience(pool);
    enum pw_status status = PW_OK;
    (void)pthread_mutex_lock(&pool->lock);
    *process = await_one(pool, alone, &patience);
    if (*process == NULL) {
        status = pw_fail(error, PW_E_CANCELLED, "stopped");
    } else {
        (*process)->busy++;
        (*process)->is_exclusive = alone;
        if (has_died(pool, *process)) {
            (*process)->state = PW_PROCESS_DOWN;
            atomic_fetch_add(&pool->n_restarts, 1);
        }
        if ((*process)->state == PW_PROCESS_DOWN)
            status = bring_up(pool, *process, error);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return status;
}

static void join(char *why, const char *how, struct pw_process_log *log)
{
    size_t n = (size_t)snprintf(why, PW_WORKER_TEXT_BYTES, "%s", how);
    pw_process_log_tail(log, why + n, PW_WORKER_TEXT_BYTES - n);
}

/* The last of its tiles is back: the process ends.  The lock is held, but not meanwhile. */
static void let_go(struct pw_process_pool *pool, struct pw_process *process, char *why)
{
    char how[80] = "";
    int is_broken = process->is_broken;
    process->state = PW_PROCESS_STARTING; /* nobody touches it */
    process->is_broken = 0;
    (void)pthread_mutex_unlock(&pool->lock);
    if (!is_broken)
        pw_link_bye(&process->link);
    int has_closed = pw_link_has_closed(&process->link);
    stop(process, is_broken ? (has_closed ? END_SECONDS : 0) : LEAVE_SECONDS, how, sizeof how);
    join(why, has_closed ? how : "", &process->log);
    (void)pthread_mutex_lock(&pool->lock);
    process->state = PW_PROCESS_DOWN;
    atomic_fetch_add(&pool->n_restarts, 1);
}

/* Until it is dead it may write where the tile is that it has not answered for. */
static void kill_now(struct pw_process_pool *pool, struct pw_process *process)
{
    process->state = PW_PROCESS_LEAVING;
    (void)pthread_mutex_unlock(&pool->lock);
    pw_worker_process_kill(&process->os, pw_link_has_closed(&process->link) ? END_SECONDS : 0);
    (void)pthread_mutex_lock(&pool->lock);
}

void pw_pool_give_back(struct pw_process_pool *pool, struct pw_process *process, enum pw_process_fate fate, char *why)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (fate == PW_PROCESS_BROKEN)
        kill_now(pool, process);
    process->is_exclusive = 0;
    process->is_broken |= fate == PW_PROCESS_BROKEN;
    if (fate != PW_PROCESS_STAYS) {
        process->state = PW_PROCESS_LEAVING;
        join(why, "", &process->log);
    }
    process->busy--;
    if (process->state == PW_PROCESS_LEAVING && process->busy == 0)
        let_go(pool, process, why != NULL ? why : (char[PW_WORKER_TEXT_BYTES]){""});
    (void)pthread_cond_broadcast(&pool->freed);
    (void)pthread_mutex_unlock(&pool->lock);
}

/* ---- the end ----------------------------------------------------------- */

enum pw_status pw_pool_end(struct pw_process_pool *pool, int is_hurried, struct pw_error *error)
{
    for (unsigned i = 0; pool->process != NULL && i < pool->n; i++) {
        pw_link_bye(&pool->process[i].link);
        pw_worker_process_end_input(&pool->process[i].os);
    }
    for (unsigned i = 0; pool->process != NULL && i < pool->n; i++) {
        struct pw_process *process = &pool->process[i];
        if (pool->is_npy && !is_hurried && process->state == PW_PROCESS_UP && pw_npy_drain(process, LEAVE_SECONDS))
            atomic_store(&pool->has_surplus, 1);
        stop(process, is_hurried || process->state != PW_PROCESS_UP ? 0 : LEAVE_SECONDS, NULL, 0);
        process->state = PW_PROCESS_DOWN;
    }
    pw_shared_memory_close(&pool->memory);
    pw_rendezvous_close(&pool->rendezvous);
    if (!atomic_load(&pool->has_surplus))
        return PW_OK;
    return pw_fail(error, PW_E_SEGMENTER,
                   "--fn %s: a worker wrote more than one frame of labels for a tile, so they may be those of another",
                   pool->function);
}

void pw_pool_close(struct pw_process_pool *pool)
{
    if (pool == NULL)
        return;
    (void)pw_pool_end(pool, 1, NULL);
    pw_keeper_destroy(&pool->keeper);
    for (unsigned i = 0; pool->process != NULL && i < pool->n; i++) {
        pw_link_destroy(&pool->process[i].link);
        pw_process_log_destroy(&pool->process[i].log);
    }
    pw_process_command_release(&pool->command);
    free(pool->process);
    free(pool->log);
    free(pool->image_text);
    free(pool->rest);
    (void)pthread_mutex_destroy(&pool->messages.lock);
    (void)pthread_mutex_destroy(&pool->lock);
    (void)pthread_cond_destroy(&pool->freed);
    free(pool);
}
