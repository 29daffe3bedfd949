/*
 * segment/process_pool - worker processes, started when they are needed and replaced when they fail.
 *
 *     pw_pool_open(&pool, specification, options, error)
 *     pw_pool_start(pool, image, error)                 the first process; pool->hello says what it can do
 *     pw_pool_reserve(pool, n_slots, ...)               shared memory for n_slots tiles
 *     from any thread, for each tile:
 *         pw_pool_borrow(...), pw_link_call() or the like, pw_pool_give_back(...)
 *     pw_pool_end(pool, 0, error)                       lets all processes go and gives the memory back
 *     pw_pool_close(pool)
 *
 * A process serves as many tiles at a time as it has said it can; a tile that is tried again has one for itself, so that
 * what fails then is the tile's own doing.
 *
 * Memory: pw_pool_memory_bytes() and the shared memory.  Threads: as above.
 */
#ifndef PW_SEGMENT_PROCESS_POOL_H
#define PW_SEGMENT_PROCESS_POOL_H

#include "segment/process_command.h"
#include "segment/process_keeper.h"
#include "segment/process_link.h"
#include "segment/process_log.h"
#include "store/source.h"
#include "sys/rendezvous.h"
#include "sys/shared_memory.h"

enum {
    PW_WORKER_TEXT_BYTES = 900 /* why something failed, with the last lines of a worker */
};

/* What is segmented. */
struct pw_segment_image {
    struct pw_source *source; /* for its cancel flag */
    uint64_t shape[3];        /* z y x */
    int rank;
    enum pw_dtype dtype;
    uint64_t channels; /* of the image */
    double voxel[3];
    const char *unit;
};

enum pw_process_state {
    PW_PROCESS_DOWN = 0,
    PW_PROCESS_STARTING,
    PW_PROCESS_UP,
    PW_PROCESS_LEAVING /* nobody gets it any more; who gives it back last stops it */
};

struct pw_process {
    unsigned index;
    struct pw_worker_process os;
    struct pw_process_log log;
    struct pw_process_link link;
    /* under the pool's lock */
    enum pw_process_state state;
    unsigned busy; /* tiles that it has */
    int is_exclusive;
    int is_reserved; /* it gets no more tiles: a tile waits to have it alone */
    int is_broken;   /* it is not to be asked politely to end */
};

struct pw_process_pool {
    const struct pw_run_options *options; /* of the caller, as long as the pool */
    char function[256];                   /* the specification, for messages */
    struct pw_process_command command;
    struct pw_segment_image image;
    char *image_text; /* PW_IMAGE */
    char *rest;       /* of each tile's message */
    int is_npy;       /* frames over pipes */
    unsigned n;
    struct pw_process *process;  /* n */
    struct pw_process_log **log; /* theirs */
    struct pw_messages messages;
    struct pw_process_keeper keeper;
    struct pw_rendezvous rendezvous;
    struct pw_shared_memory memory;
    uint64_t in_bytes, out_bytes; /* of a slot */
    enum pw_dtype in_dtype;       /* that workers are given */
    _Atomic unsigned n_desks;     /* slots that have been given to threads */
    struct pw_hello hello;        /* of the first process; all others have to be alike */
    int has_hello;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    _Atomic uint64_t next_id;    /* of messages */
    _Atomic uint64_t n_restarts; /* processes that took the place of one that failed */
    _Atomic int has_surplus;     /* bytes have come from a worker that belong to no tile */
};

/* How a process is given back. */
enum pw_process_fate {
    PW_PROCESS_STAYS,
    PW_PROCESS_GOES,  /* it can still be asked to end */
    PW_PROCESS_BROKEN /* it cannot, or has ended */
};

enum pw_status pw_pool_open(struct pw_process_pool **pool, const char *specification,
                            const struct pw_run_options *options, struct pw_error *error);
void pw_pool_close(struct pw_process_pool *pool); /* NULL is allowed */

/* How many processes a run with options has. */
unsigned pw_pool_processes(const struct pw_run_options *options);

uint64_t pw_pool_memory_bytes(const struct pw_process_pool *pool);

/* Errors: PW_E_SEGMENTER: it does not start; the message has the command and the last lines that it wrote. */
enum pw_status pw_pool_start(struct pw_process_pool *pool, const struct pw_segment_image *image,
                             struct pw_error *error);

/* Bytes of shared memory of a slot. */
uint64_t pw_pool_slot_bytes(uint64_t in_bytes, uint64_t out_bytes);

enum pw_status pw_pool_reserve(struct pw_process_pool *pool, unsigned n_slots, uint64_t in_bytes, uint64_t out_bytes,
                               struct pw_error *error);

/*
 * In a hurry nobody gets time to end by himself.  Errors: PW_E_SEGMENTER, when a worker has written more than the labels
 * of its tiles: then it is not certain whose they were.
 */
enum pw_status pw_pool_end(struct pw_process_pool *pool, int is_hurried, struct pw_error *error);

/* Patience for one answer. */
struct pw_patience pw_pool_patience(struct pw_process_pool *pool);

/*
 * Waits for a process that has room, and starts it when it is down; alone: for one that has nothing else, and gets nothing
 * else.  Errors: PW_E_CANCELLED; PW_E_SEGMENTER when it cannot be started.
 */
enum pw_status pw_pool_borrow(struct pw_process_pool *pool, int alone, struct pw_process **process,
                              struct pw_error *error);

/*
 * Gives it back.  A broken one is dead before this returns, whoever else has it: the tile's place in the shared memory is
 * free for another worker.  Unless it stays, why gets what became of it and its last lines (PW_WORKER_TEXT_BYTES).
 */
void pw_pool_give_back(struct pw_process_pool *pool, struct pw_process *process, enum pw_process_fate fate, char *why);

#endif
