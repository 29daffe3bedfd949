#include "tile/volume.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

static int axis_is(const struct pw_axis *axis, const char *name)
{
    return strcmp(axis->name, name) == 0;
}

/*
 * Finds z, y and x: by name, else the last spatial or unnamed axes in their order.
 */
static void find_space(struct pw_volume *volume, const struct pw_image_info *info)
{
    static const char *const name[3] = {"z", "y", "x"};
    for (int i = 0; i < 3; i++) {
        volume->axis[i] = -1;
        for (int a = 0; a < info->rank; a++)
            if (axis_is(&info->axis[a], name[i]))
                volume->axis[i] = a;
    }
    if (volume->axis[Y] >= 0 && volume->axis[X] >= 0)
        return;
    int next = X;
    for (int i = 0; i < 3; i++)
        volume->axis[i] = -1;
    for (int a = info->rank - 1; a >= 0 && next >= Z; a--)
        if (info->axis[a].kind == 's' || info->axis[a].kind == '?')
            volume->axis[next--] = a;
}

static int is_space_axis(const struct pw_volume *volume, int a)
{
    return a == volume->axis[Z] || a == volume->axis[Y] || a == volume->axis[X];
}

static enum pw_status choose(struct pw_volume *volume, const struct pw_image_info *info, int a, int64_t wanted,
                             const char *option, struct pw_error *error)
{
    const char *path = volume->source->path;
    unsigned long long n = (unsigned long long)info->shape[a];
    if (n == 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the image has no voxel: its axis %d has 0 entries", path, a);
    if (wanted < 0 && n > 1)
        return pw_fail(error, PW_E_ARGUMENT, "%s: has %llu entries along axis %s; choose one with %s 0..%llu", path, n,
                       info->axis[a].name[0] != '\0' ? info->axis[a].name : "?", option, n - 1);
    if (wanted >= 0 && (uint64_t)wanted >= n)
        return pw_fail(error, PW_E_ARGUMENT, "%s %lld: %s has %llu (0..%llu)", option, (long long)wanted, path, n,
                       n - 1);
    volume->fixed[a] = wanted < 0 ? 0 : (uint64_t)wanted;
    return PW_OK;
}

static enum pw_status choose_others(struct pw_volume *volume, int64_t time, int64_t channel, struct pw_error *error)
{
    const struct pw_image_info *info = &volume->source->info;
    int has_time = 0, has_channel = 0;
    for (int a = 0; a < info->rank; a++) {
        if (is_space_axis(volume, a))
            continue;
        int is_time = info->axis[a].kind == 't';
        int64_t wanted = is_time ? time : channel;
        if (info->axis[a].kind != 't' && info->axis[a].kind != 'c' && info->shape[a] > 1)
            return pw_fail(error, PW_E_UNSUPPORTED, "%s: axis %d (%s) is neither space, time nor channel",
                           volume->source->path, a, info->axis[a].name);
        enum pw_status status = choose(volume, info, a, wanted, is_time ? "--time" : "--channel", error);
        if (status != PW_OK)
            return status;
        has_time |= is_time;
        has_channel |= !is_time;
    }
    if (time > 0 && !has_time)
        return pw_fail(error, PW_E_ARGUMENT, "--time %lld: %s has no time axis", (long long)time, volume->source->path);
    if (channel > 0 && !has_channel)
        return pw_fail(error, PW_E_ARGUMENT, "--channel %lld: %s has no channel axis", (long long)channel,
                       volume->source->path);
    return PW_OK;
}

enum pw_status pw_volume_init(struct pw_volume *volume, struct pw_source *source, int64_t time, int64_t channel,
                              struct pw_error *error)
{
    static const char *const name[3] = {"z", "y", "x"};
    const struct pw_image_info *info = &source->info;
    memset(volume, 0, sizeof *volume);
    volume->source = source;
    volume->voxel_bytes = pw_dtype_bytes(info->dtype);
    find_space(volume, info);
    if (volume->axis[Y] < 0 || volume->axis[X] < 0)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: %d axes, of which y and x cannot be told; an image has at least 2",
                       source->path, info->rank);
    volume->rank = volume->axis[Z] >= 0 ? 3 : 2;
    for (int i = 0; i < 3; i++) {
        int a = volume->axis[i];
        volume->shape[i] = a >= 0 ? info->shape[a] : 1;
        volume->chunk[i] = a >= 0 ? info->chunk[a] : 1;
        if (a >= 0)
            volume->space[i] = info->axis[a];
        else
            volume->space[i].scale = 1.0;
        volume->space[i].kind = 's';
        memset(volume->space[i].name, 0, sizeof volume->space[i].name);
        volume->space[i].name[0] = name[i][0];
    }
    return choose_others(volume, time, channel, error);
}

void pw_volume_region(const struct pw_volume *volume, const struct pw_box *box, struct pw_region *region)
{
    memset(region, 0, sizeof *region);
    region->rank = volume->source->info.rank;
    for (int a = 0; a < region->rank; a++) {
        region->start[a] = volume->fixed[a];
        region->shape[a] = 1;
    }
    for (int i = 0; i < 3; i++)
        if (volume->axis[i] >= 0) {
            region->start[volume->axis[i]] = box->start[i];
            region->shape[volume->axis[i]] = box->shape[i];
        }
}

/* What chunk and window have in common, and where it is in both. */
struct overlap {
    struct pw_box box;      /* in the volume */
    uint64_t chunk_first;   /* element of the chunk that is the box's first voxel */
    uint64_t chunk_step[3]; /* elements of the chunk from one voxel to the next along z y x */
};

static void find_overlap(const struct pw_volume *volume, const struct pw_region *chunk, const struct pw_box *window,
                         struct overlap *overlap)
{
    uint64_t stride[PW_MAX_RANK], step = 1;
    struct pw_box part;
    for (int a = chunk->rank - 1; a >= 0; a--) {
        stride[a] = step;
        step *= chunk->shape[a];
    }
    overlap->chunk_first = 0;
    for (int a = 0; a < chunk->rank; a++)
        if (!is_space_axis(volume, a))
            overlap->chunk_first += (volume->fixed[a] - chunk->start[a]) * stride[a];
    for (int i = 0; i < 3; i++) {
        int a = volume->axis[i];
        part.start[i] = a >= 0 ? chunk->start[a] : 0;
        part.shape[i] = a >= 0 ? chunk->shape[a] : 1;
        overlap->chunk_step[i] = a >= 0 ? stride[a] : 0;
    }
    overlap->box = pw_box_intersect(&part, window);
    for (int i = 0; i < 3; i++)
        if (overlap->box.shape[i] != 0)
            overlap->chunk_first += (overlap->box.start[i] - part.start[i]) * overlap->chunk_step[i];
}

/* Copies n elements that stand step elements apart. */
static void gather(unsigned char *out, const unsigned char *in, uint64_t n, uint64_t step, size_t element_bytes)
{
    for (uint64_t i = 0; i < n; i++, out += element_bytes, in += step * element_bytes)
        for (size_t b = 0; b < element_bytes; b++)
            out[b] = in[b];
}

static unsigned char *window_row(const struct pw_volume *volume, const struct pw_box *window, void *target, uint64_t z,
                                 uint64_t y, uint64_t x)
{
    uint64_t row = (z - window->start[Z]) * window->shape[Y] + (y - window->start[Y]);
    return (unsigned char *)target + (row * window->shape[X] + (x - window->start[X])) * volume->voxel_bytes;
}

void pw_volume_copy_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region, const void *chunk,
                          const struct pw_box *window, void *target)
{
    struct overlap o;
    find_overlap(volume, chunk_region, window, &o);
    size_t bytes = volume->voxel_bytes;
    for (uint64_t z = 0; z < o.box.shape[Z]; z++)
        for (uint64_t y = 0; y < o.box.shape[Y]; y++) {
            const unsigned char *in =
                (const unsigned char *)chunk + (o.chunk_first + z * o.chunk_step[Z] + y * o.chunk_step[Y]) * bytes;
            unsigned char *out =
                window_row(volume, window, target, o.box.start[Z] + z, o.box.start[Y] + y, o.box.start[X]);
            if (o.chunk_step[X] == 1)
                memcpy(out, in, o.box.shape[X] * bytes);
            else
                gather(out, in, o.box.shape[X], o.chunk_step[X], bytes);
        }
}

void pw_volume_fill_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region,
                          const struct pw_box *window, void *target)
{
    struct overlap o;
    find_overlap(volume, chunk_region, window, &o);
    for (uint64_t z = 0; z < o.box.shape[Z]; z++)
        for (uint64_t y = 0; y < o.box.shape[Y]; y++)
            pw_source_fill(volume->source,
                           window_row(volume, window, target, o.box.start[Z] + z, o.box.start[Y] + y, o.box.start[X]),
                           o.box.shape[X]);
}

int pw_volume_chunk_is_window(const struct pw_volume *volume, const struct pw_region *chunk_region,
                              const struct pw_box *window)
{
    uint64_t elements = pw_region_elements(chunk_region);
    if (elements != pw_box_voxels(window))
        return 0;
    struct overlap o;
    find_overlap(volume, chunk_region, window, &o);
    if (!pw_box_equal(&o.box, window))
        return 0;
    /* The same voxels; in the same order when the steps are those of the dense window. */
    uint64_t dense[3] = {window->shape[Y] * window->shape[X], window->shape[X], 1};
    for (int i = 0; i < 3; i++)
        if (window->shape[i] > 1 && o.chunk_step[i] != dense[i])
            return 0;
    return 1;
}
