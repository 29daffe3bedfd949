/*
 * store/image_output - an image of any format, open for writing, dense voxels in.
 *
 * The output says in which units it wants each level (a shard, a band of rows); every unit of every channel is written
 * exactly once, by one thread.  Levels are written one after the other, or several together:
 *
 *     open (validates, creates nothing visible)
 *       -> start (hidden files)
 *       -> for each level, or for some of them: begin_level, write_unit ... from any thread with a writer of its own, end_level
 *       -> commit (metadata last, then renamed into place), or abort
 *     -> close
 *
 * Time points and their channels are stacked: box.start[0] of a unit is in the stack of time points along z, as
 * tile/grid.h says, and the channel is given beside it.
 *
 * Threads: write_unit from any thread; the others from one.
 */
#ifndef PW_STORE_IMAGE_OUTPUT_H
#define PW_STORE_IMAGE_OUTPUT_H

#include <stdatomic.h>

#include "base/region.h"
#include "store/array_axes.h"
#include "store/level_shapes.h"

/* Voxels of a box; those of a row are adjacent. */
struct pw_image_block {
    const void *voxels;
    size_t stride_bytes[2]; /* from one z and y to the next */
};

/* What to write.  Read during open; names have to live until commit. */
struct pw_image_request {
    const char *path;
    int overwrite;
    enum pw_dtype dtype;
    uint64_t shape[3]; /* of a time point and channel */
    struct pw_array_axes axes;
    const char *const *channel_name; /* axes.channels entries, or NULL */
    const char *const *channel_show; /* likewise: JSON, as pw_image_info.channel_shows */
    uint64_t source_chunk[3];        /* a hint */
    uint64_t chunk[3], shard[3];     /* asked for; 0: chosen */
    const char *ngff;
    const char *codec; /* of store/output_codec.h; NULL: the format's usual one */
    int pyramid;       /* smaller levels, by mean */
};

/* The values of a channel, for viewers; low > high: none seen. */
struct pw_image_window {
    double low, high;
};

struct pw_source;
struct pw_image_output;
struct pw_image_writer;

struct pw_image_output_ops {
    enum pw_status (*start)(struct pw_image_output *output, struct pw_error *error);
    enum pw_status (*begin_level)(struct pw_image_output *output, int level, struct pw_error *error);
    enum pw_status (*end_level)(struct pw_image_output *output, int level, struct pw_error *error);
    enum pw_status (*writer_new)(struct pw_image_output *output, struct pw_image_writer **writer,
                                 struct pw_error *error);
    void (*writer_free)(struct pw_image_writer *writer);
    uint64_t (*writer_memory_bytes)(const struct pw_image_output *output);
    enum pw_status (*write_unit)(struct pw_image_output *output, struct pw_image_writer *writer, int level,
                                 uint64_t channel, const struct pw_box *box, const struct pw_image_block *block,
                                 struct pw_error *error);
    /* window: of each channel; NULL when it is not known. */
    enum pw_status (*commit)(struct pw_image_output *output, const struct pw_image_window *window,
                             struct pw_error *error);
    void (*close)(struct pw_image_output *output); /* frees output itself; aborts when not committed */
};

/* The base of every output. */
struct pw_image_output {
    const struct pw_image_output_ops *ops;
    char path[4096]; /* where the finished image will be */
    struct pw_level_shapes levels;
    uint64_t unit[PW_MAX_LEVELS][3];
    char level_path[4096]; /* of the level that was written last, to be read for the next one */
    int fills_zero;        /* units that are all 0 need not be written */
    int levels_in_turn; /* a level begins when the one before has ended, and its units come in raster order; else they mix */
    _Atomic uint64_t bytes_written;
    /*
     * Of the units that come, set before threads begin: from first_channel on so many channels of a box one after the other,
     * boxes in the order of the units; and where they are from, whose cancel flag ends waiting.
     */
    uint64_t first_channel, channels_together;
    const struct pw_source *from;
};

enum pw_status pw_zarr_image_open(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);
enum pw_status pw_tiff_image_open(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);
enum pw_status pw_npy_image_open(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);
enum pw_status pw_raw_image_open(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);
enum pw_status pw_nrrd_image_open(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);
enum pw_status pw_mhd_image_open(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);
enum pw_status pw_hdf5_image_open(const struct pw_image_request *, struct pw_image_output **, struct pw_error *);

/*
 * The levels below the only one of an OME-Zarr image or label image, which is open as source: level 0 stays as it is, and the
 * others come into view on commit.  rule as in pw_ngff_multiscale.type: "mean", "mode" or "nearest".
 * codec as in pw_image_request; NULL: the usual one.
 * Errors: PW_E_ARGUMENT when source is no level 0 of an OME-Zarr image, PW_E_EXISTS when that has several levels.
 */
enum pw_status pw_zarr_extend_open(const struct pw_source *source, const struct pw_array_axes *axes,
                                   const uint64_t shape[3], const char *rule, const char *codec,
                                   struct pw_image_output **output, struct pw_error *error);

/*
 * How many units of the level come before this one, of an array of so many time points: for outputs whose bytes follow from
 * the order of what is written.
 */
uint64_t pw_image_output_turn(const struct pw_image_output *output, int level, uint64_t times, uint64_t channel,
                              const struct pw_box *box);

/*
 * Opens the output called format ("zarr", "tiff", "npy", "raw", "nrrd", "mhd", "hdf5"; NULL: from the suffix of the path).
 * Errors: PW_E_EXISTS without overwrite, PW_E_ARGUMENT, PW_E_NOT_FOUND for a missing parent directory.
 */
enum pw_status pw_image_output_open(const char *format, const struct pw_image_request *request,
                                    struct pw_image_output **output, struct pw_error *error);

#endif
