/* Connected components of voxels that are equal and not zero: `label`. */
#include "base/dtype.h"
#include "label/components.h"
#include "segment/segmenter.h"

static uint64_t equal_arena_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3])
{
    (void)segmenter;
    return pw_components_scratch_bytes(shape);
}

static enum pw_status equal_segment(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                    const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error)
{
    (void)error;
    pw_components_of_equal(tile->dtype, tile->voxels, tile->stride_bytes, tile->shape, segmenter->connectivity,
                           worker->arena.data, runs);
    return PW_OK;
}

/* Constant and not zero is one component; zero bits are zero in every type. */
static int equal_constant_is_empty(const struct pw_segmenter *segmenter, uint64_t bits)
{
    (void)segmenter;
    return bits == 0;
}

/* Values below 0 are labels too. */
int pw_equal_empty_level(const struct pw_segmenter *segmenter, double *level)
{
    *level = 0;
    return pw_dtype_is_integer(segmenter->dtype) && !pw_dtype_is_signed(segmenter->dtype);
}

const struct pw_segment_ops pw_equal_segment_ops = {
    .arena_bytes = equal_arena_bytes,
    .segment = equal_segment,
    .constant_is_empty = equal_constant_is_empty,
    .empty_level = pw_equal_empty_level,
};
