/*
 * label/downsample - a label image at a lower resolution.
 *
 * Every output voxel stands for a block of factor voxels, at the far borders for
 * those of it that exist.  PW_PYRAMID_MODE: when at least half of the block's voxels are
 * labelled, the label that most of them have, of several the smallest; else 0.  So
 * objects keep their size on the whole, and foreground wins a draw.  PW_PYRAMID_NEAREST: the
 * block's first voxel.  By neither does a value occur that the input does not have.
 *
 * Memory: scratch is the caller's.  Threads: a pure function of its arguments.
 */
#ifndef PW_LABEL_DOWNSAMPLE_H
#define PW_LABEL_DOWNSAMPLE_H

#include "patchworks.h"

/* Voxels of a level along an axis. */
struct pw_span {
    uint64_t start, end;
};

/*
 * The voxels of a level of extent that voxels start..end-1 of the next smaller one stand for, along one axis; at least one: the
 * last, where there are none.
 */
static inline struct pw_span pw_source_span(uint64_t start, uint64_t end, uint64_t factor, uint64_t extent)
{
    struct pw_span span = {start * factor, end * factor};
    if (span.start >= extent)
        span.start = extent - 1;
    if (span.end > extent)
        span.end = extent;
    return span;
}

/* A box of voxels [z][y][x]; voxels of a row are adjacent. */
struct pw_label_box {
    void *voxels;
    uint64_t shape[3];
    size_t stride[2]; /* elements from one z and y to the next */
};

size_t pw_downsample_scratch_bytes(const uint64_t factor[3]);

/*
 * from is the input that the voxels of to stand for: output voxel i is made of
 * input voxels i*factor .. (i+1)*factor-1, of the last one where from ends before.
 * dtype is PW_U8, PW_U16, PW_U32 or PW_U64.  Returns whether any output voxel is not 0.
 */
int pw_downsample_labels(enum pw_dtype dtype, enum pw_pyramid_rule rule, const struct pw_label_box *from,
                         const uint64_t factor[3], const struct pw_label_box *to, void *scratch);

#endif
