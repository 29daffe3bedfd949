#include "run/image_bands.h"

#include <string.h>

#include "base/checked.h"

/* The thickness along an axis of which one entry takes each bytes. */
static uint64_t choose_step(uint64_t extent, uint64_t chunk, uint64_t each, uint64_t wanted, uint64_t most)
{
    if (each > most / chunk) /* not even one chunk thick */
        return pw_max_u64(most / each, 1);
    uint64_t step = pw_max_u64(wanted / (each * chunk), 1) * chunk;
    while (step > chunk && step > most / each)
        step -= chunk;
    return pw_min_u64(step, extent);
}

/* How often a chunk is decoded when bands are cut so. */
static uint64_t decodings(const struct pw_image_info *info, int axis, uint64_t step)
{
    uint64_t often = 1;
    for (int i = 0; i < axis; i++)
        often *= pw_min_u64(info->chunk[i], info->shape[i]);
    uint64_t chunk = pw_min_u64(info->chunk[axis], info->shape[axis]);
    return step >= chunk ? often : often * pw_ceil_div(chunk, step);
}

int pw_bands_choose(const struct pw_image_info *info, uint64_t wanted, uint64_t most, struct pw_bands *bands)
{
    uint64_t each[PW_MAX_RANK + 1]; /* bytes of one entry of axis i - 1 */
    *bands = (struct pw_bands){.axis = -1, .step = 1, .count = 1, .bytes = pw_dtype_bytes(info->dtype), .decoding = 1};
    if (info->rank == 0)
        return 1;
    each[info->rank] = pw_dtype_bytes(info->dtype);
    for (int i = info->rank - 1; i >= 0; i--)
        each[i] = each[i + 1] * info->shape[i]; /* opening made sure that the whole fits */
    for (int axis = 0; axis < info->rank; axis++) {
        if ((info->shape[axis] == 1 && axis + 1 < info->rank) || each[axis + 1] > most)
            continue;
        uint64_t chunk = pw_min_u64(info->chunk[axis], info->shape[axis]);
        uint64_t step = choose_step(info->shape[axis], chunk, each[axis + 1], wanted, most);
        uint64_t often = decodings(info, axis, step);
        if (bands->axis >= 0 && often >= bands->decoding)
            continue;
        bands->axis = axis;
        bands->step = step;
        bands->decoding = often;
        bands->bytes = step * each[axis + 1];
        bands->count = pw_ceil_div(info->shape[axis], step);
        for (int i = 0; i < axis; i++)
            bands->count *= info->shape[i];
    }
    return bands->axis >= 0;
}

void pw_bands_region(const struct pw_image_info *info, const struct pw_bands *bands, uint64_t number,
                     struct pw_region *region)
{
    memset(region, 0, sizeof *region);
    region->rank = info->rank;
    memcpy(region->shape, info->shape, sizeof region->shape);
    if (bands->axis < 0)
        return;
    uint64_t along = pw_ceil_div(info->shape[bands->axis], bands->step);
    region->start[bands->axis] = number % along * bands->step;
    region->shape[bands->axis] = pw_min_u64(bands->step, info->shape[bands->axis] - region->start[bands->axis]);
    number /= along;
    for (int i = bands->axis - 1; i >= 0; i--) {
        region->start[i] = number % info->shape[i];
        region->shape[i] = 1;
        number /= info->shape[i];
    }
}
