/* The seeds of watershed:seeds=PATH: windows of a second label volume. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "segment/response.h"
#include "segment/watershed_segmenter.h"
#include "store/source.h"
#include "tile/volume.h"

struct pw_seed_image {
    struct pw_source *source;
    struct pw_volume volume;
    struct pw_region_reader *reader;
};

static enum pw_status check(const struct pw_seed_image *seeds, const struct pw_volume *volume, struct pw_error *error)
{
    const uint64_t *mine = seeds->volume.shape, *image = volume->shape;
    if (!pw_dtype_is_integer(seeds->source->info.dtype))
        return pw_fail(error, PW_E_ARGUMENT, "--fn watershed: seeds=%s: labels are whole numbers, and these are %s",
                       seeds->source->path, pw_dtype_name(seeds->source->info.dtype));
    if (memcmp(mine, image, 3 * sizeof *mine) != 0)
        return pw_fail(
            error, PW_E_ARGUMENT, "--fn watershed: seeds=%s has %llux%llux%llu voxels, and the image %llux%llux%llu",
            seeds->source->path, (unsigned long long)mine[0], (unsigned long long)mine[1], (unsigned long long)mine[2],
            (unsigned long long)image[0], (unsigned long long)image[1], (unsigned long long)image[2]);
    uint64_t times = pw_volume_image_times(volume);
    if (seeds->volume.times != 1 && seeds->volume.times != times)
        return pw_fail(error, PW_E_ARGUMENT, "--fn watershed: seeds=%s has %llu time points, and the image %llu",
                       seeds->source->path, (unsigned long long)seeds->volume.times, (unsigned long long)times);
    return PW_OK;
}

enum pw_status pw_seed_image_open(const char *path, const struct pw_volume *volume, struct pw_seed_image **seeds,
                                  struct pw_error *error)
{
    struct pw_seed_image *made = pw_alloc(1, sizeof *made, error);
    *seeds = NULL;
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_source_open(path, NULL, NULL, &made->source, error);
    if (status == PW_OK)
        status = pw_volume_init(&made->volume, made->source, -1, -1, error);
    if (status == PW_OK)
        status = check(made, volume, error);
    if (status == PW_OK)
        status = pw_region_reader_new(made->source, &made->reader, error);
    if (status == PW_OK)
        *seeds = made;
    else
        pw_seed_image_close(made);
    return status;
}

void pw_seed_image_close(struct pw_seed_image *seeds)
{
    if (seeds == NULL)
        return;
    pw_region_reader_free(seeds->reader);
    pw_source_close(seeds->source);
    free(seeds);
}

uint64_t pw_seed_image_reader_bytes(const struct pw_seed_image *seeds)
{
    return pw_region_reader_memory_bytes(seeds->source);
}

/* Voxels as they are read, in whose place their different values come; and the values of all voxels. */
uint64_t pw_seed_image_scratch_bytes(const uint64_t shape[3])
{
    return 2 * pw_response_padded(shape[0] * shape[1] * shape[2] * sizeof(uint64_t));
}

static uint64_t value_at(enum pw_dtype dtype, const unsigned char *voxel)
{
    int64_t wide;
    switch (pw_dtype_bytes(dtype)) {
    case 1: wide = pw_dtype_is_signed(dtype) ? *(const int8_t *)voxel : *voxel; break;
    case 2: {
        uint16_t v;
        memcpy(&v, voxel, sizeof v);
        wide = pw_dtype_is_signed(dtype) ? (int16_t)v : v;
        break;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, voxel, sizeof v);
        wide = pw_dtype_is_signed(dtype) ? (int32_t)v : (int64_t)v;
        break;
    }
    default: memcpy(&wide, voxel, sizeof wide); break;
    }
    return (uint64_t)wide;
}

/* Reads the box and puts its values in order z y x, whatever the order of the array's axes. */
static enum pw_status read_values(struct pw_seed_image *seeds, const struct pw_box *box, unsigned char *voxels,
                                  uint64_t *value, struct pw_error *error)
{
    enum pw_dtype dtype = seeds->source->info.dtype;
    struct pw_region region;
    size_t stride[PW_MAX_RANK], step = pw_dtype_bytes(dtype), by[3];
    pw_volume_region(&seeds->volume, box, &region);
    for (int a = region.rank - 1; a >= 0; a--) {
        stride[a] = step;
        step *= (size_t)region.shape[a];
    }
    for (int i = 0; i < 3; i++)
        by[i] = seeds->volume.axis[i] >= 0 ? stride[seeds->volume.axis[i]] : 0;
    enum pw_status status = pw_region_reader_read(seeds->reader, &region, voxels, error);
    for (uint64_t z = 0; z < box->shape[0] && status == PW_OK; z++)
        for (uint64_t y = 0; y < box->shape[1]; y++)
            for (uint64_t x = 0; x < box->shape[2]; x++)
                *value++ = value_at(dtype, voxels + z * by[0] + y * by[1] + x * by[2]);
    return status;
}

/* Heap sort: needs no memory. */
static void sink(uint64_t *value, uint64_t at, uint64_t n)
{
    uint64_t moved = value[at];
    for (uint64_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && value[child + 1] > value[child];
        if (value[child] <= moved)
            break;
        value[at] = value[child];
    }
    value[at] = moved;
}

static uint64_t sort_and_unify(uint64_t *value, uint64_t n)
{
    uint64_t kept = 0;
    for (uint64_t i = n / 2; i-- > 0;)
        sink(value, i, n);
    for (uint64_t last = n; last-- > 1;) {
        uint64_t greatest = value[0];
        value[0] = value[last];
        value[last] = greatest;
        sink(value, 0, last);
    }
    for (uint64_t i = 0; i < n; i++)
        if (kept == 0 || value[i] != value[kept - 1])
            value[kept++] = value[i];
    return kept;
}

static uint32_t rank_of(const uint64_t *value, uint64_t n, uint64_t wanted)
{
    uint64_t low = 0;
    for (uint64_t high = n; high - low > 1;) {
        uint64_t middle = low + (high - low) / 2;
        low = value[middle] <= wanted ? middle : low;
        high = value[middle] <= wanted ? high : middle;
    }
    return (uint32_t)low + 1;
}

enum pw_status pw_seed_image_read(struct pw_seed_image *seeds, const struct pw_tile *tile, void *scratch,
                                  uint32_t *label, struct pw_error *error)
{
    uint64_t voxels = tile->shape[0] * tile->shape[1] * tile->shape[2], n = 0;
    uint64_t *different = scratch; /* where the voxels were */
    uint64_t *value = (void *)((unsigned char *)scratch + pw_response_padded(voxels * sizeof *value));
    struct pw_box box;
    memcpy(box.start, tile->origin, sizeof box.start);
    memcpy(box.shape, tile->shape, sizeof box.shape);
    if (seeds->volume.times > 1) /* all of them, from the first on, which is 0 */
        box.start[0] += tile->time * seeds->volume.shape[0];
    enum pw_status status = read_values(seeds, &box, scratch, value, error);
    if (status != PW_OK)
        return status;
    for (uint64_t i = 0; i < voxels; i++) {
        if (pw_dtype_is_signed(seeds->source->info.dtype) && value[i] >> 63 != 0)
            return pw_fail(error, PW_E_FORMAT,
                           "--fn watershed: seeds=%s: tile %llu has the label %lld; labels are 0 or above",
                           seeds->source->path, (unsigned long long)tile->index, (long long)value[i]);
        if (value[i] != 0 && (i == 0 || value[i] != value[i - 1]))
            different[n++] = value[i];
    }
    n = sort_and_unify(different, n);
    for (uint64_t i = 0; i < voxels; i++)
        label[i] = value[i] == 0                       ? 0
                   : i > 0 && value[i] == value[i - 1] ? label[i - 1]
                                                       : rank_of(different, n, value[i]);
    return PW_OK;
}
