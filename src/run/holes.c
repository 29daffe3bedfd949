#include "run/holes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "ext/sorter.h"
#include "merge/record_reader.h"
#include "merge/seams.h"
#include "run/background.h"
#include "run/share.h"

/* What a region touches: the least and the greatest object; none is least > greatest. */
struct touch {
    uint64_t least, greatest;
};

static const struct pw_rule by_faces = {.merge = PW_MERGE_TOUCH, .connectivity = 1};

static void combine_touch(uint64_t *into, const uint64_t *from, void *context)
{
    (void)context;
    into[1] = pw_min_u64(into[1], from[1]);
    into[2] = pw_max_u64(into[2], from[2]);
}

struct pass {
    struct pw_job *job;
    struct pw_record_limits limits;
    struct pw_share share; /* of tiles */
    pthread_mutex_t lock;  /* of all below */
    struct pw_stage stage;
    struct pw_edge_file edges;
    struct pw_seams seams;
    struct pw_sorter touches; /* tile, region, least, greatest */
};

struct worker {
    struct pass *pass;
    struct pw_background background;
    struct pw_buffer memory;
    struct touch *touch;
    void *scratch;
    unsigned char *record;
};

/* ---- sizes ------------------------------------------------------------- */

static uint64_t arrays_bytes(const struct pw_grid *grid)
{
    uint64_t runs = pw_runs_capacity(grid->tile, 0);
    struct pw_record_limits limits;
    pw_record_limits_of_cores(grid, 0, &limits);
    return pw_padded(runs * sizeof(struct touch)) + pw_padded(pw_record_scratch_bytes(runs)) +
           pw_padded(pw_record_bytes_max(&limits));
}

uint64_t pw_holes_memory_bytes(const struct pw_job *job)
{
    struct pw_record_limits limits;
    pw_record_limits_of_cores(&job->grid, 0, &limits);
    return job->sizes.threads * (pw_background_bytes(job) + arrays_bytes(&job->grid)) +
           pw_stage_memory_bytes(job->grid.n_tiles) + pw_id_map_memory_bytes(job->grid.n_tiles) +
           pw_edge_file_memory_bytes() + pw_seams_memory_bytes(&job->grid, &limits, &by_faces);
}

/* ---- what regions touch ------------------------------------------------ */

static void touch(struct touch *touch, uint64_t object)
{
    touch->least = pw_min_u64(touch->least, object);
    touch->greatest = pw_max_u64(touch->greatest, object);
}

/* Runs of a row of the core beside those of row r of the window; they touch where they share a column. */
static void touch_row(struct worker *worker, uint64_t core_row, uint64_t r)
{
    const struct pw_background *b = &worker->background;
    uint64_t left = b->core.start[2] - b->window.start[2], at = b->objects.row[r], end = b->objects.row[r + 1];
    for (uint64_t i = b->regions.row[core_row]; i < b->regions.row[core_row + 1]; i++) {
        uint64_t start = b->regions.run[i].start + left, stop = b->regions.run[i].end + left;
        while (at < end && b->objects.run[at].end <= start)
            at++;
        for (uint64_t k = at; k < end && b->objects.run[k].start < stop; k++)
            touch(&worker->touch[b->regions.label[i] - 1], b->objects.value[k]);
    }
}

/* In its own row a region's run touches the runs that end where it starts and start where it ends. */
static void touch_ends(struct worker *worker, uint64_t core_row, uint64_t r)
{
    const struct pw_background *b = &worker->background;
    uint64_t left = b->core.start[2] - b->window.start[2], at = b->objects.row[r], end = b->objects.row[r + 1];
    for (uint64_t i = b->regions.row[core_row]; i < b->regions.row[core_row + 1]; i++) {
        uint64_t start = b->regions.run[i].start + left, stop = b->regions.run[i].end + left;
        struct touch *of = &worker->touch[b->regions.label[i] - 1];
        while (at < end && b->objects.run[at].end < start)
            at++;
        if (at < end && b->objects.run[at].end == start)
            touch(of, b->objects.value[at++]);
        if (at < end && b->objects.run[at].start == stop)
            touch(of, b->objects.value[at]);
    }
}

static void touch_tile(struct worker *worker)
{
    const struct pw_background *b = &worker->background;
    uint64_t up = b->core.start[0] - b->window.start[0], over = b->core.start[1] - b->window.start[1];
    for (uint32_t i = 0; i < b->regions.n_labels; i++)
        worker->touch[i] = (struct touch){UINT64_MAX, 0};
    for (uint64_t core_row = 0; core_row < b->core.shape[0] * b->core.shape[1]; core_row++) {
        uint64_t z = core_row / b->core.shape[1] + up, y = core_row % b->core.shape[1] + over;
        uint64_t r = z * b->window.shape[1] + y;
        touch_ends(worker, core_row, r);
        if (y > 0)
            touch_row(worker, core_row, r - 1);
        if (y + 1 < b->window.shape[1])
            touch_row(worker, core_row, r + 1);
        if (z > 0)
            touch_row(worker, core_row, r - b->window.shape[1]);
        if (z + 1 < b->window.shape[0])
            touch_row(worker, core_row, r + b->window.shape[1]);
    }
}

/* ---- the regions of every core ----------------------------------------- */

static enum pw_status worker_init(struct worker *worker, struct pass *pass, struct pw_error *error)
{
    const struct pw_grid *grid = &pass->job->grid;
    uint64_t runs = pw_runs_capacity(grid->tile, 0);
    memset(worker, 0, sizeof *worker);
    worker->pass = pass;
    enum pw_status status = pw_buffer_init(&worker->memory, arrays_bytes(grid), "regions of a tile", error);
    if (status != PW_OK)
        return status;
    worker->touch = worker->memory.data;
    worker->scratch = (unsigned char *)worker->memory.data + pw_padded(runs * sizeof(struct touch));
    worker->record = (unsigned char *)worker->scratch + pw_padded(pw_record_scratch_bytes(runs));
    return pw_background_init(&worker->background, pass->job, error);
}

static enum pw_status commit(struct worker *worker, uint64_t tile, struct pw_error *error)
{
    struct pass *pass = worker->pass;
    (void)pthread_mutex_lock(&pass->lock);
    enum pw_status status = pw_stage_append(&pass->stage, worker->record, error);
    if (status == PW_OK)
        status = pw_seams_match(&pass->seams, worker->record, error);
    for (uint32_t i = 0; i < worker->background.regions.n_labels && status == PW_OK; i++) {
        uint64_t record[4] = {tile, i, worker->touch[i].least, worker->touch[i].greatest};
        status = pw_sorter_add(&pass->touches, record, error);
    }
    (void)pthread_mutex_unlock(&pass->lock);
    return status;
}

static enum pw_status look_at_tile(void *context, uint64_t tile, uint64_t *input_bytes, struct pw_error *error)
{
    static const uint64_t no_rim[3] = {0, 0, 0};
    struct worker *worker = context;
    struct pw_box core = pw_grid_core(&worker->pass->job->grid, tile);
    const struct pw_runs *regions = &worker->background.regions;
    int has_neighbour[PW_FACES];
    (void)input_bytes; /* of the stage alone */
    enum pw_status status = pw_background_look(&worker->background, &core, error);
    if (status != PW_OK)
        return status;
    touch_tile(worker);
    pw_seams_faces(&worker->pass->job->grid, tile, has_neighbour);
    (void)pw_record_encode(tile, regions, regions, no_rim, has_neighbour, worker->scratch, worker->record);
    return commit(worker, tile, error);
}

static void work(void *context, unsigned member)
{
    struct pass *pass = context;
    struct worker worker;
    struct pw_error error = {0};
    (void)member;
    enum pw_status status = worker_init(&worker, pass, &error);
    if (status == PW_OK)
        pw_share_each(&pass->share, look_at_tile, &worker);
    else
        pw_share_fail(&pass->share, &error);
    pw_background_release(&worker.background);
    pw_buffer_release(&worker.memory);
}

static enum pw_status find_regions(struct pass *pass, struct pw_error *error)
{
    struct pw_job *job = pass->job;
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_RESOLVE, job->grid.n_tiles};
    enum pw_status status = pw_share_run(&pass->share, job->sizes.threads, work, pass, &watch, error);
    return status == PW_OK ? pw_edge_file_flush(&pass->edges, error) : status;
}

/* ---- whose holes they are ---------------------------------------------- */

/* From what the parts of regions touch, tile by tile, to what regions touch, by their number. */
static enum pw_status join_touches(struct pass *pass, const struct pw_id_map *map, struct pw_sorter *joined,
                                   struct pw_error *error)
{
    uint64_t part[4], tile = UINT64_MAX;
    uint64_t *number = pw_alloc(pw_max_u64(pw_stage_most_labels(&pass->stage), 1), sizeof *number, error);
    enum pw_status status = number != NULL ? pw_sorter_finish(&pass->touches, error) : PW_E_NOMEM;
    while (status == PW_OK) {
        status = pw_sorter_next(&pass->touches, part, error);
        if (status == PW_OK && part[0] != tile) {
            tile = part[0];
            status = pw_id_map_read(map, tile, number, map->offset[tile + 1] - map->offset[tile], error);
        }
        if (status != PW_OK || number[part[1]] == 0)
            continue;
        uint64_t whole[3] = {number[part[1]], part[2], part[3]};
        status = pw_sorter_add(joined, whole, error);
    }
    free(number);
    return status == PW_EMPTY ? pw_sorter_finish(joined, error) : status;
}

/* The owner of every region, in the order of their numbers, which have no gaps. */
static enum pw_status write_owners(struct pw_sorter *joined, struct pw_scratch *owner, struct pw_error *error)
{
    uint64_t block[512], whole[3], n = 0, at = 0;
    enum pw_status status = PW_OK;
    while (status == PW_OK) {
        status = pw_sorter_next(joined, whole, error);
        if (status == PW_OK)
            block[n++] = whole[1] == whole[2] ? whole[1] : 0;
        if (n == sizeof block / sizeof block[0] || (status == PW_EMPTY && n > 0)) {
            enum pw_status written =
                pw_file_write(owner->fd, block, (size_t)n * sizeof block[0], at, owner->name, error);
            status = written == PW_OK ? status : written;
            at += n * sizeof block[0];
            n = 0;
        }
    }
    return status == PW_EMPTY ? PW_OK : status;
}

static enum pw_status find_owners(struct pass *pass, struct pw_holes *holes, struct pw_error *error)
{
    static const struct pw_sorter_form form = {.words = 3, .key_words = 1, .combine = combine_touch};
    struct pw_sorter joined = {0};
    const char *scratch_dir = pass->job->scratch_dir;
    enum pw_status status = pw_sorter_init(&joined, &form, pass->job->sizes.resolve_bytes / 2, scratch_dir, error);
    if (status == PW_OK)
        status = join_touches(pass, &holes->map, &joined, error);
    if (status == PW_OK)
        status = pw_scratch_open(&holes->owner, scratch_dir, "holes of objects", error);
    if (status == PW_OK)
        status = write_owners(&joined, &holes->owner, error);
    pw_sorter_destroy(&joined);
    return status;
}

enum pw_status pw_holes_read(const struct pw_holes *holes, uint64_t tile, uint64_t *owner, uint64_t n,
                             struct pw_error *error)
{
    uint64_t known = 0, known_owner = 0;
    enum pw_status status = pw_id_map_read(&holes->map, tile, owner, n, error);
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        if (owner[i] != 0 && owner[i] != known) {
            known = owner[i];
            status = pw_file_read_exactly(holes->owner.fd, &known_owner, sizeof known_owner,
                                          (known - 1) * sizeof known_owner, holes->owner.name, error);
        }
        owner[i] = owner[i] != 0 ? known_owner : 0;
    }
    return status;
}

/* ---- all of it --------------------------------------------------------- */

static enum pw_status resolve(struct pass *pass, struct pw_holes *holes, struct pw_error *error)
{
    static const struct pw_object_filter inside = {.drop_border = 1};
    struct pw_job *job = pass->job;
    const struct pw_resolve_watch watch = {job->options->progress, job->options->progress_user};
    return pw_resolve(&job->grid, &pass->stage, &pass->edges, &by_faces, &inside, &watch, job->sizes.resolve_bytes / 2,
                      job->scratch_dir, &holes->map, error);
}

enum pw_status pw_holes_find(struct pw_job *job, struct pw_holes *holes, struct pw_error *error)
{
    static const struct pw_sorter_form form = {.words = 4, .key_words = 2};
    struct pass pass = {.job = job, .stage = {.file.fd = -1}, .edges = {.file.fd = -1}};
    *holes = (struct pw_holes){.map.file.fd = -1, .owner.fd = -1};
    pw_record_limits_of_cores(&job->grid, 0, &pass.limits);
    (void)pthread_mutex_init(&pass.lock, NULL);
    pw_share_init(&pass.share, job->grid.n_tiles);
    enum pw_status status = pw_sorter_init(&pass.touches, &form, job->sizes.resolve_bytes / 2, job->scratch_dir, error);
    if (status == PW_OK)
        status = pw_stage_open(&pass.stage, job->scratch_dir, job->grid.n_tiles, error);
    if (status == PW_OK)
        status = pw_edge_file_open(&pass.edges, job->scratch_dir, PW_FAMILY_TOUCH, error);
    if (status == PW_OK)
        status = pw_seams_init(&pass.seams, &job->grid, &pass.limits, &pass.stage, &by_faces, &pass.edges, error);
    if (status == PW_OK)
        status = find_regions(&pass, error);
    if (status == PW_OK)
        status = resolve(&pass, holes, error);
    if (status == PW_OK)
        status = find_owners(&pass, holes, error);
    pw_seams_release(&pass.seams);
    pw_sorter_destroy(&pass.touches);
    pw_edge_file_close(&pass.edges);
    pw_stage_close(&pass.stage);
    (void)pthread_mutex_destroy(&pass.lock);
    pw_share_release(&pass.share);
    return status;
}

void pw_holes_release(struct pw_holes *holes)
{
    pw_id_map_release(&holes->map);
    pw_scratch_close(&holes->owner);
}
