/* pw_measure(): the objects of a stored label volume as a table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "run/measure_tiles.h"
#include "run/object_table.h"
#include "run/scratch_place.h"
#include "sys/file.h"
#include "sys/host.h"
#include "table/stored_labels.h"

#define MIB ((uint64_t)1 << 20)

/* A tile of this many voxels is large enough; fewer than the least save nothing. */
#define TILE_VOXELS ((uint64_t)2 << 20)
#define TILE_VOXELS_LEAST ((uint64_t)4096)

struct job {
    const struct pw_measure_options *options;
    struct pw_source *label_source, *image_source;
    struct pw_volume labels;
    struct pw_image_channels image;
    struct pw_measure_form form;
    struct pw_grid grid;
    unsigned threads;
    uint64_t budget_bytes, planned_bytes;
    char scratch_dir[4096];
    struct pw_stored_labels *reader; /* of each thread */
    struct pw_object_log log;
    struct pw_table_place place; /* in the store of the labels */
    int in_store;
    char region[PW_NAME_MAX];
};

void pw_measure_options_init(struct pw_measure_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->channel = -1;
    options->time = -1;
}

/* ---- opening ----------------------------------------------------------- */

/* The table goes into the store of the labels. */
static int is_store(const struct pw_measure_options *options)
{
    return strcmp(options->output, "store") == 0;
}

static enum pw_status choose_scratch(struct job *job, struct pw_error *error)
{
    const struct pw_measure_options *options = job->options;
    int beside_labels = is_store(options) && strcmp(options->output, "-") != 0;
    return pw_scratch_choose(options->scratch_dir, beside_labels ? options->labels : options->output, job->scratch_dir,
                             sizeof job->scratch_dir, error);
}

/* The choice of time applies to whichever of the two has several time points. */
static int has_times(const struct pw_source *source)
{
    int has_time = 0;
    for (int a = 0; a < source->info.rank; a++)
        has_time |= source->info.axis[a].kind == 't' && source->info.shape[a] > 1;
    return has_time;
}

static enum pw_status open_labels(struct job *job, struct pw_error *error)
{
    const struct pw_measure_options *options = job->options;
    enum pw_status status =
        pw_source_open(options->labels, &options->labels_open, job->scratch_dir, &job->label_source, error);
    if (status != PW_OK)
        return status;
    enum pw_dtype dtype = job->label_source->info.dtype;
    if (!pw_dtype_is_integer(dtype))
        return pw_fail(error, PW_E_ARGUMENT, "%s: has %s voxels, and labels are integers", options->labels,
                       pw_dtype_name(dtype));
    int choose = has_times(job->label_source);
    return pw_volume_init_times(&job->labels, job->label_source, choose ? options->time : -1,
                                choose ? options->n_times : 0, -1, error);
}

static enum pw_status open_image(struct job *job, struct pw_error *error)
{
    const struct pw_measure_options *options = job->options;
    pw_measure_form_init(&job->form, PW_DTYPE_NONE, 0);
    if (options->image == NULL)
        return options->channel < 0 ? PW_OK
                                    : pw_fail(error, PW_E_ARGUMENT, "a channel was chosen, and there is no image");
    enum pw_status status =
        pw_source_open(options->image, &options->image_open, job->scratch_dir, &job->image_source, error);
    if (status != PW_OK)
        return status;
    int choose = has_times(job->image_source);
    status = pw_image_channels_init(&job->image, job->image_source, choose ? options->time : -1,
                                    choose ? options->n_times : 0, options->channel, error);
    if (status != PW_OK)
        return status;
    const uint64_t *a = job->labels.shape, *b = job->image.volume.shape;
    if (job->image.volume.times != job->labels.times && job->image.volume.times != 1)
        return pw_fail(error, PW_E_ARGUMENT, "%s has %llu time points and %s %llu; choose as many of both with --time",
                       options->labels, (unsigned long long)job->labels.times, options->image,
                       (unsigned long long)job->image.volume.times);
    if (memcmp(a, b, sizeof job->labels.shape) != 0)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s has %llux%llux%llu voxels (z,y,x) and %s %llux%llux%llu; they must have one shape",
                       options->labels, (unsigned long long)a[0], (unsigned long long)a[1], (unsigned long long)a[2],
                       options->image, (unsigned long long)b[0], (unsigned long long)b[1], (unsigned long long)b[2]);
    pw_measure_form_init(&job->form, job->image_source->info.dtype, job->image.n);
    return PW_OK;
}

static int both_are_standard_input(const struct pw_measure_options *options)
{
    return options->image != NULL && strcmp(options->labels, "-") == 0 && strcmp(options->image, "-") == 0;
}

static enum pw_status check(const struct pw_measure_options *options, struct pw_error *error)
{
    if (options->struct_size != sizeof *options)
        return pw_fail(error, PW_E_ARGUMENT,
                       "struct pw_measure_options of %zu bytes, this library has %zu: call pw_measure_options_init()",
                       options->struct_size, sizeof *options);
    if (options->labels == NULL || options->output == NULL)
        return pw_fail(error, PW_E_ARGUMENT, options->labels == NULL ? "no labels" : "no output table; use -o");
    if (both_are_standard_input(options))
        return pw_fail(error, PW_E_ARGUMENT, "labels and image cannot both come from standard input");
    return is_store(options) ? PW_OK : pw_text_table_check(options->output, options->format, options->overwrite, error);
}

/* The label image that the array which was opened belongs to: its group is the directory above. */
static enum pw_status find_place(struct job *job, struct pw_error *error)
{
    const struct pw_image_info *info = &job->label_source->info;
    char group[4096];
    if (!is_store(job->options))
        return PW_OK;
    if (info->ngff_version[0] == '\0')
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: no label image of an OME-Zarr store, so no table can be put into it; use -o objects.csv",
                       job->options->labels);
    pw_file_parent(info->path, group, sizeof group);
    const char *slash = strrchr(group, '/');
    (void)snprintf(job->region, sizeof job->region, "%.255s", slash != NULL ? slash + 1 : group);
    job->in_store = 1;
    return pw_table_place_init(&job->place, group, strcmp(info->format, "zarr3") == 0 ? 3 : 2, job->options->overwrite,
                               error);
}

static enum pw_status keep_inputs(const struct job *job, struct pw_error *error)
{
    enum pw_status status = pw_source_keep(job->label_source, job->options->output, error);
    return status == PW_OK ? pw_source_keep(job->image_source, job->options->output, error) : status;
}

/* ---- planning ---------------------------------------------------------- */

static uint64_t voxels_of(const uint64_t shape[3])
{
    uint64_t n;
    return pw_product_u64(shape, 3, &n) ? n : UINT64_MAX;
}

static uint64_t pass_bytes(const struct job *job, const uint64_t tile[3])
{
    uint64_t each = pw_measure_tiles_worker_bytes(&job->form, job->image_source != NULL ? &job->image : NULL, tile);
    each += pw_stored_labels_memory_bytes(&job->labels, voxels_of(tile), PW_MEASURE_PULL_VOXELS);
    return each > UINT64_MAX / 2048 ? UINT64_MAX / 2 : each * job->threads;
}

/* Whole chunks of the volume that costs most to decode, doubled along the shortest axis until they are worth while. */
static void suggest_tile(const struct job *job, uint64_t tile[3])
{
    const struct pw_volume *volume = job->image_source != NULL ? &job->image.volume : &job->labels;
    for (int i = 0; i < 3; i++)
        tile[i] = pw_min_u64(volume->chunk[i], volume->shape[i]);
    for (;;) {
        int best = -1;
        for (int i = 0; i < 3; i++)
            if (tile[i] < volume->shape[i] && (best < 0 || tile[i] < tile[best]))
                best = i;
        if (best < 0 || voxels_of(tile) >= TILE_VOXELS)
            return;
        tile[best] = pw_min_u64(2 * tile[best], volume->shape[best]);
    }
}

static int shrink(const struct job *job, uint64_t tile[3])
{
    const struct pw_volume *volume = job->image_source != NULL ? &job->image.volume : &job->labels;
    int best = 0;
    if (voxels_of(tile) <= TILE_VOXELS_LEAST)
        return 0;
    for (int i = 1; i < 3; i++)
        if (tile[i] > tile[best])
            best = i;
    uint64_t chunk = volume->chunk[best], half = tile[best] / 2;
    tile[best] = half > chunk ? pw_ceil_div(half, chunk) * chunk : pw_max_u64(half, 1);
    return 1;
}

static enum pw_status fit(struct job *job, uint64_t tile[3], int may_shrink, struct pw_error *error)
{
    uint64_t first[3], wanted_threads = job->threads;
    memcpy(first, tile, sizeof first);
    uint64_t wanted = pass_bytes(job, tile);
    while (voxels_of(tile) > UINT32_MAX || pass_bytes(job, tile) > job->budget_bytes) {
        if (may_shrink && shrink(job, tile))
            continue;
        if (job->threads > 1 && voxels_of(tile) <= UINT32_MAX) {
            job->threads--;
            memcpy(tile, first, sizeof first);
            continue;
        }
        if (voxels_of(tile) > UINT32_MAX)
            return pw_fail(error, PW_E_ARGUMENT, "tile: more than %u voxels; use a smaller --tile", UINT32_MAX);
        return pw_fail(
            error, PW_E_BUDGET, "--memory %lluM is too little: %lluM would do with one thread, %lluM with %llu",
            (unsigned long long)(job->budget_bytes / MIB), (unsigned long long)(pass_bytes(job, tile) / MIB + 1),
            (unsigned long long)(wanted / MIB + 1), (unsigned long long)wanted_threads);
    }
    return PW_OK;
}

static enum pw_status plan(struct job *job, struct pw_error *error)
{
    static const uint64_t no_halo[3] = {0, 0, 0};
    const struct pw_measure_options *options = job->options;
    uint64_t tile[3];
    int given = 0, threads = options->threads > 0 ? options->threads : pw_host_cpus();
    job->threads = (unsigned)(threads < 1024 ? threads : 1024);
    job->budget_bytes = pw_host_budget_bytes(options->memory_bytes);
    suggest_tile(job, tile);
    for (int i = 0; i < 3; i++) {
        given |= options->tile[i] != 0;
        tile[i] = pw_min_u64(options->tile[i] != 0 ? options->tile[i] : tile[i], job->labels.shape[i]);
    }
    enum pw_status status = fit(job, tile, !given, error);
    if (status == PW_OK)
        status = pw_grid_init_times(&job->grid, job->labels.shape, job->labels.times, NULL, tile, no_halo, error);
    if (status != PW_OK)
        return status;
    job->threads = (unsigned)pw_min_u64(job->threads, job->grid.n_tiles);
    uint64_t table = pw_object_table_memory_least(&job->form, job->in_store);
    job->planned_bytes = pw_max_u64(pass_bytes(job, job->grid.tile), table);
    if (table > job->budget_bytes)
        return pw_fail(error, PW_E_BUDGET, "--memory %lluM is too little for the table: %lluM would do",
                       (unsigned long long)(job->budget_bytes / MIB), (unsigned long long)(table / MIB + 1));
    return PW_OK;
}

/* ---- measuring ---------------------------------------------------------- */

static enum pw_status labels_init(void *context, unsigned thread, struct pw_tile_labels *labels, struct pw_error *error)
{
    struct job *job = context;
    struct pw_stored_labels *reader = &job->reader[thread];
    uint64_t tile_voxels = voxels_of(job->grid.tile);
    labels->begin = pw_stored_labels_begin;
    labels->pull = pw_stored_labels_pull;
    labels->labels = reader;
    return pw_stored_labels_init(reader, &job->labels, tile_voxels, PW_MEASURE_PULL_VOXELS, error);
}

static void labels_release(void *context, unsigned thread)
{
    struct job *job = context;
    pw_stored_labels_release(&job->reader[thread]);
}

static enum pw_status measure_tiles(struct job *job, struct pw_error *error)
{
    const struct pw_measure_options *options = job->options;
    struct pw_measure_tiles measure = {
        .grid = &job->grid,
        .form = &job->form,
        .image = job->image_source != NULL ? &job->image : NULL,
        .log = &job->log,
        .threads = job->threads,
        .labels_init = labels_init,
        .labels_release = labels_release,
        .context = job,
    };
    struct pw_watch watch = {options->progress, options->progress_user, PW_PASS_MEASURE, job->grid.n_tiles};
    enum pw_status status = pw_object_log_open(&job->log, &job->form, job->scratch_dir, error);
    if (status != PW_OK)
        return status;
    job->reader = pw_alloc(job->threads, sizeof *job->reader, error);
    return job->reader != NULL ? pw_measure_tiles_run(&measure, &watch, error) : PW_E_NOMEM;
}

static int is_calibrated(const struct pw_axis axis[3])
{
    for (int i = 0; i < 3; i++)
        if (axis[i].unit[0] != '\0' || axis[i].scale < 1 || axis[i].scale > 1)
            return 1;
    return 0;
}

static enum pw_status write_table(struct job *job, struct pw_measure_result *result, struct pw_error *error)
{
    const struct pw_measure_options *options = job->options;
    /* The calibration of the labels, or that of the image where the labels have none. */
    int of_image = job->image_source != NULL && !is_calibrated(job->labels.space);
    const struct pw_volume *calibrated = of_image ? &job->image.volume : &job->labels;
    struct pw_object_about about = {
        .form = &job->form,
        .first_channel = job->image.first,
        .rank = job->labels.rank,
        .with_tiles = options->tile[0] != 0 || options->tile[1] != 0 || options->tile[2] != 0,
        .names = options->columns,
        .with_time = job->labels.keeps_time,
        .first_time = job->labels.first_time,
    };
    memcpy(about.part.shape, job->labels.shape, sizeof about.part.shape);
    memcpy(about.axis, calibrated->space, sizeof about.axis);
    struct pw_object_table table = {
        .about = &about,
        .grid = &job->grid,
        .log = &job->log,
        .memory_bytes = job->budget_bytes,
        .scratch_dir = job->scratch_dir,
        .path = job->in_store ? NULL : options->output,
        .format = options->format,
        .overwrite = options->overwrite,
        .place = job->in_store ? &job->place : NULL,
        .region = job->region,
        .watch = {options->progress, options->progress_user, PW_PASS_EMIT, 0},
    };
    enum pw_status status = pw_object_table_write(&table, error);
    if (status == PW_OK)
        status = pw_object_table_commit(&table, error);
    result->n_objects = table.n_objects;
    result->n_voxels = table.n_voxels;
    result->bytes_written = table.bytes_written;
    pw_object_table_close(&table);
    return status;
}

static void close_job(struct job *job)
{
    free(job->reader);
    pw_object_log_close(&job->log);
    pw_source_close(job->image_source);
    pw_source_close(job->label_source);
}

enum pw_status pw_measure(const struct pw_measure_options *options, struct pw_measure_result *result,
                          struct pw_error *error)
{
    struct job job = {.options = options};
    double began = pw_host_seconds();
    memset(result, 0, sizeof *result);
    enum pw_status status = check(options, error);
    if (status == PW_OK)
        status = choose_scratch(&job, error);
    if (status == PW_OK)
        status = open_labels(&job, error);
    if (status == PW_OK)
        status = find_place(&job, error);
    if (status == PW_OK)
        status = open_image(&job, error);
    if (status == PW_OK && !is_store(options))
        status = keep_inputs(&job, error);
    if (status == PW_OK)
        status = plan(&job, error);
    if (status == PW_OK)
        status = measure_tiles(&job, error);
    if (status == PW_OK)
        status = write_table(&job, result, error);
    result->n_channels = job.form.n_channels;
    memcpy(result->tile, job.grid.tile, sizeof result->tile);
    result->n_tiles = job.grid.n_tiles;
    result->scratch_bytes = atomic_load(&job.log.end);
    result->planned_bytes = job.planned_bytes;
    close_job(&job);
    result->seconds = pw_host_seconds() - began;
    result->peak_memory_bytes = pw_host_peak_memory_bytes();
    return status;
}
