/* The runs of a probe, how alike what they give is, and what follows for the whole image. */
#include "probe_parts.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096
};

/* ---- runs ------------------------------------------------------------------------- */

static int watch(const struct pw_progress *progress, void *user)
{
    struct pw_probe_clock *clock = user;
    if (progress->pass == PW_PASS_SEGMENT && progress->done > 0) {
        if (clock->first_done == 0) {
            clock->first_done = progress->done;
            clock->first_seconds = progress->seconds;
        }
        clock->last_done = progress->done;
        clock->last_seconds = progress->seconds;
    }
    return pw_progress_bar_show(progress, clock->bar);
}

static double seconds_per_tile(const struct pw_probe_clock *clock)
{
    if (clock->last_done > clock->first_done && clock->last_seconds > clock->first_seconds + 0.5)
        return (clock->last_seconds - clock->first_seconds) / (double)(clock->last_done - clock->first_done);
    return clock->last_done > 0 ? clock->last_seconds / (double)clock->last_done : NAN;
}

static uint64_t process_bytes(const struct pw_run_options *options)
{
    struct rusage usage;
    if (options->segmenter == NULL ||
        (strncmp(options->segmenter, "exec:", 5) != 0 && strncmp(options->segmenter, "py:", 3) != 0))
        return 0;
    return getrusage(RUSAGE_CHILDREN, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

/* Of one tile: what a slot and what a worker has. */
static uint64_t tile_bytes(const struct pw_plan *plan)
{
    uint64_t bytes = 0;
    for (int i = 0; i < plan->n_parts; i++)
        if (strcmp(plan->part[i].name, "tile slots") == 0 || strcmp(plan->part[i].name, "segmenter workers") == 0 ||
            strcmp(plan->part[i].name, "decoders") == 0)
            bytes += plan->part[i].bytes / (plan->part[i].count > 0 ? plan->part[i].count : 1);
    return bytes;
}

static enum pw_status run_part(struct pw_probe *probe, struct pw_run_options *o, const char *path,
                               struct pw_probe_clock *clock, struct pw_run_result *result, struct pw_error *error)
{
    memset(clock, 0, sizeof *clock);
    clock->bar = &probe->bar;
    o->output = path;
    o->output_format = "npy";
    o->overwrite = 1;
    o->progress = watch;
    o->progress_user = clock;
    o->message = pw_progress_bar_say;
    o->message_user = &probe->bar;
    enum pw_status status = pw_run(o, result, error);
    pw_progress_bar_clear(&probe->bar);
    return status;
}

static double sum_of(const double seconds[PW_PASS_COUNT])
{
    double sum = 0;
    for (int i = 0; i < PW_PASS_COUNT; i++)
        sum += seconds[i];
    return sum;
}

/* A halo with which there can be no run is a row that says so; other failures end the probe. */
static enum pw_status run_row(struct pw_probe *probe, struct pw_probe_row *row, const char *path,
                              struct pw_error *error)
{
    struct pw_run_options o = pw_probe_part_options(probe, probe->tile, row->halo);
    struct pw_probe_clock clock;
    struct pw_run_result result;
    struct pw_plan report;
    struct pw_error why = {0};
    enum pw_status status = pw_probe_plan(&o, &report, &why);
    if (status == PW_E_ARGUMENT || status == PW_E_BUDGET) {
        (void)snprintf(row->refused, sizeof row->refused, "%s", why.message);
        return PW_OK;
    }
    if (status == PW_OK)
        status = run_part(probe, &o, path, &clock, &result, &why);
    if (status != PW_OK) {
        *error = why;
        return status;
    }
    row->n_tiles = result.n_tiles;
    row->n_tile_labels = result.n_tile_labels;
    row->n_objects = result.n_objects;
    row->seconds = sum_of(result.seconds);
    row->seconds_per_tile = seconds_per_tile(&clock);
    row->tile_bytes = tile_bytes(&report);
    row->process_bytes = process_bytes(&o);
    memcpy(row->pass_seconds, result.seconds, sizeof row->pass_seconds);
    return PW_OK;
}

static void path_of(const char *directory, int number, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%.4000s/labels-%d.npy", directory, number);
}

static enum pw_status compare_row(struct pw_probe *probe, struct pw_probe_row *row, const char *whole, const char *path,
                                  struct pw_error *error)
{
    struct pw_compare_options c;
    pw_compare_options_init(&c);
    c.truth = (struct pw_label_input){.path = whole, .channel = -1, .time = -1};
    c.predicted = (struct pw_label_input){.path = path, .channel = -1, .time = -1};
    c.n_thresholds = 1;
    c.threshold[0] = 0.5;
    memcpy(c.crossing, probe->tile, sizeof c.crossing);
    c.memory_bytes = probe->options.memory_bytes;
    c.threads = probe->options.threads;
    c.scratch_dir = probe->options.scratch_dir;
    return pw_compare(&c, &row->alike, error);
}

static enum pw_status run_whole(struct pw_probe *probe, const char *path, struct pw_error *error)
{
    struct pw_run_options o = pw_probe_whole_options(probe, probe->part.volume_shape);
    struct pw_probe_clock clock;
    struct pw_run_result result;
    enum pw_status status = run_part(probe, &o, path, &clock, &result, error);
    probe->n_objects = result.n_objects;
    probe->whole_seconds = sum_of(result.seconds);
    return status;
}

/* Narrow halos first: then what worker processes have grown to is that of the widest window so far. */
static enum pw_status run_all(struct pw_probe *probe, const char *directory, struct pw_error *error)
{
    char whole[PATH_BYTES], path[PATH_BYTES];
    enum pw_status status = PW_OK;
    for (int k = 0; k < probe->n_rows && status == PW_OK; k++) {
        path_of(directory, k, path);
        status = run_row(probe, &probe->row[k], path, error);
    }
    path_of(directory, probe->n_rows, whole);
    if (status == PW_OK)
        status = run_whole(probe, whole, error);
    for (int k = 0; k < probe->n_rows && status == PW_OK; k++) {
        path_of(directory, k, path);
        if (probe->row[k].refused[0] == '\0')
            status = compare_row(probe, &probe->row[k], whole, path, error);
    }
    return status;
}

/* NaN, where there is no object at all, is no reason against. */
static int reaches(const struct pw_match_group *group, double enough)
{
    return !(group->score[0].f1 < enough) && (group->truth_objects == 0) == (group->predicted_objects == 0);
}

static void judge(struct pw_probe *probe)
{
    int good = 1;
    probe->best = -1;
    for (int k = probe->n_rows - 1; k >= 0; k--) {
        struct pw_probe_row *row = &probe->row[k];
        if (row->refused[0] != '\0')
            continue;
        probe->n_crossing = row->alike.crossing.truth_objects;
        good &= reaches(&row->alike.all, probe->enough) &&
                (!row->alike.has_crossing || reaches(&row->alike.crossing, probe->enough));
        row->is_enough = good;
        if (good)
            probe->best = k;
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    (void)remove(path);
    return 0;
}

static enum pw_status make_directory(const struct pw_probe *probe, char path[PATH_BYTES], struct pw_error *error)
{
    const char *temporary = getenv("TMPDIR"), *parent = probe->options.scratch_dir;
    if (parent == NULL)
        parent = temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp";
    (void)snprintf(path, PATH_BYTES, "%.4000s/pw-probe-XXXXXX", parent);
    if (mkdtemp(path) != NULL)
        return PW_OK;
    error->status = PW_E_IO;
    error->sys_errno = errno;
    (void)snprintf(error->message, sizeof error->message, "%.900s: cannot make a directory: %s", path, strerror(errno));
    return PW_E_IO;
}

enum pw_status pw_probe_run(struct pw_probe *probe, struct pw_error *error)
{
    char directory[PATH_BYTES];
    enum pw_status status = make_directory(probe, directory, error);
    if (status != PW_OK)
        return status;
    status = run_all(probe, directory, error);
    (void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (status == PW_OK)
        judge(probe);
    return status;
}

/* ---- the whole image --------------------------------------------------------------- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Voxels of all windows, which overlap and are clipped at the border. */
static double window_voxels(const struct pw_plan *plan)
{
    double product = (double)plan->times;
    for (int i = 0; i < 3; i++) {
        uint64_t extent = plan->roi_shape[i], sum = 0;
        for (uint64_t start = 0; start < extent; start += plan->tile[i]) {
            uint64_t end = least(start + plan->tile[i], extent);
            sum += least(end + plan->halo[i], extent) - (start > plan->halo[i] ? start - plan->halo[i] : 0);
        }
        product *= (double)sum;
    }
    return product;
}

static double voxels(const struct pw_plan *plan)
{
    return (double)plan->times * (double)plan->roi_shape[0] * (double)plan->roi_shape[1] * (double)plan->roi_shape[2];
}

/* The row with the halo that the function declares; -1: refused. */
static int declared_row(const struct pw_probe *probe)
{
    for (int k = 0; k < probe->n_rows; k++)
        if (probe->row[k].is_declared && probe->row[k].refused[0] == '\0')
            return k;
    return -1;
}

/* Plans the whole image with the halo of a row; where the part has no seam along an axis, with the declared one. */
static int plan_full(struct pw_probe *probe, int row)
{
    struct pw_run_options o = probe->options;
    struct pw_error error = {0};
    if (row < 0)
        return 0;
    memset(o.roi_start, 0, sizeof o.roi_start);
    memset(o.roi_end, 0, sizeof o.roi_end);
    o.halo_given = 1;
    for (int i = 0; i < 3; i++)
        o.halo[i] = probe->part.volume_shape[i] > probe->tile[i] ? probe->row[row].halo[i] : probe->declared[i];
    return pw_probe_plan(&o, &probe->full, &error) == PW_OK;
}

void pw_probe_estimate(struct pw_probe *probe)
{
    struct pw_plan tiled;
    struct pw_error error = {0};
    int from = probe->best >= 0 ? probe->best : declared_row(probe);
    if (!plan_full(probe, from)) { /* it has to have its own */
        from = declared_row(probe);
        if (!plan_full(probe, from))
            return;
    }
    const struct pw_probe_row *row = &probe->row[from];
    struct pw_run_options part = pw_probe_part_options(probe, probe->tile, row->halo);
    if (pw_probe_plan(&part, &tiled, &error) != PW_OK)
        return;
    probe->has_full = 1;
    double work = window_voxels(&probe->full) / window_voxels(&tiled), size = voxels(&probe->full) / voxels(&tiled);
    for (int i = 0; i < PW_PASS_COUNT; i++)
        probe->pass_seconds[i] = row->pass_seconds[i] * size;
    probe->pass_seconds[PW_PASS_SEGMENT] = row->seconds_per_tile * (double)row->n_tiles * work;
}
