#include "run/band_ahead.h"

#include <string.h>

#include "base/checked.h"

/* As much as keeps a disk busy while a chunk is decoded, and a network with its long way. */
#define AHEAD_BYTES ((uint64_t)32 << 20)
enum {
    AHEAD_MAX = 64
};

void pw_band_ahead_init(struct pw_band_ahead *ahead, const struct pw_band_tasks *tasks, unsigned threads)
{
    memset(ahead, 0, sizeof *ahead);
    if (tasks->source->capabilities & (PW_SOURCE_LINEAR | PW_SOURCE_PLAIN)) /* nothing to do while bytes come */
        return;
    uint64_t pieces = AHEAD_BYTES / pw_max_u64(tasks->source->stored_bytes_max, 1);
    ahead->distance = threads + pw_min_u64(pieces, AHEAD_MAX);
}

void pw_band_ahead_take(struct pw_band_ahead *ahead)
{
    ahead->taken++;
}

static void advance(struct pw_band_ahead *ahead)
{
    ahead->next++;
    if (++ahead->task.number < ahead->n_tasks)
        return;
    ahead->task.number = 0;
    ahead->task.band++;
    ahead->n_tasks = 0;
}

int pw_band_ahead_next(struct pw_band_ahead *ahead, const struct pw_band_tasks *tasks, struct pw_band_task *task)
{
    while (ahead->next < ahead->taken + ahead->distance && ahead->task.band < tasks->bands.count) {
        if (ahead->n_tasks == 0) {
            pw_bands_region(&tasks->source->info, &tasks->bands, ahead->task.band, &ahead->task.region);
            ahead->n_tasks = pw_band_tasks_count(tasks, &ahead->task.region);
        }
        int is_taken = ahead->next < ahead->taken;
        *task = ahead->task;
        advance(ahead);
        if (!is_taken)
            return 1;
    }
    return 0;
}
