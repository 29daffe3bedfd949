#include "run/run_objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "output/puller.h"
#include "run/job.h"
#include "run/measure_tiles.h"
#include "run/object_table.h"
#include "run/reshape.h"

struct pw_run_objects {
    struct pw_measure_form form;
    struct pw_object_log log;
    int in_tiles; /* measured in pass 1 */
    int in_store;
    const char *path; /* of a text table, or NULL */
    struct pw_table_place place;
    struct pw_object_about about;
    struct pw_object_table table;
    struct pw_image_channels image; /* what is measured */
    int is_segmented;               /* that is the channel which is segmented: its voxels are at hand in pass 1 */
    struct pw_puller *puller;       /* of each thread, when final labels are measured */
    uint64_t *id;                   /* of the labels of id_tile */
    uint64_t id_tile, n_ids;
};

/* ---- opening ----------------------------------------------------------- */

static enum pw_status check_path(struct pw_job *job, struct pw_run_objects *objects, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    int store_only = strcmp(options->objects, "store") == 0;
    objects->in_store = job->sink->zarr_version != 0;
    objects->path = store_only ? NULL : options->objects;
    if (store_only && !objects->in_store)
        return pw_fail(error, PW_E_ARGUMENT,
                       "--objects store: the labels go to %s, which is no zarr store; use --objects objects.csv",
                       job->sink->path);
    if (store_only)
        return PW_OK;
    if (strcmp(options->objects, "-") == 0 && options->output != NULL && strcmp(options->output, "-") == 0)
        return pw_fail(error, PW_E_ARGUMENT, "labels and objects cannot both go to standard output");
    return pw_text_table_check(options->objects, NULL, options->overwrite, error);
}

static enum pw_status choose_channels(struct pw_job *job, struct pw_run_objects *objects, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    enum pw_status status = pw_image_channels_init(&objects->image, job->source, options->time, options->n_times,
                                                   options->objects_channel, error);
    if (status != PW_OK)
        return status;
    objects->is_segmented = objects->image.n == 1 && objects->image.first == job->volume.channel[0];
    pw_measure_form_init(&objects->form, job->source->info.dtype, objects->image.n);
    return PW_OK;
}

enum pw_status pw_run_objects_open(struct pw_job *job, struct pw_error *error)
{
    if (job->options->objects == NULL)
        return PW_OK;
    struct pw_run_objects *objects = pw_alloc(1, sizeof *objects, error);
    if (objects == NULL)
        return PW_E_NOMEM;
    job->objects = objects;
    objects->id_tile = UINT64_MAX;
    /* Of the tiles that a resumed run finds done, nobody has measured the labels. */
    objects->in_tiles = job->sizes.rule.merge != PW_MERGE_WITNESS && !pw_job_reshapes(job) && !job->journal.resumes;
    enum pw_status status = choose_channels(job, objects, error);
    return status == PW_OK ? check_path(job, objects, error) : status;
}

void pw_run_objects_close(struct pw_job *job)
{
    struct pw_run_objects *objects = job->objects;
    if (objects == NULL)
        return;
    pw_object_table_close(&objects->table);
    pw_object_log_close(&objects->log);
    free(objects->id);
    free(objects->puller);
    free(objects);
    job->objects = NULL;
}

/* ---- pass 1 ------------------------------------------------------------ */

uint64_t pw_tile_objects_bytes(const struct pw_job *job)
{
    const struct pw_run_objects *objects = job->objects;
    if (objects == NULL || !objects->in_tiles)
        return 0;
    uint64_t bytes = pw_measure_memory_bytes(&objects->form, pw_measure_tiles_capacity(&objects->form, job->grid.tile));
    if (objects->is_segmented)
        return bytes;
    struct pw_box core = {.start = {0}};
    memcpy(core.shape, job->grid.tile, sizeof core.shape);
    return bytes + pw_channel_reader_memory_bytes(&objects->image, pw_box_voxels(&core));
}

static enum pw_status take_records(void *context, const uint64_t *label, const uint64_t *words, uint64_t n,
                                   struct pw_error *error)
{
    struct pw_tile_objects *own = context;
    return pw_object_log_append(&own->job->objects->log, own->tile, label, words, n, error);
}

enum pw_status pw_tile_objects_init(struct pw_tile_objects *own, struct pw_job *job, struct pw_error *error)
{
    struct pw_run_objects *objects = job->objects;
    enum pw_status status = PW_OK;
    memset(own, 0, sizeof *own);
    if (objects == NULL || !objects->in_tiles)
        return PW_OK;
    uint32_t capacity = pw_measure_tiles_capacity(&objects->form, job->grid.tile);
    if (objects->log.record_words == 0) /* the first worker's: they are made one after the other */
        status = pw_object_log_open(&objects->log, &objects->form, job->scratch_dir, error);
    if (status == PW_OK)
        status =
            pw_buffer_init(&own->memory, pw_measure_memory_bytes(&objects->form, capacity), "label measures", error);
    if (status != PW_OK)
        return status;
    own->job = job;
    pw_measure_init(&own->measure, &objects->form, capacity, own->memory.data, take_records, own);
    struct pw_box core = {.start = {0}};
    memcpy(core.shape, job->grid.tile, sizeof core.shape);
    return objects->is_segmented ? PW_OK
                                 : pw_channel_reader_init(&own->reader, &objects->image, pw_box_voxels(&core), error);
}

void pw_tile_objects_release(struct pw_tile_objects *own)
{
    pw_channel_reader_release(&own->reader);
    pw_buffer_release(&own->memory);
    memset(own, 0, sizeof *own);
}

enum pw_status pw_tile_objects_add(struct pw_tile_objects *own, const struct pw_runs *core, const struct pw_tile *tile,
                                   struct pw_error *error)
{
    struct pw_measure_block block = {.run = core->run, .row = core->row, .label = core->label};
    struct pw_measure_channel segmented = {.voxels = tile->voxels};
    const struct pw_measure_channel *channel = &segmented;
    enum pw_status status = PW_OK;
    if (own->job == NULL || core->n_runs == 0)
        return PW_OK;
    memcpy(block.shape, core->shape, sizeof block.shape);
    memcpy(block.count, core->shape, sizeof block.count);
    for (int i = 0; i < 3; i++) {
        segmented.voxels = (const unsigned char *)segmented.voxels + tile->core_start[i] * tile->stride_bytes[i];
        segmented.stride_bytes[i] = tile->stride_bytes[i];
    }
    own->tile = tile->index;
    if (own->reader.reader != NULL) {
        struct pw_box box = pw_grid_core(&own->job->grid, tile->index);
        status = pw_channel_reader_read(&own->reader, &box, error);
        channel = own->reader.channel;
    }
    if (status == PW_OK)
        status = pw_measure_block(&own->measure, &block, channel, error);
    return status == PW_OK ? pw_measure_flush(&own->measure, error) : status;
}

/* ---- final labels, while the image is read again ------------------------ */

static void limits_of_pulls(const struct pw_job *job, struct pw_record_limits *limits, uint64_t pull[3])
{
    pw_job_record_limits(job, limits);
    pw_measure_tiles_pull(&job->grid, pull);
}

static enum pw_status labels_init(void *context, unsigned thread, struct pw_tile_labels *labels, struct pw_error *error)
{
    struct pw_job *job = context;
    struct pw_puller *puller = &job->objects->puller[thread];
    struct pw_record_limits limits;
    uint64_t pull[3];
    limits_of_pulls(job, &limits, pull);
    labels->begin = NULL;
    labels->pull = pw_puller_pull;
    labels->labels = puller;
    return pw_puller_init(puller, &job->grid, &job->stage, &job->map, &limits, pull, error);
}

static void labels_release(void *context, unsigned thread)
{
    struct pw_job *job = context;
    pw_puller_release(&job->objects->puller[thread]);
}

static enum pw_status measure_again(struct pw_job *job, struct pw_error *error)
{
    struct pw_run_objects *objects = job->objects;
    struct pw_measure_tiles measure = {
        .grid = &job->grid,
        .form = &objects->form,
        .image = &objects->image,
        .log = &objects->log,
        .threads = job->sizes.threads,
        .labels_init = labels_init,
        .labels_release = labels_release,
        .context = job,
    };
    struct pw_watch watch = {job->options->progress, job->options->progress_user, PW_PASS_MEASURE, job->grid.n_tiles};
    objects->puller = pw_alloc(job->sizes.threads, sizeof *objects->puller, error);
    if (objects->puller == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_object_log_open(&objects->log, &objects->form, job->scratch_dir, error);
    return status == PW_OK ? pw_measure_tiles_run(&measure, &watch, error) : status;
}

/* ---- the table ---------------------------------------------------------- */

/* Ids of the labels that tiles were measured with. */
static enum pw_status find_ids(void *context, uint64_t tile, uint64_t *label, uint64_t n, struct pw_error *error)
{
    struct pw_job *job = context;
    struct pw_run_objects *objects = job->objects;
    uint64_t n_labels = job->map.offset[tile + 1] - job->map.offset[tile];
    enum pw_status status = PW_OK;
    if (n_labels > objects->n_ids) {
        free(objects->id);
        objects->id = pw_alloc(n_labels, sizeof *objects->id, error);
        objects->n_ids = objects->id != NULL ? n_labels : 0;
        objects->id_tile = UINT64_MAX;
        if (objects->id == NULL)
            return PW_E_NOMEM;
    }
    if (objects->id_tile != tile)
        status = pw_id_map_read(&job->map, tile, objects->id, n_labels, error);
    objects->id_tile = status == PW_OK ? tile : UINT64_MAX;
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        if (label[i] == 0 || label[i] > n_labels)
            return pw_fail(error, PW_E_INTERNAL, "object log: label %llu of tile %llu, which has %llu",
                           (unsigned long long)label[i], (unsigned long long)tile, (unsigned long long)n_labels);
        label[i] = objects->id[label[i] - 1];
    }
    return status;
}

static uint64_t ids_bytes(const struct pw_job *job)
{
    struct pw_record_limits limits;
    pw_job_record_limits(job, &limits);
    return pw_record_labels_max(&limits) * sizeof(uint64_t);
}

uint64_t pw_run_objects_bytes(const struct pw_job *job, unsigned threads)
{
    const struct pw_run_objects *objects = job->objects;
    struct pw_record_limits limits;
    uint64_t pull[3];
    if (objects == NULL)
        return 0;
    uint64_t table = pw_object_table_memory_least(&objects->form, objects->in_store);
    if (objects->in_tiles)
        return table + ids_bytes(job);
    limits_of_pulls(job, &limits, pull);
    uint64_t each = pw_measure_tiles_worker_bytes(&objects->form, &objects->image, job->grid.tile) +
                    pw_puller_memory_bytes(&limits, pull);
    return pw_max_u64(table, threads * each);
}

uint64_t pw_run_objects_scratch_bytes(const struct pw_job *job, uint64_t n_labels)
{
    if (job->objects == NULL)
        return 0;
    uint64_t record = (job->objects->form.words + 2) * sizeof(uint64_t), log = n_labels * record;
    return log <= job->sizes.table_bytes / 2 ? log : 3 * log;
}

static void describe(const struct pw_job *job, struct pw_object_about *about)
{
    *about = (struct pw_object_about){
        .form = &job->objects->form,
        .first_channel = job->objects->image.first,
        .rank = job->volume.rank,
        .with_tiles = 1,
        .with_time = job->volume.keeps_time,
        .first_time = job->volume.first_time,
    };
    about->part = pw_grid_part(&job->grid);
    memcpy(about->axis, job->volume.space, sizeof about->axis);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

enum pw_status pw_run_objects_write(struct pw_job *job, struct pw_error *error)
{
    struct pw_run_objects *objects = job->objects;
    struct pw_object_table *table;
    enum pw_status status = PW_OK;
    if (objects == NULL)
        return PW_OK;
    if (!objects->in_tiles)
        status = measure_again(job, error);
    if (status == PW_OK && objects->in_store)
        status = pw_table_place_inside(&objects->place, job->sink->build, job->sink->zarr_version, error);
    if (status != PW_OK)
        return status;
    describe(job, &objects->about);
    table = &objects->table;
    table->about = &objects->about;
    table->grid = &job->grid;
    table->log = &objects->log;
    table->ids = objects->in_tiles ? find_ids : NULL;
    table->ids_context = job;
    table->memory_bytes = job->sizes.table_bytes - (objects->in_tiles ? ids_bytes(job) : 0);
    table->scratch_dir = job->scratch_dir;
    table->path = objects->path;
    table->overwrite = job->options->overwrite;
    table->place = objects->in_store ? &objects->place : NULL;
    table->region = last_part(job->sink->path);
    table->watch =
        (struct pw_watch){job->options->progress, job->options->progress_user, PW_PASS_EMIT, job->map.n_objects};
    status = pw_object_table_write(table, error);
    if (status == PW_OK && table->place != NULL) /* listed with the label image, whose commit brings all into view */
        status = pw_table_place_commit(table->place, error);
    table->place = NULL;
    return status;
}

enum pw_status pw_run_objects_commit(struct pw_job *job, struct pw_error *error)
{
    return job->objects != NULL ? pw_object_table_commit(&job->objects->table, error) : PW_OK;
}
