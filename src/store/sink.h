/*
 * store/sink - a label volume of any format, open for writing.
 *
 * The sink says in which units it wants the volume (struct pw_sink.unit: a
 * shard, a chunk, a band of rows); units tile the volume in raster order and every
 * unit is written exactly once, by one thread.  For each unit the sink pulls the
 * labels it needs, box by box, as runs, and expands or compresses them itself:
 *
 *     open (plan: validates, creates nothing visible)
 *       -> start (labels are known: type and count; creates hidden files)
 *       -> write_unit ... from any thread, each with its own writer
 *       -> for each level 1 .. n_levels: begin_level, write_level_unit ... likewise
 *       -> commit (metadata last, then renamed into place), or
 *       -> abort  (removes everything it made)
 *     -> close
 *
 * Of several time points each is a volume by itself: shape and unit are of one, units do not reach from one into the
 * next, and boxes are in the stack of all of them along z (tile/grid.h).
 *
 * A sink with PW_SINK_SEQUENTIAL writes units in order: write_unit waits inside
 * for its turn; units are handed out in order, so the least one under way never waits.
 *
 * Threads: write_unit from any thread with a writer of its own; the others from one.
 */
#ifndef PW_STORE_SINK_H
#define PW_STORE_SINK_H

#include "base/region.h"
#include "label/runs.h"
#include "patchworks.h"

enum pw_sink_capability {
    PW_SINK_SEQUENTIAL = 1
};

/* What to write.  Read during open; strings are copied by the sink. */
struct pw_sink_request {
    const char *path;       /* final place; "-" is standard output */
    uint64_t shape[3];      /* of the volume, z y x */
    int rank;               /* 2: y x (shape[0] is 1), or 3 */
    struct pw_axis axis[3]; /* of z y x; name, scale, translation, unit */
    uint64_t times;         /* time points; 0 counts as 1 */
    int has_time;           /* the labels have a time axis before the others */
    struct pw_axis time;    /* its calibration */
    uint64_t tile[3];       /* of the pipeline, a hint for units and chunks */
    uint64_t chunk[3];      /* asked for by the user; 0 = chosen by the sink */
    uint64_t shard[3];      /* likewise */
    int overwrite;
    enum pw_dtype dtype_hint; /* likely element type, for sizing */
    const char *ngff;         /* "0.4" or "0.5" */
    const char *label_name;
    /*
     * Labels of an image that is an OME-NGFF store: path is then the image's group, and the
     * labels go to path/labels/label_name with the image's number of levels.
     */
    int into_image;
    /*
     * Labels that take the place of labels: path is a zarr array, or a label image that this program wrote, and
     * the new one has its place, and an array its attributes.
     */
    int replaces;
    const struct pw_image_info *image; /* of the input; NULL when it has no levels */
    enum pw_pyramid_rule pyramid;      /* smaller levels, in formats that have them */
    const char *scratch_dir;           /* for sinks that sort */
    uint64_t memory_bytes;             /* the budget of the whole; what a sink takes of it is in its memory sizes */
    const char *segmenter;             /* recorded in the metadata; what made the labels */
    const char *codec;                 /* of store/output_codec.h; NULL: the format's usual one */
};

/* How a sink gets labels: fills *block with the labels of box (volume coordinates); valid until the next pull. */
typedef enum pw_status (*pw_pull_fn)(void *context, const struct pw_box *box, struct pw_label_block *block,
                                     struct pw_error *error);

struct pw_sink;
struct pw_writer; /* per-thread state of write_unit: encoder, chunk buffer */

struct pw_sink_ops {
    const char *format;
    enum pw_status (*start)(struct pw_sink *sink, enum pw_dtype dtype, uint64_t n_objects, struct pw_error *error);
    enum pw_status (*writer_new)(struct pw_sink *sink, struct pw_writer **writer, struct pw_error *error);
    void (*writer_free)(struct pw_writer *writer);
    size_t (*writer_memory_bytes)(const struct pw_sink *sink); /* for the larger of dtype_hint and its elements */
    enum pw_status (*write_unit)(struct pw_sink *sink, struct pw_writer *writer, uint64_t unit_index,
                                 const struct pw_box *box, pw_pull_fn pull, void *context, struct pw_error *error);
    /*
     * Of the smaller levels that are made once the one before is whole, where there are any: how many units level has,
     * which ends what was written before; and one of them.  Units are handed out in order here too.
     */
    uint64_t (*begin_level)(struct pw_sink *sink, int level);
    enum pw_status (*write_level_unit)(struct pw_sink *sink, struct pw_writer *writer, int level, uint64_t unit,
                                       struct pw_error *error);
    enum pw_status (*commit)(struct pw_sink *sink, struct pw_error *error);
    void (*abort)(struct pw_sink *sink);
    void (*close)(struct pw_sink *sink); /* frees sink itself; aborts when not committed */
};

/* The base of every sink. */
struct pw_sink {
    const struct pw_sink_ops *ops;
    unsigned capabilities;
    uint64_t volume[3]; /* of one time point */
    uint64_t times;     /* pw_sink_open() sets it */
    uint64_t unit[3];   /* shape of a unit; those at the border are clipped */
    uint64_t pull[3];   /* the largest box that write_unit pulls at once */
    uint64_t chunk[3];  /* for the plan's report; 0 when there are none */
    uint64_t shard[3];
    int n_levels;          /* that are made by write_level_unit; of most sinks none */
    uint64_t shared_bytes; /* of memory that its writers share, or that commit takes */
    char path[4096];       /* where the finished labels will be */
    /*
     * In a zarr store: its version (2 or 3), and once started the directory of the label image in the making, for what
     * else belongs into it.  0 and "" elsewhere.
     */
    int zarr_version;
    char build[4096];
    _Atomic uint64_t bytes_written;
};

/*
 * Opens the sink called format (a name of store/output_format.h; NULL: from the suffix of path, npy for "-").
 * Errors: PW_E_EXISTS without overwrite, PW_E_ARGUMENT for an unknown format or
 * a chunk that does not divide its shard, PW_E_NOT_FOUND for a missing parent directory.
 */
enum pw_status pw_sink_open(const char *format, const struct pw_sink_request *request, struct pw_sink **sink,
                            struct pw_error *error);
void pw_sink_close(struct pw_sink *sink);

/* Time points of a request. */
static inline uint64_t pw_sink_times(const struct pw_sink_request *request)
{
    return request->times > 0 ? request->times : 1;
}

enum pw_status pw_zarr_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);
enum pw_status pw_tiff_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);
enum pw_status pw_geojson_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);
enum pw_status pw_hdf5_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);
enum pw_status pw_nrrd_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);
enum pw_status pw_mhd_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *);
enum pw_status pw_npy_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *); /* and "-" */
enum pw_status pw_raw_sink_open(const struct pw_sink_request *, struct pw_sink **, struct pw_error *); /* and "-" */

#endif
