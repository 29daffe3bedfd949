/*
 * tile/volume - the z y x volume that a run segments, inside an array of any rank.
 *
 * An array has axes out of t c z y x in any order.  One time point of it is a volume, of one channel or of several; an
 * array without a z axis is a volume 1 thick.  Several time points are stacked along z, as tile/grid.h says: boxes are
 * in the stack and within one time point.  A volume of one time point stands for every time point of a stack.
 *
 *     pw_volume_init()                            one channel
 * or
 *     pw_volume_init_space, pw_volume_choose_time, pw_volume_choose_channels
 *
 * Channels are numbered through: with axes c of 2 and samples of 3 entries, 0..5 with the last axis fastest.
 *
 * Threads: constant once made.
 */
#ifndef PW_TILE_VOLUME_H
#define PW_TILE_VOLUME_H

#include "base/region.h"
#include "store/source.h"

enum {
    PW_VOLUME_CHANNELS_MAX = 256
};

struct pw_volume {
    struct pw_source *source; /* not owned */
    int axis[3];              /* the array's axis of z, y, x; -1: none, 1 thick */
    int time_axis;            /* -1: none */
    uint64_t shape[3];        /* voxels of one time point */
    uint64_t times;           /* time points that are taken, from first_time on */
    uint64_t first_time;
    int keeps_time;          /* labels of this image have a time axis */
    struct pw_axis time;     /* its calibration; the translation is that of first_time */
    uint64_t image_channels; /* that the array has */
    uint32_t n_channels;     /* that are taken */
    uint64_t channel[PW_VOLUME_CHANNELS_MAX];
    uint64_t chunk[3];       /* of the source, along z y x */
    int rank;                /* 2 without a z axis of the array, else 3 */
    struct pw_axis space[3]; /* calibration of z y x */
    size_t voxel_bytes;
};

/*
 * Picks time (-1: all) and channel (-1: there must be one).
 * Errors: PW_E_ARGUMENT, naming the axis and what may be chosen; PW_E_UNSUPPORTED
 * for an array without y and x, or with an axis that is none of t c z y x.
 */
enum pw_status pw_volume_init(struct pw_volume *volume, struct pw_source *source, int64_t time, int64_t channel,
                              struct pw_error *error);

/* The same of n_times time points, as pw_run_options.n_times. */
enum pw_status pw_volume_init_times(struct pw_volume *volume, struct pw_source *source, int64_t time, uint64_t n_times,
                                    int64_t channel, struct pw_error *error);

/* How many time points the array has, taken or not. */
uint64_t pw_volume_image_times(const struct pw_volume *volume);

/* Finds the axes; the first time point and channel are taken. */
enum pw_status pw_volume_init_space(struct pw_volume *volume, struct pw_source *source, struct pw_error *error);

/* As pw_run_options.time and n_times. */
enum pw_status pw_volume_choose_time(struct pw_volume *volume, int64_t time, uint64_t n_times, struct pw_error *error);

/* "2", "DAPI", "0,2", "GFP,DAPI" or "all" as numbers of channels, which are not checked against the image. */
enum pw_status pw_volume_parse_channels(const struct pw_volume *volume, const char *text,
                                        uint64_t channel[PW_VOLUME_CHANNELS_MAX], uint32_t *n, struct pw_error *error);

enum pw_status pw_volume_choose_channels(struct pw_volume *volume, const uint64_t *channel, uint32_t n,
                                         struct pw_error *error);

/* The error that one channel of several has to be chosen. */
enum pw_status pw_volume_no_channel(const struct pw_volume *volume, struct pw_error *error);

/* Index on the channel axis a of the array of the image's channel. */
uint64_t pw_volume_channel_index(const struct pw_volume *volume, uint64_t channel, int a);

/* The part of the array that box is, of the first channel that is taken. */
void pw_volume_region(const struct pw_volume *volume, const struct pw_box *box, struct pw_region *region);

/* Of one of them, 0 .. n_channels - 1. */
void pw_volume_region_of(const struct pw_volume *volume, const struct pw_box *box, uint32_t channel,
                         struct pw_region *region);

/* Whether channel, 0 .. n_channels - 1, lies in the same chunks as one before it. */
int pw_volume_shares_chunks(const struct pw_volume *volume, uint32_t channel);

/* How many do not: for each place in space so many chunks are read. */
uint32_t pw_volume_chunk_columns(const struct pw_volume *volume);

/*
 * Copies the voxels of chunk (a full decoded chunk, whose region is given) that lie in
 * window into target, the dense window of each channel that is taken, one behind the other.
 */
void pw_volume_copy_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region, const void *chunk,
                          const struct pw_box *window, void *target);

/* As above for a chunk that is not stored: sets those voxels to the fill value. */
void pw_volume_fill_chunk(const struct pw_volume *volume, const struct pw_region *chunk_region,
                          const struct pw_box *window, void *target);

/* Whether the decoded chunk of that region is, byte for byte, the dense window of all channels. */
int pw_volume_chunk_is_window(const struct pw_volume *volume, const struct pw_region *chunk_region,
                              const struct pw_box *window);

#endif
