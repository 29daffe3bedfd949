/*
 * All of an image in raster order, decoded by several threads.
 *
 * A few bands are in memory at a time.  Their chunks (of an uncompressed file: slices) are tasks, taken in order by
 * whoever is free; a band of which all are done is handed over by whoever finds it, while the others go on with the
 * next.  So n threads are n threads, and one does everything in turn.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "run/band_ahead.h"
#include "run/band_places.h"
#include "run/band_tasks.h"
#include "run/crew.h"
#include "run/image.h"
#include "sys/host.h"

enum {
    BANDS_CHUNKED = 3,  /* one that is handed over, one that is finished, one that is begun */
    SLICES_MAX = 4,     /* of a band where threads are too many for that */
    TASKS_TO_WAIT = 32, /* for each thread in a band: waiting for each other at its end is then little */
    WAIT_MS = 50
};
/* Chunks are shared out best among many; what is only read and handed over had better stay in the cache meanwhile. */
#define BAND_BYTES_CHUNKED ((uint64_t)16 << 20)
#define BAND_BYTES_LINEAR ((uint64_t)1024 << 10)
#define STRETCH_BYTES ((uint64_t)256 << 10) /* that are worth opening a file of a chunk again */
#define MEMORY_USUAL ((uint64_t)512 << 20)  /* unless more spares decoding */

struct band {
    unsigned char *voxels; /* its place; once its first task was taken */
    uint64_t left;         /* tasks that are not done; under lock */
};

struct stream {
    struct pw_band_tasks tasks;
    pw_put_fn put;
    void *user;
    struct pw_region_reader **reader; /* one for each member */
    struct pw_buffer buffer;
    struct band band[PW_BAND_PLACES_MAX];
    unsigned n_bands;
    unsigned threads;

    /* Under lock. */
    struct pw_band_places places;
    struct pw_band_ahead ahead;
    pthread_mutex_t lock;
    pthread_cond_t change;
    uint64_t next_band, next_task; /* to be begun */
    uint64_t n_tasks;              /* of next_band, once its first was taken */
    uint64_t written;              /* bands that were handed over */
    struct timespec wait_until;    /* for a place that was used: after the last task of a band was taken */
    int writing;
    uint64_t failed_band, failed_task; /* of error: the first in order of those that failed */
    struct pw_error error;
};

static int is_linear(const struct stream *s)
{
    return (s->tasks.source->capabilities & PW_SOURCE_LINEAR) != 0;
}

/* ---- the order of work; with the lock held ---- */

static int has_failed(const struct stream *s)
{
    return s->error.status != PW_OK;
}

static void fail_at(struct stream *s, uint64_t band, uint64_t task, const struct pw_error *error)
{
    if (has_failed(s) && (s->failed_band < band || (s->failed_band == band && s->failed_task <= task)))
        return;
    s->error = *error;
    s->failed_band = band;
    s->failed_task = task;
}

static void wait_from_now(struct stream *s)
{
    (void)clock_gettime(CLOCK_MONOTONIC, &s->wait_until);
    s->wait_until.tv_nsec += WAIT_MS * 1000000L;
    s->wait_until.tv_sec += s->wait_until.tv_nsec / 1000000000L;
    s->wait_until.tv_nsec %= 1000000000L;
}

static int take_task(struct stream *s, unsigned member, struct pw_band_task *task)
{
    if (s->next_band == s->tasks.bands.count || s->next_band >= s->written + s->n_bands)
        return 0;
    struct band *band = &s->band[s->next_band % s->n_bands];
    pw_bands_region(&s->tasks.source->info, &s->tasks.bands, s->next_band, &task->region);
    if (s->next_task == 0) {
        s->n_tasks = band->left = pw_band_tasks_count(&s->tasks, &task->region);
        band->voxels = pw_band_places_take(&s->places, member);
    }
    task->band = s->next_band;
    task->number = s->next_task++;
    pw_band_ahead_take(&s->ahead);
    if (s->next_task == s->n_tasks) {
        s->next_band++;
        s->next_task = 0;
        wait_from_now(s);
    }
    return 1;
}

/*
 * Whether to wait before a band is begun in memory that was never used: fresh pages cost more than the moment in which a fast
 * reader takes the band before, and of a thick one they are as many as the image has in a layer of chunks.
 */
static int is_to_wait(const struct stream *s)
{
    struct timespec now;
    if (s->next_task != 0 || s->n_tasks < (uint64_t)TASKS_TO_WAIT * s->threads)
        return 0;
    if (!pw_band_places_next_is_fresh(&s->places))
        return 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec < s->wait_until.tv_sec ||
           (now.tv_sec == s->wait_until.tv_sec && now.tv_nsec < s->wait_until.tv_nsec);
}

/* Whether the next band to be handed over is done, and nobody is at it. */
static int can_write(const struct stream *s)
{
    return !s->writing && (s->written < s->next_band) && s->band[s->written % s->n_bands].left == 0;
}

static void write_band(struct stream *s)
{
    struct pw_region region;
    struct pw_error error = {0};
    uint64_t number = s->written;
    s->writing = 1;
    (void)pthread_mutex_unlock(&s->lock);
    pw_bands_region(&s->tasks.source->info, &s->tasks.bands, number, &region);
    int result = s->put(s->band[number % s->n_bands].voxels,
                        (size_t)pw_region_elements(&region) * s->tasks.element_bytes, s->user);
    if (result != 0)
        (void)pw_fail(&error, PW_E_CANCELLED, "%s: stopped by who takes the elements", s->tasks.source->path);
    (void)pthread_mutex_lock(&s->lock);
    s->writing = 0;
    pw_band_places_leave(&s->places, s->band[number % s->n_bands].voxels);
    s->written++;
    if (result != 0)
        fail_at(s, number, 0, &error);
}

/* Announces what comes after the tasks that were taken. */
static void expect(struct stream *s, unsigned member)
{
    struct pw_band_task task;
    while (pw_region_reader_waits(s->reader[member]) && pw_band_ahead_next(&s->ahead, &s->tasks, &task)) {
        (void)pthread_mutex_unlock(&s->lock);
        pw_band_tasks_expect(&s->tasks, &task, s->reader[member]);
        (void)pthread_mutex_lock(&s->lock);
    }
}

static void do_task(struct stream *s, unsigned member, const struct pw_band_task *task)
{
    struct pw_error error = {0};
    struct band *band = &s->band[task->band % s->n_bands];
    expect(s, member);
    (void)pthread_mutex_unlock(&s->lock);
    enum pw_status status = pw_band_tasks_do(&s->tasks, task, s->reader[member], band->voxels, &error);
    (void)pthread_mutex_lock(&s->lock);
    band->left--;
    if (status != PW_OK)
        fail_at(s, task->band, task->number, &error);
}

static void work(void *context, unsigned member)
{
    struct stream *s = context;
    struct pw_band_task task;
    (void)pthread_mutex_lock(&s->lock);
    while (s->written < s->tasks.bands.count && !has_failed(s)) {
        if (can_write(s))
            write_band(s);
        else if (is_to_wait(s)) {
            (void)pthread_cond_timedwait(&s->change, &s->lock, &s->wait_until);
            continue;
        } else if (take_task(s, member, &task))
            do_task(s, member, &task);
        else {
            (void)pthread_cond_wait(&s->change, &s->lock);
            continue;
        }
        (void)pthread_cond_broadcast(&s->change);
    }
    (void)pthread_cond_broadcast(&s->change);
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- the whole ---- */

/* The chunks that bands should have whole: none where nothing is decoded, of plain ones stretches. */
static void chunks_to_keep(const struct stream *s, struct pw_image_info *info)
{
    uint64_t each = s->tasks.element_bytes;
    if (is_linear(s))
        for (int i = 0; i < info->rank; i++)
            info->chunk[i] = 1;
    else if (s->tasks.source->capabilities & PW_SOURCE_PLAIN)
        for (int i = info->rank - 1; i >= 0; i--) {
            uint64_t extent = info->chunk[i];
            info->chunk[i] = pw_min_u64(extent, pw_ceil_div(STRETCH_BYTES, each));
            each *= extent;
        }
}

/*
 * How many bands, and how thick: those by which chunks are decoded least often, first within what is usually enough,
 * and only beyond it when that spares decoding.  Returns 0 when not even an element fits.
 */
static int choose_bands(struct stream *s, uint64_t wanted, uint64_t usual, uint64_t most)
{
    struct pw_image_info info = s->tasks.source->info;
    chunks_to_keep(s, &info);
    const struct {
        unsigned n;
        uint64_t memory;
    } ways[] = {{s->n_bands, usual}, {2, usual}, {1, usual}, {2, most}, {1, most}};
    unsigned bands_max = s->n_bands;
    int found = 0;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct pw_bands bands;
        uint64_t each = ways[i].memory / ways[i].n;
        if (is_linear(s))
            each = pw_min_u64(each, wanted);
        if (ways[i].n > bands_max || !pw_bands_choose(&info, wanted, each, &bands))
            continue;
        if (found && bands.decoding >= s->tasks.bands.decoding)
            continue;
        found = 1;
        s->tasks.bands = bands;
        s->n_bands = ways[i].n;
    }
    return found;
}

static enum pw_status plan(struct stream *s, const struct pw_stream_options *options, unsigned *threads,
                           struct pw_error *error)
{
    uint64_t memory = pw_host_budget_bytes(options->memory_bytes), usual = pw_min_u64(memory, MEMORY_USUAL);
    uint64_t each = pw_region_reader_memory_bytes(s->tasks.source), least = pw_dtype_bytes(s->tasks.source->info.dtype);
    if (options->memory_bytes != 0)
        usual = memory;
    for (int i = 0; i < s->tasks.source->info.rank; i++)
        least = i + 1 == s->tasks.source->info.rank ? least * s->tasks.source->info.shape[i] : least;
    while (*threads > 1 && *threads * each + 2 * least > memory)
        (*threads)--;
    uint64_t readers = *threads * each, wanted = is_linear(s) ? BAND_BYTES_LINEAR : BAND_BYTES_CHUNKED;
    s->n_bands = *threads == 1  ? 1
                 : is_linear(s) ? (unsigned)pw_min_u64(2 * *threads, PW_BAND_PLACES_MAX)
                                : BANDS_CHUNKED;
    if (readers > memory || !choose_bands(s, wanted, usual - pw_min_u64(usual, readers), memory - readers))
        return pw_fail(error, PW_E_BUDGET, "%s: %llu bytes of memory do not hold a decoder and a row, %llu would",
                       s->tasks.source->path, (unsigned long long)memory, (unsigned long long)(each + least));
    s->n_bands = (unsigned)pw_min_u64(s->n_bands, s->tasks.bands.count);
    s->tasks.n_slices = s->n_bands >= 2 * *threads ? 1 : SLICES_MAX;
    return PW_OK;
}

static enum pw_status reserve(struct stream *s, unsigned threads, struct pw_error *error)
{
    enum pw_status status = pw_buffer_init(&s->buffer, s->tasks.bands.bytes * s->n_bands, "bands of an image", error);
    if (status == PW_OK)
        pw_band_places_init(&s->places, s->n_bands, s->buffer.data, s->tasks.bands.bytes);
    if (status == PW_OK && (s->reader = pw_alloc(threads, sizeof *s->reader, error)) == NULL)
        status = PW_E_NOMEM;
    for (unsigned i = 0; i < threads && status == PW_OK; i++)
        status = pw_region_reader_new(s->tasks.source, &s->reader[i], error);
    return status;
}

static void release(struct stream *s, unsigned threads)
{
    for (unsigned i = 0; i < threads && s->reader != NULL; i++)
        pw_region_reader_free(s->reader[i]);
    free(s->reader);
    pw_buffer_release(&s->buffer);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->change);
}

/* Its limits of time are those of a clock that nobody sets. */
static void init_change(pthread_cond_t *change)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(change, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

enum pw_status pw_image_stream(struct pw_image *image, const struct pw_stream_options *options, pw_put_fn put,
                               void *user, struct pw_error *error)
{
    static const struct pw_stream_options defaults;
    struct pw_counters counters = {0};
    const struct pw_watch watch = {0};
    const struct pw_image_info *info = &image->source->info;
    struct stream s = {.tasks = {.source = image->source}, .put = put, .user = user};
    if (options == NULL)
        options = &defaults;
    unsigned threads = options->threads != 0 ? options->threads : (unsigned)pw_host_cpus();
    for (int i = 0; i < info->rank; i++)
        if (info->shape[i] == 0)
            return PW_OK;
    s.tasks.element_bytes = pw_dtype_bytes(info->dtype);
    (void)pthread_mutex_init(&s.lock, NULL);
    init_change(&s.change);
    enum pw_status status = plan(&s, options, &threads, error);
    s.threads = threads;
    if (status == PW_OK) {
        pw_band_ahead_init(&s.ahead, &s.tasks, threads);
        status = reserve(&s, threads, error);
    }
    if (status == PW_OK && threads == 1)
        work(&s, 0);
    else if (status == PW_OK)
        status = pw_crew_run(threads, work, &s, &counters, &watch, error);
    if (status == PW_OK && has_failed(&s)) {
        status = s.error.status;
        if (error != NULL)
            *error = s.error;
    }
    release(&s, threads);
    return status;
}
