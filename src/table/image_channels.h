/*
 * table/image_channels - the voxels of all channels of a box of an image.
 *
 *     pw_image_channels_init(&channels, source, time, n_times, channel, error)      channel -1: all of them
 *     pw_channel_reader_init(&reader, &channels, box_voxels, error)         one for each thread
 *     pw_channel_reader_read(&reader, &box, error)                          reader.channel[c] says where channel c is
 *     pw_channel_reader_release(&reader)
 *
 * Memory: pw_channel_reader_memory_bytes(), reserved at init.
 * Errors: those of tile/volume.h and of reading; PW_E_UNSUPPORTED for channels along more than one axis.
 * Threads: channels are constant once made; a reader belongs to one thread.
 */
#ifndef PW_TABLE_IMAGE_CHANNELS_H
#define PW_TABLE_IMAGE_CHANNELS_H

#include "base/memory.h"
#include "label/measure.h"
#include "tile/volume.h"

struct pw_image_channels {
    struct pw_volume volume; /* of the first channel */
    int axis;                /* of the array, along which the channels are; -1: there is one */
    uint32_t first, n;
};

enum pw_status pw_image_channels_init(struct pw_image_channels *channels, struct pw_source *source, int64_t time,
                                      uint64_t n_times, int64_t channel, struct pw_error *error);

struct pw_channel_reader {
    const struct pw_image_channels *channels;
    struct pw_region_reader *reader;
    struct pw_buffer voxels;
    struct pw_measure_channel *channel;
};

uint64_t pw_channel_reader_memory_bytes(const struct pw_image_channels *channels, uint64_t box_voxels);
enum pw_status pw_channel_reader_init(struct pw_channel_reader *reader, const struct pw_image_channels *channels,
                                      uint64_t box_voxels, struct pw_error *error);
enum pw_status pw_channel_reader_read(struct pw_channel_reader *reader, const struct pw_box *box,
                                      struct pw_error *error);
void pw_channel_reader_release(struct pw_channel_reader *reader); /* safe on a zeroed one */

#endif
