#include "table/image_channels.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

static int is_space(const struct pw_volume *volume, int a)
{
    return a == volume->axis[0] || a == volume->axis[1] || a == volume->axis[2];
}

/* The axis of several channels; an image of one channel may have none. */
static enum pw_status find_axis(struct pw_image_channels *channels, const struct pw_source *source,
                                struct pw_error *error)
{
    const struct pw_image_info *info = &source->info;
    channels->axis = -1;
    for (int a = 0; a < info->rank; a++) {
        if (is_space(&channels->volume, a) || info->axis[a].kind != 'c' || info->shape[a] <= 1)
            continue;
        if (channels->axis >= 0)
            return pw_fail(error, PW_E_UNSUPPORTED,
                           "%s: channels along two axes (%d and %d); choose one with --channel", source->path,
                           channels->axis, a);
        channels->axis = a;
    }
    return PW_OK;
}

enum pw_status pw_image_channels_init(struct pw_image_channels *channels, struct pw_source *source, int64_t time,
                                      uint64_t n_times, int64_t channel, struct pw_error *error)
{
    memset(channels, 0, sizeof *channels);
    int has_axis = 0;
    for (int a = 0; a < source->info.rank; a++)
        has_axis |= source->info.axis[a].kind == 'c' && source->info.shape[a] > 1;
    enum pw_status status =
        pw_volume_init_times(&channels->volume, source, time, n_times, channel < 0 && has_axis ? 0 : channel, error);
    if (status == PW_OK)
        status = find_axis(channels, source, error);
    if (status != PW_OK)
        return status;
    channels->first = channel < 0 ? 0 : (uint32_t)channel;
    channels->n = 1;
    if (channel >= 0 || channels->axis < 0)
        return PW_OK;
    uint64_t n = source->info.shape[channels->axis];
    if (n > 10000)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: %llu channels; choose one with --channel", source->path,
                       (unsigned long long)n);
    channels->n = (uint32_t)n;
    return PW_OK;
}

/* ---- reading ----------------------------------------------------------- */

uint64_t pw_channel_reader_memory_bytes(const struct pw_image_channels *channels, uint64_t box_voxels)
{
    uint64_t bytes;
    if (!pw_mul_u64(box_voxels, channels->n * channels->volume.voxel_bytes, &bytes))
        return UINT64_MAX / 4;
    return bytes + pw_region_reader_memory_bytes(channels->volume.source) +
           channels->n * sizeof(struct pw_measure_channel);
}

enum pw_status pw_channel_reader_init(struct pw_channel_reader *reader, const struct pw_image_channels *channels,
                                      uint64_t box_voxels, struct pw_error *error)
{
    memset(reader, 0, sizeof *reader);
    reader->channels = channels;
    reader->channel = pw_alloc(channels->n, sizeof *reader->channel, error);
    if (reader->channel == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_buffer_init(&reader->voxels, box_voxels * channels->n * channels->volume.voxel_bytes,
                                           "voxels of a tile", error);
    return status == PW_OK ? pw_region_reader_new(channels->volume.source, &reader->reader, error) : status;
}

void pw_channel_reader_release(struct pw_channel_reader *reader)
{
    pw_region_reader_free(reader->reader);
    pw_buffer_release(&reader->voxels);
    free(reader->channel);
    memset(reader, 0, sizeof *reader);
}

/* Where each channel lies in the dense region, and its steps along z y x. */
static void place_channels(struct pw_channel_reader *reader, const struct pw_region *region)
{
    const struct pw_image_channels *channels = reader->channels;
    size_t stride[PW_MAX_RANK], step = channels->volume.voxel_bytes;
    for (int a = region->rank - 1; a >= 0; a--) {
        stride[a] = step;
        step *= (size_t)region->shape[a];
    }
    for (uint32_t c = 0; c < channels->n; c++) {
        struct pw_measure_channel *channel = &reader->channel[c];
        channel->voxels =
            (const unsigned char *)reader->voxels.data + (channels->axis >= 0 ? c * stride[channels->axis] : 0);
        for (int i = 0; i < 3; i++)
            channel->stride_bytes[i] = channels->volume.axis[i] >= 0 ? stride[channels->volume.axis[i]] : 0;
    }
}

enum pw_status pw_channel_reader_read(struct pw_channel_reader *reader, const struct pw_box *box,
                                      struct pw_error *error)
{
    const struct pw_image_channels *channels = reader->channels;
    struct pw_region region;
    pw_volume_region(&channels->volume, box, &region);
    if (channels->axis >= 0 && channels->n > 1)
        region.shape[channels->axis] = channels->n;
    place_channels(reader, &region);
    return pw_region_reader_read(reader->reader, &region, reader->voxels.data, error);
}
