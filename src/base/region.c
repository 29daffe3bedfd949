#include "base/region.h"

#include <string.h>

#include "base/checked.h"
#include "base/copy_past.h"

uint64_t pw_box_voxels(const struct pw_box *box)
{
    return box->shape[0] * box->shape[1] * box->shape[2];
}

static int intersect_axis(uint64_t a, uint64_t na, uint64_t b, uint64_t nb, uint64_t *start, uint64_t *shape)
{
    uint64_t low = pw_max_u64(a, b);
    uint64_t high = pw_min_u64(a + na, b + nb);
    *start = low;
    *shape = high > low ? high - low : 0;
    return *shape != 0;
}

struct pw_box pw_box_intersect(const struct pw_box *a, const struct pw_box *b)
{
    struct pw_box common;
    int any = 1;
    for (int i = 0; i < 3; i++)
        any &= intersect_axis(a->start[i], a->shape[i], b->start[i], b->shape[i], &common.start[i], &common.shape[i]);
    if (!any)
        memset(common.shape, 0, sizeof common.shape);
    return common;
}

int pw_box_is_empty(const struct pw_box *box)
{
    return box->shape[0] == 0 || box->shape[1] == 0 || box->shape[2] == 0;
}

int pw_box_equal(const struct pw_box *a, const struct pw_box *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

int pw_box_contains(const struct pw_box *outer, const struct pw_box *inner)
{
    for (int i = 0; i < 3; i++)
        if (inner->start[i] < outer->start[i] || inner->start[i] + inner->shape[i] > outer->start[i] + outer->shape[i])
            return 0;
    return 1;
}

int pw_region_intersect(const struct pw_region *a, const struct pw_region *b, struct pw_region *out)
{
    int any = 1;
    out->rank = a->rank;
    for (int i = 0; i < a->rank; i++)
        any &= intersect_axis(a->start[i], a->shape[i], b->start[i], b->shape[i], &out->start[i], &out->shape[i]);
    return any;
}

uint64_t pw_region_elements(const struct pw_region *region)
{
    uint64_t n = 1;
    for (int i = 0; i < region->rank; i++)
        n *= region->shape[i];
    return n;
}

int pw_region_equal(const struct pw_region *a, const struct pw_region *b)
{
    if (a->rank != b->rank)
        return 0;
    for (int i = 0; i < a->rank; i++)
        if (a->start[i] != b->start[i] || a->shape[i] != b->shape[i])
            return 0;
    return 1;
}

/* A target of more bytes is larger than what is worth keeping in a cache of it. */
#define PAST_BYTES ((uint64_t)16 << 20)

void pw_region_copy(const struct pw_region *part, const struct pw_region *from, const void *source,
                    const struct pw_region *to, void *target, size_t element_bytes)
{
    int rank = part->rank;
    if (pw_region_elements(part) == 0)
        return;
    if (rank == 0) {
        memcpy(target, source, element_bytes);
        return;
    }
    uint64_t from_stride[PW_MAX_RANK], to_stride[PW_MAX_RANK];
    uint64_t fs = element_bytes, ts = element_bytes;
    const unsigned char *s = source;
    unsigned char *t = target;
    for (int i = rank - 1; i >= 0; i--) {
        from_stride[i] = fs;
        to_stride[i] = ts;
        s += (part->start[i] - from->start[i]) * fs;
        t += (part->start[i] - to->start[i]) * ts;
        fs *= from->shape[i];
        ts *= to->shape[i];
    }
    /* Axes that are whole in both arrays are contiguous with the next slower one: one copy takes them all. */
    int inner = rank - 1;
    uint64_t bytes = part->shape[inner] * element_bytes;
    while (inner > 0 && part->shape[inner] == from->shape[inner] && part->shape[inner] == to->shape[inner]) {
        inner--;
        bytes *= part->shape[inner];
    }
    int past = ts >= PAST_BYTES;
    uint64_t index[PW_MAX_RANK] = {0};
    for (;;) {
        if (past)
            pw_copy_past(t, s, bytes);
        else
            memcpy(t, s, bytes);
        int axis = inner - 1;
        for (; axis >= 0; axis--) {
            s += from_stride[axis];
            t += to_stride[axis];
            if (++index[axis] < part->shape[axis])
                break;
            s -= from_stride[axis] * part->shape[axis];
            t -= to_stride[axis] * part->shape[axis];
            index[axis] = 0;
        }
        if (axis < 0)
            break;
    }
    if (past)
        pw_copy_past_end();
}
