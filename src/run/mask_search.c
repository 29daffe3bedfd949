/* Which tiles lie outside the mask, by all threads, before any is read. */
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "run/mask_tiles.h"
#include "run/share.h"

struct search {
    struct pw_job *job;
    struct pw_share share; /* of all tiles; those that are not in the set are passed over */
    pw_take_outside_fn take;
    void *context;
    struct pw_mask_reader *reader; /* of each thread */
    pthread_mutex_t lock;
    const struct pw_tile_set *tiles; /* under lock: take() changes it */
};

struct worker {
    struct search *search;
    struct pw_mask_reader *reader;
};

static int is_wanted(struct search *search, uint64_t tile)
{
    (void)pthread_mutex_lock(&search->lock);
    int wanted = pw_tile_set_has(search->tiles, tile);
    (void)pthread_mutex_unlock(&search->lock);
    return wanted;
}

static enum pw_status take(struct search *search, uint64_t tile, struct pw_error *error)
{
    unsigned char record[PW_RECORD_HEADER_BYTES];
    (void)pw_job_encode_empty(search->job, tile, PW_RECORD_OUTSIDE, record);
    (void)pthread_mutex_lock(&search->lock);
    enum pw_status status = search->take(search->context, record, tile, error);
    (void)pthread_mutex_unlock(&search->lock);
    return status;
}

static enum pw_status look_at_tile(void *context, uint64_t tile, uint64_t *input_bytes, struct pw_error *error)
{
    struct worker *worker = context;
    struct pw_box core = pw_grid_core(&worker->search->job->grid, tile);
    int inside = 1;
    (void)input_bytes; /* of the mask, not of the image */
    if (!is_wanted(worker->search, tile))
        return PW_OK;
    enum pw_status status = pw_mask_reader_begin(worker->reader, &core, error);
    if (status == PW_OK)
        status = pw_mask_reader_any(worker->reader, &inside, error);
    return status == PW_OK && !inside ? take(worker->search, tile, error) : status;
}

static void work(void *context, unsigned member)
{
    struct search *search = context;
    struct worker worker = {search, &search->reader[member]};
    struct pw_error error = {0};
    if (pw_mask_reader_init(worker.reader, &search->job->mask, search->job->grid.tile, &error) == PW_OK)
        pw_share_each(&search->share, look_at_tile, &worker);
    else
        pw_share_fail(&search->share, &error);
    pw_mask_reader_release(worker.reader);
}

uint64_t pw_mask_search_bytes(const struct pw_job *job)
{
    if (job->mask.source == NULL)
        return 0;
    return job->sizes.threads * (sizeof(struct pw_mask_reader) + pw_mask_reader_bytes(&job->mask, job->grid.tile));
}

enum pw_status pw_mask_find_outside(struct pw_job *job, const struct pw_tile_set *tiles, pw_take_outside_fn take_tile,
                                    void *context, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    struct pw_watch watch = {options->progress, options->progress_user, PW_PASS_MEASURE, job->grid.n_tiles};
    struct search search = {.job = job, .tiles = tiles, .take = take_tile, .context = context};
    if (job->mask.source == NULL)
        return PW_OK;
    enum pw_status status = pw_mask_prepare(&job->mask, error);
    if (status != PW_OK)
        return status;
    search.reader = pw_alloc(job->sizes.threads, sizeof *search.reader, error);
    if (search.reader == NULL)
        return PW_E_NOMEM;
    (void)pthread_mutex_init(&search.lock, NULL);
    pw_share_init(&search.share, job->grid.n_tiles);
    status = pw_share_run(&search.share, job->sizes.threads, work, &search, &watch, error);
    pw_share_release(&search.share);
    (void)pthread_mutex_destroy(&search.lock);
    free(search.reader);
    return status;
}
