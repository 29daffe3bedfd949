#include "run/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct state {
    const struct pw_pipeline *pipeline;
    struct pw_loader loader;
    struct pw_ring ring;
    struct pw_load_scratch *scratch; /* one for each worker */
    struct pw_counters counters;
    int commit_failed; /* the committer's */
    _Atomic uint64_t stored_read;
};

/* ---- the three roles --------------------------------------------------- */

static int is_cancelled(struct state *s)
{
    if (!atomic_load(&s->counters.cancel))
        return 0;
    struct pw_error error = {0};
    (void)pw_fail(&error, PW_E_CANCELLED, "stopped");
    pw_ring_fail(&s->ring, &error);
    return 1;
}

/* Whoever still works on a tile, or waits for an earlier one, may ask whether to go on. */
static void fail(struct state *s, const struct pw_error *error)
{
    pw_ring_fail(&s->ring, error);
    atomic_store(&s->counters.cancel, 1);
}

/* Slots whose reads are under way, in tile order. */
struct filling {
    struct pw_slot *first, **last;
};

static void push(struct filling *filling, struct pw_slot *slot)
{
    slot->next = NULL;
    *filling->last = slot;
    filling->last = &slot->next;
}

static struct pw_slot *pop_loaded(struct filling *filling)
{
    struct pw_slot *slot = filling->first;
    if (slot == NULL || slot->pending > 0)
        return NULL;
    filling->first = slot->next;
    if (filling->first == NULL)
        filling->last = &filling->first;
    return slot;
}

static int begin(struct state *s, struct filling *filling, struct pw_slot *slot, uint64_t tile)
{
    struct pw_error error = {0};
    enum pw_status status = pw_loader_begin(&s->loader, slot, tile, &error);
    push(filling, slot);
    if (status != PW_OK)
        fail(s, &error);
    return status == PW_OK;
}

/* Begins tile *next, and moves *next to the one after it that comes. */
static int begin_next(struct state *s, struct filling *filling, struct pw_slot *slot, uint64_t *next)
{
    uint64_t tile = *next;
    *next = pw_tile_set_next(s->pipeline->tiles, tile + 1);
    return begin(s, filling, slot, tile);
}

/* Tiles are handed on in their order, as the chunk cache needs it. */
static void reader(struct state *s)
{
    struct filling filling = {NULL, &filling.first};
    uint64_t next = pw_tile_set_next(s->pipeline->tiles, 0), n = s->pipeline->grid->n_tiles;
    while (!is_cancelled(s) && (next < n || filling.first != NULL)) {
        struct pw_slot *slot = next < n ? pw_ring_take_free(&s->ring, filling.first == NULL) : NULL;
        if (slot != NULL && !begin_next(s, &filling, slot, &next))
            break;
        for (struct pw_slot *loaded; (loaded = pop_loaded(&filling)) != NULL;)
            pw_ring_put_loaded(&s->ring, loaded);
        if (slot == NULL && filling.first != NULL)
            (void)pw_loader_reap(&s->loader);
        if (pw_ring_stopped(&s->ring))
            break;
    }
    while (pw_loader_reap(&s->loader)) /* nothing may still be written into a slot when this thread ends */
        continue;
}

static enum pw_status work_on(struct state *s, unsigned worker, struct pw_slot *slot, struct pw_error *error)
{
    enum pw_status status = pw_loader_finish(&s->loader, slot, &s->scratch[worker], error);
    atomic_fetch_add(&s->stored_read, slot->stored_read);
    if (status == PW_OK)
        status = s->pipeline->work(s->pipeline->context, worker, slot, error);
    pw_loader_release(&s->loader, slot);
    return status;
}

static enum pw_status commit(struct state *s, struct pw_slot *slot, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (s->pipeline->commit != NULL)
        status = s->pipeline->commit(s->pipeline->context, slot, error);
    atomic_fetch_add(&s->counters.input_bytes, pw_box_voxels(&slot->window) * s->pipeline->volume->voxel_bytes);
    atomic_fetch_add(&s->counters.done, 1);
    return status;
}

static int enter(struct state *s, unsigned number)
{
    struct pw_error error = {0};
    if (s->pipeline->enter == NULL || s->pipeline->enter(s->pipeline->context, number, &error) == PW_OK)
        return 1;
    fail(s, &error);
    return 0;
}

static void leave(struct state *s, unsigned number)
{
    if (s->pipeline->leave != NULL)
        s->pipeline->leave(s->pipeline->context, number);
}

static void worker(struct state *s, unsigned number)
{
    struct pw_slot *slot;
    int entered = enter(s, number);
    while (entered && (slot = pw_ring_take_loaded(&s->ring)) != NULL) {
        struct pw_error error = {0};
        if (work_on(s, number, slot, &error) != PW_OK)
            fail(s, &error);
        pw_ring_put_done(&s->ring, slot);
    }
    leave(s, number);
}

static void committer(struct state *s)
{
    struct pw_slot *slot;
    while ((slot = pw_ring_take_done(&s->ring)) != NULL) {
        struct pw_error error = {0};
        if (commit(s, slot, &error) != PW_OK) {
            s->commit_failed = 1;
            pw_ring_fail(&s->ring, &error);
        }
        pw_ring_put_free(&s->ring, slot);
    }
}

/*
 * What workers had finished when another failed, or all were told to stop: it is committed too, so that a run that
 * goes on later need not do it again.  No thread is at work any more.
 */
static void commit_left(struct state *s)
{
    struct pw_error ignored = {0};
    struct pw_slot *slot;
    if (s->pipeline->commit == NULL || s->commit_failed)
        return;
    while ((slot = pw_ring_take_left(&s->ring)) != NULL)
        if (slot->record_bytes > 0 && commit(s, slot, &ignored) != PW_OK)
            return;
}

/* One thread in all roles: as many reads as there are free slots are under way while a tile is worked on. */
static void everything(struct state *s)
{
    struct filling filling = {NULL, &filling.first};
    uint64_t next = pw_tile_set_next(s->pipeline->tiles, 0), n = s->pipeline->grid->n_tiles;
    int entered = enter(s, 0);
    while (entered && !is_cancelled(s) && (next < n || filling.first != NULL)) {
        struct pw_error error = {0};
        struct pw_slot *slot;
        while (next < n && (slot = pw_ring_take_free(&s->ring, 0)) != NULL)
            if (!begin_next(s, &filling, slot, &next))
                goto out;
        while ((slot = pop_loaded(&filling)) == NULL)
            (void)pw_loader_reap(&s->loader);
        if (work_on(s, 0, slot, &error) != PW_OK || commit(s, slot, &error) != PW_OK) {
            pw_ring_fail(&s->ring, &error);
            break;
        }
        pw_ring_put_free(&s->ring, slot);
    }
out:
    while (pw_loader_reap(&s->loader))
        continue;
    leave(s, 0);
}

static void play(void *context, unsigned member)
{
    struct state *s = context;
    if (s->pipeline->threads == 1)
        everything(s);
    else if (member == s->pipeline->threads)
        reader(s);
    else if (member == s->pipeline->threads + 1)
        committer(s);
    else
        worker(s, member);
}

/* ---- setting up -------------------------------------------------------- */

static enum pw_status init(struct state *s, struct pw_error *error)
{
    const struct pw_pipeline *p = s->pipeline;
    uint64_t n_tiles = p->tiles != NULL ? p->tiles->n_left : p->grid->n_tiles;
    enum pw_status status = pw_loader_init(&s->loader, p->volume, p->grid, &p->load, error);
    if (status == PW_OK)
        status = pw_ring_init(&s->ring, p->depth, n_tiles, &p->load, p->least_slot_bytes, error);
    if (status != PW_OK)
        return status;
    s->scratch = pw_alloc(p->threads, sizeof *s->scratch, error);
    if (s->scratch == NULL)
        return PW_E_NOMEM;
    for (unsigned i = 0; i < p->threads && status == PW_OK; i++)
        status = pw_load_scratch_init(&s->scratch[i], &s->loader, error);
    return status;
}

static void destroy(struct state *s)
{
    for (unsigned i = 0; s->scratch != NULL && i < s->pipeline->threads; i++)
        pw_load_scratch_destroy(&s->scratch[i], &s->loader);
    free(s->scratch);
    for (uint32_t i = 0; s->ring.slot != NULL && i < s->ring.depth; i++)
        for (uint32_t k = 0; s->ring.slot[i].use != NULL && k < s->ring.slot[i].n_uses; k++)
            pw_io_done(s->loader.io,
                       &s->ring.slot[i].use[k].read); /* lent mappings of tiles that were never worked on */
    pw_ring_destroy(&s->ring);
    if (s->loader.io != NULL)
        pw_loader_destroy(&s->loader);
}

enum pw_status pw_pipeline_run(const struct pw_pipeline *pipeline, const struct pw_watch *watch, uint64_t *stored_read,
                               struct pw_error *error)
{
    struct state s = {.pipeline = pipeline};
    struct pw_source *source = pipeline->volume->source;
    enum pw_status status = init(&s, error);
    source->cancel = &s.counters.cancel;
    if (status == PW_OK) {
        unsigned members = pipeline->threads == 1 ? 1 : pipeline->threads + 2;
        status = pw_crew_run(members, play, &s, &s.counters, watch, error);
        *stored_read = atomic_load(&s.stored_read);
        if (status == PW_OK && s.ring.stopped) {
            commit_left(&s);
            *error = s.ring.error;
            status = error->status;
        }
    }
    source->cancel = NULL;
    destroy(&s);
    return status;
}
