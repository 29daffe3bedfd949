#include "table/stored_labels.h"

#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "label/value_runs.h"

/* Of runs, values, rows and a gathered row: a row of n voxels has at most n runs, and one more is written to. */
static uint64_t scratch_bytes(uint64_t pull_voxels)
{
    return (pull_voxels + 1) * (sizeof(struct pw_run) + 3 * sizeof(uint64_t)) + sizeof(uint64_t);
}

uint64_t pw_stored_labels_memory_bytes(const struct pw_volume *volume, uint64_t tile_voxels, uint64_t pull_voxels)
{
    uint64_t bytes;
    if (!pw_mul_u64(tile_voxels, volume->voxel_bytes, &bytes) || bytes > UINT64_MAX / 4)
        return UINT64_MAX / 4;
    return bytes + 64 + scratch_bytes(pull_voxels) + pw_region_reader_memory_bytes(volume->source);
}

enum pw_status pw_stored_labels_init(struct pw_stored_labels *labels, const struct pw_volume *volume,
                                     uint64_t tile_voxels, uint64_t pull_voxels, struct pw_error *error)
{
    memset(labels, 0, sizeof *labels);
    labels->volume = volume;
    labels->pull_voxels = pull_voxels;
    uint64_t bytes = pw_padded(tile_voxels * volume->voxel_bytes);
    enum pw_status status =
        pw_buffer_init(&labels->memory, bytes + scratch_bytes(pull_voxels), "labels of a tile", error);
    if (status != PW_OK)
        return status;
    labels->voxels = labels->memory.data;
    labels->value = (void *)(labels->voxels + bytes);
    labels->row = labels->value + pull_voxels + 1;
    labels->gathered = (void *)(labels->row + pull_voxels + 1);
    labels->run = (void *)(labels->gathered + (pull_voxels + 1) * sizeof(uint64_t));
    return pw_region_reader_new(volume->source, &labels->reader, error);
}

void pw_stored_labels_release(struct pw_stored_labels *labels)
{
    pw_region_reader_free(labels->reader);
    pw_buffer_release(&labels->memory);
    memset(labels, 0, sizeof *labels);
}

enum pw_status pw_stored_labels_begin(void *context, const struct pw_box *tile, struct pw_error *error)
{
    struct pw_stored_labels *labels = context;
    struct pw_region region;
    size_t stride[PW_MAX_RANK], step = labels->volume->voxel_bytes;
    pw_volume_region(labels->volume, tile, &region);
    for (int a = region.rank - 1; a >= 0; a--) {
        stride[a] = step;
        step *= (size_t)region.shape[a];
    }
    for (int i = 0; i < 3; i++)
        labels->stride_bytes[i] = labels->volume->axis[i] >= 0 ? stride[labels->volume->axis[i]] : 0;
    labels->tile = *tile;
    return pw_region_reader_read(labels->reader, &region, labels->voxels, error);
}

/* The row of width voxels at from, side by side. */
static const unsigned char *dense_row(const struct pw_stored_labels *labels, const unsigned char *from, uint64_t width)
{
    size_t bytes = labels->volume->voxel_bytes, step = labels->stride_bytes[2];
    if (step == bytes)
        return from;
    for (uint64_t x = 0; x < width; x++)
        memcpy(labels->gathered + x * bytes, from + x * step, bytes);
    return labels->gathered;
}

/* The first label of n that is below 0, of a signed type. */
static enum pw_status check_row(const struct pw_stored_labels *labels, uint64_t first, uint64_t n, uint64_t z,
                                uint64_t y, uint64_t x, struct pw_error *error)
{
    const struct pw_source *source = labels->volume->source;
    if (labels->as_bits || !pw_dtype_is_signed(source->info.dtype))
        return PW_OK;
    for (uint64_t i = first; i < first + n; i++)
        if (labels->value[i] >> 63 != 0)
            return pw_fail(error, PW_E_FORMAT, "%s: label %lld at voxel %llu,%llu,%llu (z,y,x); labels are 0 or above",
                           source->path, (long long)labels->value[i],
                           (unsigned long long)(z % labels->volume->shape[0]), (unsigned long long)y,
                           (unsigned long long)(x + labels->run[i].start));
    return PW_OK;
}

/* What elements are taken for. */
static enum pw_dtype element_type(const struct pw_stored_labels *labels)
{
    static const enum pw_dtype bits[] = {PW_U8, PW_U16, PW_U32, PW_U64};
    size_t i = 0;
    if (!labels->as_bits)
        return labels->volume->source->info.dtype;
    while (pw_dtype_bytes(bits[i]) < labels->volume->voxel_bytes)
        i++;
    return bits[i];
}

enum pw_status pw_stored_labels_pull(void *context, const struct pw_box *box, struct pw_label_block *block,
                                     struct pw_error *error)
{
    struct pw_stored_labels *labels = context;
    enum pw_dtype dtype = element_type(labels);
    uint64_t n = 0, r = 0;
    enum pw_status status = PW_OK;
    for (uint64_t z = 0; z < box->shape[0]; z++)
        for (uint64_t y = 0; y < box->shape[1] && status == PW_OK; y++) {
            const unsigned char *from = labels->voxels;
            uint64_t at[3] = {box->start[0] + z, box->start[1] + y, box->start[2]};
            for (int i = 0; i < 3; i++)
                from += (at[i] - labels->tile.start[i]) * labels->stride_bytes[i];
            labels->row[r++] = n;
            uint64_t more = pw_value_runs(dense_row(labels, from, box->shape[2]), dtype, box->shape[2], labels->run + n,
                                          labels->value + n);
            status = check_row(labels, n, more, at[0], at[1], at[2], error);
            n += more;
        }
    labels->row[r] = n;
    memcpy(block->shape, box->shape, sizeof block->shape);
    block->run = labels->run;
    block->value = labels->value;
    block->row = labels->row;
    block->n_runs = n;
    return status;
}
