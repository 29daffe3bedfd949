#include "tile/volume.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* ---- places in the array ------------------------------------------------ */

/* The time point of box; a volume of one time point stands for each. */
static uint64_t time_of(const struct pw_volume *volume, const struct pw_box *box)
{
    return volume->times > 1 ? box->start[Z] / volume->shape[Z] : 0;
}

/* Where the stack's time point begins that box lies in. */
static uint64_t stack_start(const struct pw_volume *volume, const struct pw_box *box)
{
    return box->start[Z] / volume->shape[Z] * volume->shape[Z];
}

/* The index on axis a, which is none of z y x, of a selected channel at a time point. */
static uint64_t fixed_index(const struct pw_volume *volume, int a, uint64_t time, uint32_t channel)
{
    if (a == volume->time_axis)
        return volume->first_time + time;
    return volume->source->info.axis[a].kind == 'c' ? pw_volume_channel_index(volume, volume->channel[channel], a) : 0;
}

static int is_space_axis(const struct pw_volume *volume, int a)
{
    return a == volume->axis[Z] || a == volume->axis[Y] || a == volume->axis[X];
}

uint64_t pw_volume_channel_index(const struct pw_volume *volume, uint64_t channel, int a)
{
    const struct pw_image_info *info = &volume->source->info;
    for (int k = info->rank - 1; k > a; k--)
        if (info->axis[k].kind == 'c' && !is_space_axis(volume, k))
            channel /= info->shape[k];
    return channel % info->shape[a];
}

void pw_volume_region_of(const struct pw_volume *volume, const struct pw_box *box, uint32_t channel,
                         struct pw_region *region)
{
    memset(region, 0, sizeof *region);
    region->rank = volume->source->info.rank;
    for (int a = 0; a < region->rank; a++) {
        region->shape[a] = 1;
        if (!is_space_axis(volume, a))
            region->start[a] = fixed_index(volume, a, time_of(volume, box), channel);
    }
    for (int i = 0; i < 3; i++)
        if (volume->axis[i] >= 0) {
            region->start[volume->axis[i]] = box->start[i] - (i == Z ? stack_start(volume, box) : 0);
            region->shape[volume->axis[i]] = box->shape[i];
        }
}

void pw_volume_region(const struct pw_volume *volume, const struct pw_box *box, struct pw_region *region)
{
    pw_volume_region_of(volume, box, 0, region);
}

int pw_volume_shares_chunks(const struct pw_volume *volume, uint32_t channel)
{
    const struct pw_image_info *info = &volume->source->info;
    for (uint32_t k = 0; k < channel; k++) {
        int same = 1;
        for (int a = 0; a < info->rank && same; a++)
            if (!is_space_axis(volume, a) && a != volume->time_axis)
                same = fixed_index(volume, a, 0, k) / info->chunk[a] ==
                       fixed_index(volume, a, 0, channel) / info->chunk[a];
        if (same)
            return 1;
    }
    return 0;
}

uint32_t pw_volume_chunk_columns(const struct pw_volume *volume)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < volume->n_channels; k++)
        n += !pw_volume_shares_chunks(volume, k);
    return n;
}

/* ---- chunks --------------------------------------------------------------- */

/* What chunk and window have in common, and where it is in both. */
struct overlap {
    struct pw_box box;      /* in the volume */
    uint64_t chunk_first;   /* element of the chunk that is the box's first voxel */
    uint64_t chunk_step[3]; /* elements of the chunk from one voxel to the next along z y x */
};

/* Returns 0 when the chunk does not hold the channel. */
static int find_overlap(const struct pw_volume *volume, const struct pw_region *chunk, const struct pw_box *window,
                        uint32_t channel, struct overlap *overlap)
{
    uint64_t time = time_of(volume, window);
    uint64_t stride[PW_MAX_RANK], step = 1;
    struct pw_box part;
    for (int a = chunk->rank - 1; a >= 0; a--) {
        stride[a] = step;
        step *= chunk->shape[a];
    }
    overlap->chunk_first = 0;
    for (int a = 0; a < chunk->rank; a++) {
        if (is_space_axis(volume, a))
            continue;
        uint64_t index = fixed_index(volume, a, time, channel);
        if (index < chunk->start[a] || index - chunk->start[a] >= chunk->shape[a])
            return 0;
        overlap->chunk_first += (index - chunk->start[a]) * stride[a];
    }
    for (int i = 0; i < 3; i++) {
        int a = volume->axis[i];
        part.start[i] = a >= 0 ? chunk->start[a] : 0;
        part.shape[i] = a >= 0 ? chunk->shape[a] : 1;
        overlap->chunk_step[i] = a >= 0 ? stride[a] : 0;
    }
    part.start[Z] += stack_start(volume, window);
    overlap->box = pw_box_intersect(&part, window);
    if (pw_box_is_empty(&overlap->box))
        return 0;
    for (int i = 0; i < 3; i++)
        overlap->chunk_first += (overlap->box.start[i] - part.start[i]) * overlap->chunk_step[i];
    return 1;
}

/* Copies n elements that stand step elements apart. */
static void gather(unsigned char *out, const unsigned char *in, uint64_t n, uint64_t step, size_t element_bytes)
{
    for (uint64_t i = 0; i < n; i++, out += element_bytes, in += step * element_bytes)
        for (size_t b = 0; b < element_bytes; b++)
            out[b] = in[b];
}

/* Voxel (z, y, x) of the stack in a dense window of all selected channels. */
static unsigned char *window_row(const struct pw_volume *volume, const struct pw_box *window, uint32_t channel,
                                 void *target, uint64_t z, uint64_t y, uint64_t x)
{
    uint64_t row = (z - window->start[Z]) * window->shape[Y] + (y - window->start[Y]);
    uint64_t voxel = channel * pw_box_voxels(window) + row * window->shape[X] + (x - window->start[X]);
    return (unsigned char *)target + voxel * volume->voxel_bytes;
}

static void copy_channel(const struct pw_volume *volume, const struct overlap *o, uint32_t channel, const void *chunk,
                         const struct pw_box *window, void *target)
{
    size_t bytes = volume->voxel_bytes;
    for (uint64_t z = 0; z < o->box.shape[Z]; z++)
        for (uint64_t y = 0; y < o->box.shape[Y]; y++) {
            const unsigned char *in =
                (const unsigned char *)chunk + (o->chunk_first + z * o->chunk_step[Z] + y * o->chunk_step[Y]) * bytes;
            unsigned char *out =
                window_row(volume, window, channel, target, o->box.start[Z] + z, o->box.start[Y] + y, o->box.start[X]);
            if (o->chunk_step[X] == 1)
                memcpy(out, in, o->box.shape[X] * bytes);
            else
                gather(out, in, o->box.shape[X], o->chunk_step[X], bytes);
        }
}

void pw_volume_copy_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region, const void *chunk,
                          const struct pw_box *window, void *target)
{
    struct overlap o;
    for (uint32_t channel = 0; channel < volume->n_channels; channel++)
        if (find_overlap(volume, chunk_region, window, channel, &o))
            copy_channel(volume, &o, channel, chunk, window, target);
}

static void fill_channel(const struct pw_volume *volume, const struct overlap *o, uint32_t channel,
                         const struct pw_box *window, void *target)
{
    for (uint64_t z = 0; z < o->box.shape[Z]; z++)
        for (uint64_t y = 0; y < o->box.shape[Y]; y++)
            pw_source_fill(
                volume->source,
                window_row(volume, window, channel, target, o->box.start[Z] + z, o->box.start[Y] + y, o->box.start[X]),
                o->box.shape[X]);
}

void pw_volume_fill_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region,
                          const struct pw_box *window, void *target)
{
    struct overlap o;
    for (uint32_t channel = 0; channel < volume->n_channels; channel++)
        if (find_overlap(volume, chunk_region, window, channel, &o))
            fill_channel(volume, &o, channel, window, target);
}

int pw_volume_chunk_is_window(const struct pw_volume *volume, const struct pw_region *chunk_region,
                              const struct pw_box *window)
{
    uint64_t voxels = pw_box_voxels(window);
    uint64_t dense[3] = {window->shape[Y] * window->shape[X], window->shape[X], 1};
    if (pw_region_elements(chunk_region) != voxels * volume->n_channels)
        return 0;
    for (uint32_t channel = 0; channel < volume->n_channels; channel++) {
        struct overlap o;
        if (!find_overlap(volume, chunk_region, window, channel, &o) || !pw_box_equal(&o.box, window) ||
            o.chunk_first != channel * voxels)
            return 0;
        /* The same voxels; in the same order when the steps are those of the dense window. */
        for (int i = 0; i < 3; i++)
            if (window->shape[i] > 1 && o.chunk_step[i] != dense[i])
                return 0;
    }
    return 1;
}
