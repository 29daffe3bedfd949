#include "run/pass_pairs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "run/crew.h"
#include "run/scratch_place.h"
#include "sys/host.h"

/* Below this the sorters' runs become absurdly short. */
#define REST_LEAST ((uint64_t)1 << 20)

/* ---- opening ----------------------------------------------------------- */

static enum pw_status plan(struct pw_pairs_pass *pass, struct pw_error *error)
{
    const struct pw_pairs_request *request = &pass->request;
    uint64_t budget = pw_host_budget_bytes(request->memory_bytes);
    int threads = request->threads > 0 ? request->threads : pw_host_cpus();
    pass->threads = (unsigned)(threads < 1024 ? threads : 1024);
    if (budget < 2 * REST_LEAST)
        return pw_fail(error, PW_E_BUDGET, "--memory of %llu KiB is too small; give 2M or more",
                       (unsigned long long)(budget >> 10));
    /* Half for reading, so that the other half can sort; more only where not even the smallest tile is content. */
    pass->tally_bytes = budget / 16 / pass->threads;
    uint64_t tallies = pass->threads * pw_pair_tally_memory_bytes(pass->tally_bytes, &pass->pair);
    uint64_t beside = tallies + REST_LEAST;
    enum pw_status status = PW_E_BUDGET;
    if (beside < budget / 2)
        status = pw_label_pair_plan(&pass->pair, budget / 2 - tallies, pass->threads, beside, NULL);
    if (status == PW_E_BUDGET)
        status = pw_label_pair_plan(&pass->pair, budget - pw_min_u64(beside, budget), pass->threads, beside, error);
    if (status != PW_OK)
        return status;
    uint64_t used = tallies + pass->threads * pass->pair.reader_bytes;
    pass->rest_bytes = (budget - used) / 2;
    return pw_pair_sums_init(&pass->sums, request->wants_size, pass->rest_bytes, pass->scratch_dir, error);
}

enum pw_status pw_pairs_open(struct pw_pairs_pass *pass, const struct pw_pairs_request *request, struct pw_error *error)
{
    memset(pass, 0, sizeof *pass);
    pass->request = *request;
    enum pw_status status =
        pw_scratch_choose(pass->request.scratch_dir, NULL, pass->scratch_dir, sizeof pass->scratch_dir, error);
    if (status == PW_OK)
        status = pw_label_pair_open(&pass->pair, request->input, pass->scratch_dir, error);
    if (status == PW_OK)
        status = plan(pass, error);
    if (status != PW_OK)
        pw_pairs_close(pass);
    return status;
}

void pw_pairs_close(struct pw_pairs_pass *pass)
{
    pw_pair_sums_destroy(&pass->sums);
    pw_label_pair_close(&pass->pair);
}

/* ---- running ----------------------------------------------------------- */

struct member {
    struct pw_pair_reader reader;
    struct pw_pair_tally tally;
};

struct state {
    struct pw_pairs_pass *pass;
    struct member *member;
    struct pw_counters counters;
    _Atomic uint64_t next; /* tile */
    _Atomic int stop;
    pthread_mutex_t lock;
    /* under lock */
    struct pw_error error; /* the first */
};

static enum pw_status take(void *context, const struct pw_label_overlap *overlap, uint64_t n, struct pw_error *error)
{
    struct state *s = context;
    (void)pthread_mutex_lock(&s->lock);
    enum pw_status status = pw_pair_sums_take(&s->pass->sums, overlap, n, error);
    (void)pthread_mutex_unlock(&s->lock);
    return status;
}

/* Begins the next tile; *begun 0 when there is none. */
static enum pw_status begin_next(struct state *s, struct member *m, int *begun, struct pw_error *error)
{
    uint64_t tile = atomic_fetch_add(&s->next, 1);
    *begun = tile < s->pass->pair.grid.n_tiles;
    return *begun ? pw_pair_reader_begin(&m->reader, tile, error) : PW_OK;
}

static enum pw_status count_tiles(struct state *s, struct member *m, struct pw_error *error)
{
    int here, more = 0;
    enum pw_status status = begin_next(s, m, &here, error);
    for (; status == PW_OK && here && !atomic_load(&s->stop); here = more) {
        struct pw_pair_view view;
        status = begin_next(s, m, &more, error);
        if (status == PW_OK)
            status = pw_pair_reader_take(&m->reader, &view, error);
        if (status != PW_OK)
            break;
        status = pw_pair_tally_add(&m->tally, &view, error);
        pw_pair_reader_done(&m->reader);
    }
    return status == PW_OK ? pw_pair_tally_flush(&m->tally, error) : status;
}

static void work(void *context, unsigned number)
{
    struct state *s = context;
    struct pw_error error = {0};
    if (count_tiles(s, &s->member[number], &error) == PW_OK)
        return;
    (void)pthread_mutex_lock(&s->lock);
    if (!atomic_exchange(&s->stop, 1))
        s->error = error;
    (void)pthread_mutex_unlock(&s->lock);
}

static enum pw_status init_members(struct state *s, struct pw_error *error)
{
    struct pw_pairs_pass *pass = s->pass;
    struct pw_pair_settings settings = {.pair = &pass->pair, .take = take, .context = s};
    memcpy(settings.cell, pass->request.cell, sizeof settings.cell);
    enum pw_status status = PW_OK;
    for (unsigned i = 0; i < pass->threads && status == PW_OK; i++) {
        status = pw_pair_reader_init(&s->member[i].reader, &pass->pair, error);
        if (status == PW_OK)
            status = pw_pair_tally_init(&s->member[i].tally, pass->tally_bytes, &settings, error);
    }
    return status;
}

/* What the tallies hold beside their tables, and the voxels that are background in both, which were not given to take. */
static enum pw_status gather(struct state *s, struct pw_error *error)
{
    struct pw_pairs_pass *pass = s->pass;
    struct pw_label_overlap background = {0};
    pass->voxels = pw_grid_voxels(&pass->pair.grid);
    pass->different = 0;
    pass->first_different = UINT64_MAX;
    for (unsigned i = 0; i < pass->threads; i++) {
        const struct pw_pair_tally *tally = &s->member[i].tally;
        background.voxels += tally->background;
        pass->different += tally->different;
        pass->first_different = pw_min_u64(pass->first_different, tally->first_different);
    }
    enum pw_status status = background.voxels > 0 ? pw_pair_sums_take(&pass->sums, &background, 1, error) : PW_OK;
    return status == PW_OK ? pw_pair_sums_finish(&pass->sums, error) : status;
}

enum pw_status pw_pairs_run(struct pw_pairs_pass *pass, struct pw_error *error)
{
    struct state s = {.pass = pass};
    static const struct pw_watch nobody;
    s.member = pw_alloc(pass->threads, sizeof *s.member, error);
    if (s.member == NULL)
        return PW_E_NOMEM;
    (void)pthread_mutex_init(&s.lock, NULL);
    enum pw_status status = init_members(&s, error);
    if (status == PW_OK)
        status = pw_crew_run(pass->threads, work, &s, &s.counters, &nobody, error);
    if (status == PW_OK && atomic_load(&s.stop)) {
        *error = s.error;
        status = s.error.status;
    }
    if (status == PW_OK)
        status = gather(&s, error);
    for (unsigned i = 0; i < pass->threads; i++) {
        pw_pair_reader_destroy(&s.member[i].reader);
        pw_pair_tally_destroy(&s.member[i].tally);
    }
    free(s.member);
    (void)pthread_mutex_destroy(&s.lock);
    return status;
}
