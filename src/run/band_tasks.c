#include "run/band_tasks.h"

#include "base/checked.h"

static int is_linear(const struct pw_band_tasks *tasks)
{
    return (tasks->source->capabilities & PW_SOURCE_LINEAR) != 0;
}

/* The chunks that region touches: how many along each axis, and the first. */
static uint64_t chunks_of(const struct pw_image_info *info, const struct pw_region *region, uint64_t *first,
                          uint64_t *count)
{
    uint64_t n = 1;
    for (int i = 0; i < info->rank; i++) {
        first[i] = region->start[i] / info->chunk[i];
        count[i] = (region->start[i] + region->shape[i] - 1) / info->chunk[i] - first[i] + 1;
        n *= count[i];
    }
    return n;
}

/* Slices of an uncompressed band are cut along its slowest axis that has more than one entry. */
static int slice_axis(const struct pw_region *region)
{
    int axis = 0;
    while (axis + 1 < region->rank && region->shape[axis] == 1)
        axis++;
    return axis;
}

uint64_t pw_band_tasks_count(const struct pw_band_tasks *tasks, const struct pw_region *region)
{
    uint64_t first[PW_MAX_RANK], count[PW_MAX_RANK];
    if (!is_linear(tasks))
        return chunks_of(&tasks->source->info, region, first, count);
    return region->rank > 0 ? pw_min_u64(region->shape[slice_axis(region)], tasks->n_slices) : 1;
}

static enum pw_status read_slice(const struct pw_band_tasks *tasks, const struct pw_band_task *task,
                                 struct pw_region_reader *reader, unsigned char *voxels, struct pw_error *error)
{
    struct pw_region part = task->region;
    if (part.rank == 0)
        return pw_region_reader_read(reader, &part, voxels, error);
    int axis = slice_axis(&part);
    uint64_t n_tasks = pw_band_tasks_count(tasks, &task->region);
    uint64_t extent = part.shape[axis], from = extent * task->number / n_tasks,
             to = extent * (task->number + 1) / n_tasks;
    uint64_t each = pw_region_elements(&part) / extent * tasks->element_bytes;
    part.start[axis] += from;
    part.shape[axis] = to - from;
    return pw_region_reader_read(reader, &part, voxels + from * each, error);
}

static void chunk_of(const struct pw_band_tasks *tasks, const struct pw_band_task *task, uint64_t *index)
{
    uint64_t first[PW_MAX_RANK], count[PW_MAX_RANK], rest = task->number;
    (void)chunks_of(&tasks->source->info, &task->region, first, count);
    for (int i = task->region.rank - 1; i >= 0; i--) {
        index[i] = first[i] + rest % count[i];
        rest /= count[i];
    }
}

enum pw_status pw_band_tasks_do(const struct pw_band_tasks *tasks, const struct pw_band_task *task,
                                struct pw_region_reader *reader, unsigned char *voxels, struct pw_error *error)
{
    uint64_t index[PW_MAX_RANK];
    if (is_linear(tasks))
        return read_slice(tasks, task, reader, voxels, error);
    chunk_of(tasks, task, index);
    return pw_region_reader_chunk(reader, index, &task->region, voxels, error);
}

void pw_band_tasks_expect(const struct pw_band_tasks *tasks, const struct pw_band_task *task,
                          struct pw_region_reader *reader)
{
    uint64_t index[PW_MAX_RANK];
    chunk_of(tasks, task, index);
    pw_region_reader_expect(reader, index);
}
