/*
 * patchworks - segment an image of any size in tiles, in bounded memory.
 *
 * Purpose
 *   Take an image that may be far larger than memory, run a segmentation
 *   function once on each of its tiles, join the objects that cross tiles, and
 *   write one label volume in which every object has one id.  Ids are 1..N in
 *   the order of each object's first voxel in raster order; 0 is background.
 *   The result is a function of the image and the parameters alone: not of the
 *   number of threads, the I/O engine, the memory budget or the storage format.
 *
 * Calling sequence
 *   struct pw_error error = {0};
 *   struct pw_run_options options;
 *   pw_run_options_init(&options);
 *   options.input = "image.zarr";
 *   options.output = "labels.zarr";
 *   options.segmenter = "otsu";            (or options.segment = my_callback)
 *   struct pw_run_result result;
 *   if (pw_run(&options, &result, &error) != PW_OK)
 *       fprintf(stderr, "%s\n", error.message);
 *
 * Ownership
 *   Strings and arrays that a caller passes in are read during the call and
 *   never kept.  What an opaque object hands out lives as long as the object.
 *
 * Errors
 *   Every function that can fail returns an enum pw_status: PW_OK (0), or a
 *   negative value with a one-line explanation in the caller's struct pw_error.
 *   The library never prints and never exits.
 *
 * Threads
 *   Different objects may be used by different threads at the same time.  One
 *   object is used by one thread at a time, unless its function says otherwise.
 *
 * Axis order
 *   All shapes, boxes and strides are slowest axis first: [z][y][x].
 */
#ifndef PATCHWORKS_H
#define PATCHWORKS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PW_API __attribute__((visibility("default")))
#else
#define PW_API
#endif

/* ------------------------------------------------------------------------ *
 * Status
 * ------------------------------------------------------------------------ */

/*
 * What a call came to.  Values are spaced by family and never change meaning.
 * After an error the object concerned may only be closed.
 */
enum pw_status {
    PW_OK = 0,    /* done */
    PW_EMPTY = 1, /* nothing is stored here: a missing chunk reads as the fill value; not an error */

    /* The request: nothing was read or written. */
    PW_E_ARGUMENT = -1,  /* an option or argument is wrong or missing; the message says what would work */
    PW_E_NOMEM = -2,     /* the system refused memory */
    PW_E_CANCELLED = -3, /* the progress callback asked to stop; the earlier output, if any, is untouched */
    PW_E_INTERNAL = -4,  /* a bug in patchworks: an invariant did not hold */

    /* The operating system. */
    PW_E_IO = -10,        /* a read or write failed; sys_errno says why */
    PW_E_NOT_FOUND = -11, /* no such file or array */
    PW_E_EXISTS = -12,    /* the output exists and overwriting was not asked for */
    PW_E_NO_SPACE = -13,  /* the disk is full */
    PW_E_PIPE = -14,      /* the reader of a pipe went away */

    /* The contents of a file. */
    PW_E_FORMAT = -20,      /* not what it claims to be, or broken */
    PW_E_UNSUPPORTED = -21, /* valid, and patchworks does not read or write it; named in the message */
    PW_E_TRUNCATED = -22,   /* shorter than its header says */
    PW_E_CHECKSUM = -23,    /* stored and computed checksums differ */

    /* The plan. */
    PW_E_BUDGET = -30, /* the memory budget cannot hold the run; the message says what would */
    PW_E_RANGE = -31,  /* a size or an id does not fit its type */

    /* The segmenter. */
    PW_E_SEGMENTER = -40, /* the segmentation function failed or broke its contract */
    PW_E_PLUGIN = -41     /* a plugin could not be loaded: no symbol, or another ABI version */
};

/*
 * Why a call failed.  Owned by the caller, zeroed before first use, filled once
 * where the failure is understood.  message is one line without a line feed; it
 * names the file, the place and the value.
 */
struct pw_error {
    enum pw_status status;
    int sys_errno; /* 0 when the operating system had no part in it */
    char message[1024];
};

/* The status as a short English phrase.  Never NULL.  Any thread. */
PW_API const char *pw_status_text(enum pw_status status);

/* ------------------------------------------------------------------------ *
 * Element types
 * ------------------------------------------------------------------------ */

/* Element type of an array.  In memory always in the machine's byte order. */
enum pw_dtype {
    PW_DTYPE_NONE = 0,
    PW_BOOL, /* one byte, 0 or 1 */
    PW_U8,
    PW_I8,
    PW_U16,
    PW_I16,
    PW_U32,
    PW_I32,
    PW_U64,
    PW_I64,
    PW_F16, /* IEEE 754 binary16 */
    PW_F32,
    PW_F64
};

/* Bytes of one element; 0 for PW_DTYPE_NONE.  Any thread. */
PW_API size_t pw_dtype_bytes(enum pw_dtype dtype);

/* "uint16" and the like, as numpy names them.  Never NULL.  Any thread. */
PW_API const char *pw_dtype_name(enum pw_dtype dtype);

/* Reads "uint16", "u2", "<u2", "u16" and the like; PW_DTYPE_NONE when unknown. */
PW_API enum pw_dtype pw_dtype_parse(const char *text);

/* ------------------------------------------------------------------------ *
 * Images
 * ------------------------------------------------------------------------ */

#define PW_MAX_RANK 8
#define PW_MAX_LEVELS 32
#define PW_NAME_MAX 256

#define PW_TIMES_ALL UINT64_MAX

/* How a file is read: the I/O engine.  The bytes are the same from each. */
enum pw_io_engine {
    PW_IO_AUTO = 0, /* io_uring where the kernel allows it, mapping for uncompressed arrays */
    PW_IO_URING,
    PW_IO_MMAP,
    PW_IO_SYNC /* pread: the oracle */
};

/*
 * How to open an image.  Zeroed means: recognise everything from the content.
 * shape, dtype, offset_bytes and big_endian describe a raw file and are
 * required for one; they are refused for formats that describe themselves.
 */
struct pw_open_options {
    uint64_t raw_shape[PW_MAX_RANK]; /* slowest first; raw_rank 0 = not given */
    int raw_rank;
    enum pw_dtype raw_dtype;
    uint64_t raw_offset_bytes; /* bytes before the first element */
    int raw_big_endian;
    int level;        /* resolution level, 0 = full */
    const char *axes; /* names of the axes, slowest first ("tzyx"), in place of those the file says; NULL: those */

    /* Of a store or file that holds several images; NULL: there must be one. */
    const char *series; /* its number from 0, or its name */
    const char *well;   /* of a plate: "A/1", or "B/3/0" where the well has several fields */
};

/* One axis of an array. */
struct pw_axis {
    char name[16]; /* "t" "c" "z" "y" "x", or what the file calls it; "" when unknown */
    char kind;     /* 't' time, 'c' channel or sample, 's' space, '?' unknown */
    double scale;  /* physical size of one step; 1.0 when not calibrated */
    double translation;
    char unit[32]; /* "micrometer" and the like, as OME-NGFF spells it; "" when unknown */
};

/* What an image is.  All arrays are slowest axis first. */
struct pw_image_info {
    char path[4096]; /* of the array: in a store, the directory that was chosen */
    char format[16]; /* "raw" "npy" "tiff" "zarr2" "zarr3" "n5" */
    char codec[160]; /* human-readable: "sharding(64,256,256) bytes:little zstd:1" */
    int rank;
    uint64_t shape[PW_MAX_RANK];
    uint64_t chunk[PW_MAX_RANK]; /* smallest block that can be read without decoding more */
    uint64_t shard[PW_MAX_RANK]; /* block stored together; equals chunk when there are no shards */
    enum pw_dtype dtype;
    struct pw_axis axis[PW_MAX_RANK];

    /* The multiscale group that the array belongs to; n_levels is 1 without one. */
    char ngff_version[8]; /* "" outside OME-NGFF */
    int level;            /* this array */
    int n_levels;
    uint64_t level_shape[PW_MAX_LEVELS][PW_MAX_RANK];
    double level_scale[PW_MAX_LEVELS][PW_MAX_RANK];
    double level_translation[PW_MAX_LEVELS][PW_MAX_RANK];

    int is_label;                   /* an OME-NGFF label image */
    uint64_t n_objects;             /* of a label image that says so; 0 when unknown */
    int n_labels;                   /* label images below this image */
    const char *const *label_names; /* n_labels names, owned by the image */

    /* As the file says; owned by the image.  Not every channel needs a name, and names may repeat. */
    int n_channel_names;              /* as many as there are channels, or 0 */
    const char *const *channel_names; /* "" where one has none */
    int n_channel_shows;              /* as many as there are channels, or 0 */
    const char *const *channel_shows; /* how each is shown: JSON as a channel of omero in OME-NGFF (color, window ..) */
    int series;                       /* this image is that one */
    int n_series;                     /* images in the file or store; 0 or 1: this one alone */
    const char *const *series_names;  /* n_series names, or NULL; "" where one has none */

    char warning[256]; /* what makes it doubtful that this is the image which is meant; "" when nothing does */
    char note[256];    /* what else is worth knowing of how it is read; "" when nothing is */
};

/* What a path holds. */
enum pw_collection_kind {
    PW_ONE_IMAGE = 0,
    PW_SERIES, /* images side by side, as bioformats2raw writes them */
    PW_PLATE,  /* an HCS plate: fields of wells */
    PW_WELL    /* fields */
};

/* Is told of an image of a collection: what to open, and its name ("A/1/0" in a plate).  Not 0 ends the list. */
typedef int (*pw_member_fn)(const char *path, const char *name, void *user);

/*
 * Lists the images of a zarr store that holds several.  Of anything else *kind is PW_ONE_IMAGE, and nothing is listed.
 * Errors: those of reading metadata.
 */
PW_API enum pw_status pw_collection_list(const char *path, enum pw_collection_kind *kind, pw_member_fn each, void *user,
                                         struct pw_error *error);

struct pw_image;

/*
 * Opens the image at path for reading.
 *   path     file or directory; a pattern of the names of TIFF files that are one image ("plane_*.tif",
 *            "t%02d_z%03d.tif"; a directory of them likewise); "-" is a raw or npy stream on standard input
 *   options  NULL for the defaults
 *   image    receives the new image; close it with pw_image_close()
 * Errors: PW_E_NOT_FOUND, PW_E_IO, PW_E_FORMAT, PW_E_UNSUPPORTED,
 * PW_E_TRUNCATED (a raw file shorter than its shape), PW_E_ARGUMENT.
 */
PW_API enum pw_status pw_image_open(const char *path, const struct pw_open_options *options, struct pw_image **image,
                                    struct pw_error *error);

/* Closes image and frees all it handed out.  NULL is allowed. */
PW_API void pw_image_close(struct pw_image *image);

/* The description of image, valid until it is closed. */
PW_API const struct pw_image_info *pw_image_describe(const struct pw_image *image);

/*
 * Reads the box start..start+shape (image rank entries each) into buffer, which
 * the caller owns: dense, C order, product(shape) elements of the image's dtype.
 * Errors: PW_E_RANGE when the box leaves the image, and those of reading.
 * Memory: one stored chunk and one decoded chunk beside the buffer.
 */
PW_API enum pw_status pw_image_read(struct pw_image *image, const uint64_t *start, const uint64_t *shape, void *buffer,
                                    struct pw_error *error);

/* How an image is streamed.  Zeroed means the defaults. */
struct pw_stream_options {
    unsigned threads;      /* that read and decode; 0: as many as there are processors */
    uint64_t memory_bytes; /* for everything; 0: 512 MiB, and where chunks would be decoded repeatedly up to half
                              of what the host grants.  Fewer threads are used where it does not suffice */
};

/* Takes n bytes of an image that is streamed.  Returns 0, or another value to stop. */
typedef int (*pw_put_fn)(const void *bytes, size_t n, void *user);

/*
 * Hands all elements of image to put, in raster order (C order), in pieces of any size.  Every chunk is decoded
 * once, unless the memory is too small for a stretch of the image that is one chunk thick.
 *   options  NULL for the defaults
 *   put      called by one thread at a time, not always the same, nor the caller's
 * Errors: those of reading; PW_E_BUDGET when the memory does not hold one chunk, stored and decoded; PW_E_CANCELLED when put stops it.
 * Elements before a failure may or may not have been handed over.
 */
PW_API enum pw_status pw_image_stream(struct pw_image *image, const struct pw_stream_options *options, pw_put_fn put,
                                      void *user, struct pw_error *error);

/* ------------------------------------------------------------------------ *
 * Segmentation functions
 * ------------------------------------------------------------------------ */

/*
 * Version of what stands in this section: the structures below and their calling sequence.  Within a version
 * structures only grow at their end.  Whoever hands one over sets its struct_size; whoever reads a field that was
 * appended later asks PW_HAS() first.  doc/PLUGINS.md has the rules.
 */
#define PW_PLUGIN_ABI 1

/* Whether the structure that object points to is long enough to have field. */
#define PW_HAS(object, field)                                                                                          \
    ((object)->struct_size >=                                                                                          \
     (size_t)((const char *)&(object)->field - (const char *)(object)) + sizeof((object)->field))

#define PW_PERCENTILES_MAX 16

/*
 * What one channel of the whole image (the volume that is segmented) is like; voxels that are NaN do not count.
 * Percentiles are those of numpy.percentile(voxels, percent, method="linear"), computed in double precision.
 */
struct pw_statistics {
    size_t struct_size;
    uint64_t n_voxels;
    double minimum, maximum; /* NaN when there is no voxel */
    uint32_t n_percentiles;
    double percent[PW_PERCENTILES_MAX];    /* as asked for, 0..100 */
    double percentile[PW_PERCENTILES_MAX]; /* their values */
    /*
     * The histogram, where it was asked for, else n_bins is 0.  Integers of up to 16 bits have a bin for each value of
     * the type: bin i counts bin_start + i.  Others have 4096 bins of equal width from minimum to maximum, the last
     * with both its ends; none when that range is not finite.
     */
    uint64_t n_bins;
    const uint64_t *bin;
    double bin_start, bin_width;
    /* With --normalize: a voxel v is to be read as (v - low) / (high - low), and as 0 where low equals high. */
    int has_limits;
    double low, high;
};

/*
 * One tile, as a segmentation function sees it.  The window is the core box
 * grown by the halo and clipped at the image border.  Valid during the call.
 */
struct pw_tile {
    size_t struct_size;       /* sizeof(struct pw_tile) of the host; later versions append */
    uint64_t index;           /* raster number of the tile, time points one after the other */
    uint64_t origin[3];       /* first voxel of the window in the volume, z y x */
    uint64_t shape[3];        /* voxels of the window, z y x; 2-D images have shape[0] == 1 */
    uint64_t core_start[3];   /* first voxel of the core, relative to the window */
    uint64_t core_shape[3];   /* voxels of the core */
    enum pw_dtype dtype;      /* element type of voxels */
    const void *voxels;       /* [z][y][x], C order, dense; of the first channel when there are several */
    size_t stride_bytes[3];   /* bytes from one voxel to the next along z y x */
    double voxel_size[3];     /* physical size of a voxel, 1.0 when unknown */
    const char *unit;         /* "micrometer" and the like; "" when unknown */
    uint64_t volume_shape[3]; /* voxels of the whole volume */
    char *message;            /* write a reason here before returning an error */
    size_t message_bytes;

    int rank;                    /* of the image in space: 2 or 3 */
    int level;                   /* resolution level of the image that is read, 0 is full */
    uint64_t time;               /* index of the time point; 0 in an image without such an axis */
    uint32_t n_channels;         /* that voxels holds, one after the other; 1 unless more were asked for */
    const uint64_t *channel;     /* n_channels entries: their index in the image */
    size_t channel_stride_bytes; /* bytes from a voxel to the same voxel of the next channel */
    /* Of the whole image, n_channels entries in the order of channel; NULL when nothing was asked for. */
    const struct pw_statistics *const *statistics;
    int is_normalized; /* voxels are float32 and went through --normalize already; else statistics has the limits */
    /* Whether the run is to stop: a function that takes long asks now and then, and returns an error when it is. */
    int (*cancelled)(const struct pw_tile *tile);
    const void *host; /* the host's own */
};

/*
 * Takes the labels of a tile as runs: stretches of one label along x.  For functions that have runs anyway; nothing
 * is painted and searched again.
 */
struct pw_run_writer {
    size_t struct_size;
    /*
     * Appends voxels start..end-1 of row (z, y) of the window, with any label but 0, local to the tile.  Runs come
     * row by row, z then y, and from left to right without overlap.  Returns 0; or 1 for a run that is none of that:
     * the reason is then in the tile's message, and the function returns an error.
     */
    int (*add)(struct pw_run_writer *writer, uint64_t z, uint64_t y, uint64_t start, uint64_t end, uint32_t label);
    void *host; /* the host's own */
};

/*
 * Segments one tile.
 *   tile    the input
 *   labels  output, tile->shape voxels, dense, C order, zeroed by the host.  Ids
 *           are local to the tile, need not be consecutive; 0 is background.
 *   user    the pointer given with the function
 * Returns 0, or any other value for failure: the run then stops with the tile's
 * number and tile->message.  Called once per tile, from several threads at a
 * time unless the run or the plugin says otherwise.
 */
typedef int (*pw_segment_fn)(const struct pw_tile *tile, uint32_t *labels, void *user);

/* What a segmentation function promises, and how it wants to be called. */
enum pw_segment_flag {
    PW_SEGMENT_COMPONENTS = 1, /* labels are connected components, not instances that may touch */
    PW_SEGMENT_SERIAL = 2,     /* not thread-safe: the host calls it from one thread at a time */
    PW_SEGMENT_FLOAT32 = 4,    /* voxels of a type that it does not take come as float32; with --normalize any do */
    PW_SEGMENT_MASK = 8        /* labels are a mask: the host finds the components of what is not 0 */
};

/* What it wants to know of the whole image, in pw_tile.statistics; costs passes over the image. */
enum pw_statistic {
    PW_STATISTIC_RANGE = 1,    /* minimum and maximum */
    PW_STATISTIC_HISTOGRAM = 2 /* the histogram; and the range */
};

#define PW_CHANNELS_ALL UINT32_MAX

/* The bit of a type in a set of types. */
#define PW_DTYPE_BIT(dtype) ((uint32_t)1 << (dtype))

/* What an option of a function is; the host checks it. */
enum pw_fn_option_type {
    PW_FN_TEXT = 0,
    PW_FN_NUMBER,
    PW_FN_INTEGER,
    PW_FN_FLAG,   /* 0 or 1; the name alone is 1 */
    PW_FN_NUMBERS /* one or more numbers with commas between them */
};

/*
 * One option that a function takes.  This structure never grows.  Options are given as key=value, with commas
 * between them: "sigma=1.5,size=3".  The first option may be given without its key.
 */
struct pw_fn_option {
    const char *name; /* letters, digits, - and _ */
    enum pw_fn_option_type type;
    const char *otherwise; /* the default, as it would be given; NULL: has to be given; "": none */
    const char *help;      /* one line */
};

/* What a plugin is told before its first tile.  Valid during the call. */
struct pw_start {
    size_t struct_size;
    const char *options;      /* the text after "plugin.so:" or "" */
    const char *options_json; /* the same, with defaults, as a JSON object: {"sigma":1.5} */
    /* One option; otherwise when it was not given and has no default.  Text lives as long as start does. */
    double (*number)(const struct pw_start *start, const char *name, double otherwise);
    const char *(*text)(const struct pw_start *start, const char *name, const char *otherwise);

    enum pw_dtype dtype; /* of the voxels that tiles will have */
    int rank;            /* 2 or 3 */
    uint64_t volume_shape[3];
    double voxel_size[3];
    const char *unit;
    uint32_t n_channels;                           /* of a tile; in configure(): of the image */
    uint32_t worker, n_workers;                    /* which of how many; in configure() 0 of 0 */
    uint64_t window[3];                            /* the largest window that will come; in configure() 0 */
    const struct pw_statistics *const *statistics; /* as in a tile; in configure() NULL */

    char *message; /* write a reason here before returning an error */
    size_t message_bytes;
    const void *host; /* the host's own */
};

/* What a function needs, as far as it may depend on options: filled with what struct pw_plugin says. */
struct pw_needs {
    size_t struct_size;
    uint32_t flags;
    uint32_t connectivity;
    uint64_t halo[3];
    uint64_t context[3];
    uint64_t scratch_bytes_per_voxel;
    uint64_t scratch_bytes;
    uint32_t channels;
    uint32_t dtypes;
    uint32_t statistics;
    uint32_t n_percentiles;
    double percent[PW_PERCENTILES_MAX];
};

/*
 * A segmentation function in a shared object, for --fn ./plugin.so.  The object
 * exports   const struct pw_plugin *pw_plugin(void);
 * What it returns lives as long as the object is loaded.  Fields that are left 0 ask for nothing.
 */
struct pw_plugin {
    uint32_t abi;                     /* PW_PLUGIN_ABI of the header it was compiled against */
    uint32_t struct_size;             /* sizeof(struct pw_plugin) likewise */
    const char *name;                 /* one word */
    const char *description;          /* one line */
    uint32_t flags;                   /* enum pw_segment_flag */
    uint32_t connectivity;            /* of its components, 1..3; 0 when it labels instances */
    uint64_t halo[3];                 /* voxels of context it needs, z y x; used when the run names no halo */
    uint64_t scratch_bytes_per_voxel; /* what it allocates itself for a voxel of the window, counted in the plan */

    const struct pw_fn_option *options; /* what it takes, ended by a NULL name; NULL: anything, unchecked */
    /*
     * Optional.  Called once per worker, in the thread that works, before its first tile.  *state is handed to the
     * other two.
     */
    int (*start)(const struct pw_start *start, void **state);
    int (*segment)(const struct pw_tile *tile, uint32_t *labels, void *state); /* as pw_segment_fn */
    void (*stop)(void *state); /* optional; in the thread that works, after its last tile */
    /* In the place of segment, for functions that have runs: no labels to paint.  One of the two is needed. */
    int (*segment_runs)(const struct pw_tile *tile, struct pw_run_writer *writer, void *state);
    /* Optional.  Called once, before the run is planned: what is needed with these options, for this image. */
    int (*configure)(const struct pw_start *start, struct pw_needs *needs);

    uint64_t context[3];    /* rim of the halo that labels are not to be taken from, where windows are compared */
    uint64_t scratch_bytes; /* what it allocates itself for a worker, whatever the window */
    uint32_t channels;      /* of a tile: 0 and 1 one, N exactly N, PW_CHANNELS_ALL every one of the image */
    uint32_t dtypes;        /* set of PW_DTYPE_BIT() that it takes; 0: any.  Others are refused, or float32 */
    uint32_t statistics;    /* set of enum pw_statistic */
    uint32_t n_percentiles; /* of the whole image, that it wants to know */
    double percent[PW_PERCENTILES_MAX];
    const char *help; /* lines for pw-stream fn show; NULL: none */
};

/* Type of the exported symbol "pw_plugin". */
typedef const struct pw_plugin *(*pw_plugin_fn)(void);

/* What is known of a function without an image.  Strings live during the call that hands it over. */
struct pw_fn_info {
    const char *name;
    const char *path;                   /* of its shared object; NULL: built in */
    const char *description;            /* one line */
    const char *halo;                   /* in words, or z y x */
    const char *needs;                  /* lines: what else it declares; "" when nothing */
    const char *help;                   /* lines; "" when there are none */
    const struct pw_fn_option *options; /* ended by a NULL name; NULL: it takes any */
};

typedef void (*pw_fn_info_fn)(const struct pw_fn_info *info, void *user);

/*
 * Tells of every function that --fn NAME finds: the built-in ones, then the plugins in $PW_PLUGIN_PATH and in
 * $libdir/patchworks.  A shared object there that is no plugin is told of with the reason as its description.
 */
PW_API enum pw_status pw_fn_list(pw_fn_info_fn call, void *user, struct pw_error *error);

/*
 * Tells of one: a name, the path of a plugin, or of C source, which is compiled; what the compiler says goes line by line
 * to say (NULL: nowhere).
 * Errors: PW_E_ARGUMENT (no such function), PW_E_PLUGIN, PW_E_NOT_FOUND.
 */
PW_API enum pw_status pw_fn_show(const char *name, pw_fn_info_fn call, void (*say)(const char *line, void *user),
                                 void *user, struct pw_error *error);

/* ------------------------------------------------------------------------ *
 * Running
 * ------------------------------------------------------------------------ */

/* The passes of a run, in order. */
enum pw_pass {
    PW_PASS_MEASURE = 0, /* whole-image statistics, when the segmenter asks for them */
    PW_PASS_SEGMENT,
    PW_PASS_RESOLVE,
    PW_PASS_EMIT,
    PW_PASS_COUNT
};

/* A snapshot for the progress callback. */
struct pw_progress {
    enum pw_pass pass;
    uint64_t done; /* tiles; labels and joins in PW_PASS_RESOLVE; output units in PW_PASS_EMIT */
    uint64_t total;
    uint64_t input_bytes; /* uncompressed image bytes processed in this pass */
    double seconds;       /* since the pass began */
};

/*
 * Called about ten times a second from the thread that called pw_run().
 * Returns 0 to go on; any other value drains the tiles in flight and makes
 * pw_run() return PW_E_CANCELLED.
 */
typedef int (*pw_progress_fn)(const struct pw_progress *progress, void *user);

/*
 * Asked, from the thread that called pw_run(), while there is no progress yet and something may take long: a worker
 * process starts, a plugin is compiled.  Anything but 0 makes pw_run() return PW_E_CANCELLED.
 */
typedef int (*pw_stop_fn)(void *user);

/*
 * Called with a line of text, without a line feed, that is worth telling a user while a run goes on: what a worker
 * process has printed ("worker cellpose[0]: ..."), a worker that is started again, a tile that is left empty, what a
 * compiler says of C source.  From any thread, one at a time; a run waits meanwhile.
 */
typedef void (*pw_message_fn)(const char *line, void *user);

/* When labels of two neighbouring tiles are one object. */
enum pw_merge {
    PW_MERGE_AUTO = 0, /* touch for connected components; for instances witness with a halo, face without */
    PW_MERGE_TOUCH,    /* any adjacent voxels across a seam; exact for components, fuses touching instances */
    PW_MERGE_FACE,     /* the cross-sections on the face between the tiles agree by more than tau */
    PW_MERGE_OVERLAP,  /* where the windows overlap the two labels agree by more than tau; needs a halo */
    PW_MERGE_WITNESS   /* as overlap; an object that one tile saw whole gets that tile's outline */
};

/* How agreement in an overlap is measured; I shared voxels, A and B voxels of the two labels in the overlap. */
enum pw_metric {
    PW_METRIC_IOU = 0, /* I > tau (A + B - I) */
    PW_METRIC_MUTUAL,  /* each other's largest I, and (I/A + I/B) / 2 > tau */
    PW_METRIC_IOMIN    /* I >= tau min(A, B); fuses a small label with a large one that contains it */
};

/* How the smaller levels of labels are made. */
enum pw_pyramid_rule {
    PW_PYRAMID_MODE =
        0, /* the most frequent label where at least half of the block is labelled, ties to the smallest id */
    PW_PYRAMID_NEAREST, /* the block's first voxel */
    PW_PYRAMID_NONE     /* there are none */
};

/* Tiles for which the segmentation function is not called, as they have nothing in them. */
enum pw_skip_empty {
    PW_SKIP_NONE = 0,
    PW_SKIP_ABOVE, /* whose window has no voxel above skip_level */
    PW_SKIP_AUTO   /* likewise above Otsu's threshold of samples of the image */
};

/* Everything a run can be told.  Fill with pw_run_options_init() first. */
struct pw_run_options {
    size_t struct_size;

    const char *input; /* path, or "-" */
    struct pw_open_options open;
    int64_t channel;      /* -1: as many as the segmenter takes; an image with more is refused */
    const char *channels; /* instead: "2", a name, "0,2" or "all", in the order that the segmenter gets them */
    /*
     * Each time point is a volume of its own.  Ids are unique over all of them, numbered in raster order of t z y x,
     * and nothing is merged from one to the next.  -1: all; labels have a time axis when there are several.
     */
    int64_t time;
    uint64_t n_times; /* with a time: so many from it on, or PW_TIMES_ALL of the rest, in labels with a time axis;
                         0: that one, in labels without */

    const char *output;         /* path, "-", or NULL: into the input store under labels/ */
    const char *output_format;  /* "zarr" "tiff" "hdf5" "npy" "raw" "nrrd" "mhd" "geojson", or NULL: from the suffix */
    const char *label_name;     /* of the label image in a store or the dataset in HDF5; NULL: the segmenter's name */
    const char *ngff;           /* "0.5" (default) or "0.4" */
    enum pw_dtype output_dtype; /* PW_DTYPE_NONE: uint32, uint64 when there are more objects */
    uint64_t output_chunk[3];   /* 0: chosen */
    uint64_t output_shard[3];   /* 0: chosen */
    /*
     * "zstd", "gzip", "blosc-lz4", "blosc-zstd" or "none" of zarr, "deflate", "zstd" or "none" of tiff, "gzip" or "none" of
     * hdf5, and after a colon the level; NULL: "zstd:1", of tiff "deflate:3", of hdf5 "gzip:3".
     */
    const char *codec;
    enum pw_pyramid_rule pyramid; /* of a store or TIFF: the image's levels, or down to one chunk or tile */
    int overwrite;
    int in_place; /* the labels take the place of the zarr array that was read: its chunks and element width; no output */

    const char *segmenter;          /* "otsu", "threshold:300,connectivity=2", "./plugin.so:options"; */
    pw_segment_fn segment;          /* or a callback of the caller's, */
    void *segment_user;             /*    with its user pointer */
    uint32_t segment_flags;         /*    and enum pw_segment_flag; */
    const struct pw_plugin *plugin; /* or a plugin of the caller's, its options in segmenter (NULL: none) */

    /*
     * "percentile:1,99", "minmax" or "none" (NULL: none): limits from the whole volume, handed to the function in
     * pw_tile.statistics; voxels that it gets as float32 (PW_SEGMENT_FLOAT32) have gone through them.  After "tile:"
     * limits of each window, which leave seams.
     */
    const char *normalize;

    int connectivity; /* of the touch merge, 1..3, and of a built-in segmenter that names none of its own;
                                     0: the segmenter's, else 1 */
    enum pw_merge merge;
    enum pw_metric metric;
    double tau;           /* of face, overlap and witness, 0.001..0.999; default 0.5 */
    uint32_t min_contact; /* of face: pairs of facing voxels at least; default 1 */
    int drop_covered;     /* of overlap and witness: a label without a partner that lies under a larger one goes */
    uint64_t context[3];  /* of overlap and witness: a rim of the halo, z y x, that labels are not taken from */

    /*
     * What is done to whole objects, once tiles are merged and before any is left out.  fill_holes: an object gets every
     * region of background, connected by faces, that touches no other object and not the border of the volume (on axes
     * longer than 1).  dilate, after that: each grows into the background by
     * this distance, where no other is nearer (of several as near the one whose first voxel comes first); in voxels, or
     * in micrometers, for which the image has to be calibrated.  0: nothing.
     */
    int fill_holes;
    double dilate;
    int dilate_micrometers;
    int reshape_is_said; /* pw_remerge(): the three are meant as they are; 0: as they were in the run, where they are 0 */

    /* Whole objects that get no number and are not painted.  Sizes of 0: no limit. */
    uint64_t min_voxels, max_voxels; /* with fewer, with more voxels */
    double min_size, max_size;       /* smaller, larger, in micrometers to the power of size_power; the image */
    int size_power;                  /*    has to be calibrated; 3 for a volume, 2 for a plane */
    int drop_border;                 /* that touch the border of the volume, on axes longer than 1 */

    /*
     * Where work is done.  Labels inside the box are those of the image cropped to it: windows end at its faces, and
     * whole-image statistics are of it alone.  The output has the image's shape.
     */
    uint64_t roi_start[3], roi_end[3]; /* z y x; an end of 0: of the image */
    int roi_alone;                     /* the box, begun where a chunk of the image does, is taken for the image: the
                                          output has its shape, and coordinates begin in it */
    enum pw_skip_empty skip_empty;     /* a window with NaN is never skipped */
    double skip_level;
    /*
     * With skip_empty, the greatest voxels of bricks of the image are kept for the next run, which then does not read tiles
     * that they say are empty: in $XDG_CACHE_HOME/patchworks (NULL), in this directory, or not ("none").  With a directory also
     * by runs without skip_empty that read the image before pass 1.  Results are the same.
     */
    const char *maxima;
    /*
     * "IMAGE[:path][@level]": another image, of this one's shape or smaller (see run --mask in pw-stream(1)), outside of whose non-zero voxels
     * there are no labels.  Tiles whose core lies outside are not read.  What a function labels outside is cleared
     * before tiles are merged: what that leaves of a component in pieces is as many components, of an instance one.
     * NULL: everywhere.
     */
    const char *mask;

    uint64_t tile[3]; /* core, z y x; 0: chosen per axis */
    uint64_t halo[3];
    int halo_given; /* 0: the segmenter's own */
    int halo_any; /* one too narrow for labels that do not depend on the tiles is not refused: to see what comes of it */

    uint64_t memory_bytes; /* 0: half of the smallest limit of the host */
    int threads;           /* 0: as many as the process may use */
    enum pw_io_engine io;
    const char
        *objects; /* a table of the objects: .csv, .tsv, "-", or "store": only into the store that the labels go to
                                    (which a text table goes along with); NULL: none */
    int64_t objects_channel; /* that the table has intensities of; -1: all */
    /*
     * While it goes on a run keeps what its tiles came to in OUTPUT.part (or in scratch_dir, where that is given; or
     * DIR.part for keep_stage), which is left when it fails or is killed.  0: a run begins anew, and is refused with
     * PW_E_EXISTS when it could go on and overwrite is not set.  1: it goes on if there is something to go on from.
     */
    int resume;
    const char *keep_stage;  /* a directory that gets the stage, for pw_remerge(); NULL: the stage goes */
    const char *scratch_dir; /* NULL: beside the output, else $TMPDIR */

    /* Worker processes, for the segmenters "exec:COMMAND" and "py:module:function" (doc/WORKERS.md). */
    int workers;                 /* 0: as many as threads, or as devices */
    const char *devices;         /* "0,1": which of them a worker sees, in turn; NULL: as they are */
    double worker_seconds;       /* how long one may be silent over a tile; 0: for ever */
    double worker_start_seconds; /* how long it may take until it is ready; default 300 */
    int worker_npy;              /* frames over pipes: the worker reads npy and writes npy */
    int worker_shm_file;         /* shared memory and sockets with a name, for wrappers that drop descriptors */
    int on_error_zero;           /* a tile that fails for good is left empty; else the run fails */

    pw_progress_fn progress; /* may be NULL */
    void *progress_user;
    pw_stop_fn stop; /* may be NULL */
    void *stop_user;
    pw_message_fn message; /* may be NULL */
    void *message_user;
};

/* Sets every field to its default. */
PW_API void pw_run_options_init(struct pw_run_options *options);

#define PW_PLAN_PARTS_MAX 32

/* One reservation of a run. */
struct pw_plan_part {
    char name[40];
    uint64_t count;
    uint64_t bytes; /* of all count together */
};

/* What a run will do, computed before the first voxel is read. */
struct pw_plan {
    uint64_t volume_shape[3];            /* of one time point */
    uint64_t roi_start[3], roi_shape[3]; /* of it, that is segmented; with roi_alone where the image was cut */
    uint64_t times;                      /* time points that are segmented */
    uint64_t tile[3];
    uint64_t halo[3];
    uint64_t grid[3]; /* of one time point */
    uint64_t n_tiles; /* of all */
    uint32_t ring_depth;
    uint32_t threads;
    char io[16];
    char segmenter[512];
    char merge[80]; /* the rule: "witness, tau 0.5" */
    uint64_t budget_bytes;
    uint64_t planned_bytes; /* sum of the parts that are resident together */
    int n_parts;
    struct pw_plan_part part[PW_PLAN_PARTS_MAX];
    uint64_t stage_bytes_estimate;   /* disk for the stage log and edges, typical */
    uint64_t stage_bytes_maximum;    /* worst case */
    uint64_t resolve_bytes_estimate; /* disk for joining and numbering, with a label in 1000 voxels */
    uint64_t resolve_bytes_maximum;  /* with as many labels and joins as there can be */
    uint64_t table_bytes_estimate;   /* disk for measuring and sorting objects, likewise; 0 without a table */
    uint64_t output_chunk[3];
    uint64_t output_shard[3];
    char output_format[16];
    char mask[256]; /* its path and shape; "" without one */
};

/* What a run did. */
struct pw_run_result {
    uint64_t n_objects;
    uint64_t foreground_voxels; /* of the objects */
    uint64_t n_dropped;         /* further objects, that were left out by size or border */
    uint64_t dropped_voxels;
    uint64_t n_tiles;
    uint64_t n_resumed_tiles;   /* of them, that were there when the run went on */
    uint64_t n_empty_tiles;     /* without any label */
    uint64_t n_skipped_tiles;   /* of them, by skip_empty */
    uint64_t n_unread_tiles;    /* of those, that were known to be empty without being read */
    uint64_t n_masked_tiles;    /* of them, that lie outside of the mask */
    uint64_t n_failed_tiles;    /* of them, as the segmenter failed on them */
    uint64_t n_worker_restarts; /* worker processes that were replaced */
    uint64_t n_tile_labels;     /* local ids over all tiles */
    uint64_t n_leftovers;       /* labels that drop_covered has left out */
    uint64_t n_edges;           /* joins of two of them, with some repeated */
    uint64_t bytes_read;        /* from the image, as stored */
    uint64_t bytes_written;     /* to the output */
    uint64_t stage_bytes;
    uint64_t resolve_bytes; /* the most disk that joining and numbering took */
    double threshold;       /* of a whole-image otsu or a threshold; NaN otherwise */
    double skip_level;      /* of emptiness; NaN without one */
    int skip_is_guess;      /* it was found in samples: what is dimmer is lost in tiles that were skipped */
    double seconds[PW_PASS_COUNT];
    uint64_t peak_memory_bytes;
    enum pw_dtype dtype; /* of the output */
    char warning[256];   /* what the user should know of a run that was done; "" when there is nothing */
    int was_done;        /* in place: it was merged so already, and nothing was touched */
    char output[4096];   /* where the labels are */

    /* What a run has left that failed, also by being cancelled; "" where it has left nothing. */
    char partial[4096];
    uint64_t n_partial_tiles;
};

/*
 * Plans a run without starting it: opens the input, validates every option.
 * Errors: as pw_run() before its first pass.
 */
PW_API enum pw_status pw_run_plan(const struct pw_run_options *options, struct pw_plan *plan, struct pw_error *error);

/*
 * Runs: measure, segment, resolve, emit.  The output appears when it is whole;
 * on any error an earlier output is untouched and scratch files are removed.
 * Memory: never more than options->memory_bytes plus the process itself.
 */
PW_API enum pw_status pw_run(const struct pw_run_options *options, struct pw_run_result *result,
                             struct pw_error *error);

/*
 * Merges the tiles of a kept stage again, without segmenting: options->input is the directory that an earlier
 * run had as keep_stage.  Used of the options: output and what belongs to it, the merge rule (what is left at
 * its default is as it was in that run; so is what is done to whole objects), filters, memory, threads, scratch, progress.  Without an output the labels go
 * into the image of that run.  Memory: as pw_run().
 * Errors: PW_E_NOT_FOUND, PW_E_FORMAT, PW_E_TRUNCATED, PW_E_CHECKSUM for what is not a whole stage; and as pw_run().
 */
PW_API enum pw_status pw_remerge(const struct pw_run_options *options, struct pw_run_result *result,
                                 struct pw_error *error);

/* What pw_tiles() wrote. */
struct pw_tiles_result {
    uint64_t n_tiles;
    uint64_t bytes;
};

/*
 * Writes the window of every tile to the descriptor fd as a .npy ([y][x] of a plane, [z][y][x] of a volume), in the order
 * of the tiles.  Used of the options: input and what says how it is read, tile, halo, memory, threads, progress.
 * With the segmenter "frames" pw_run() takes labels of the same shapes in the same order from standard input, given the same
 * options.  tagged: the header of each says which tile it is, in a comment; a filter that hands it on has that checked.
 * Errors: as pw_run() before its first pass; PW_E_PIPE when nobody reads any more.
 */
PW_API enum pw_status pw_tiles(const struct pw_run_options *options, int fd, int tagged, struct pw_tiles_result *result,
                               struct pw_error *error);

/* ------------------------------------------------------------------------ *
 * Looking at a kept stage
 * ------------------------------------------------------------------------ */

/* What is known of an object before its parts are told. */
struct pw_explained {
    uint64_t id;
    uint64_t n_objects;
    char merge[80];   /* the rule: "witness, tau 0.5" */
    int has_counts;   /* candidates of the rule have shared and sizes; those of touch have not */
    int is_painted;   /* the rule is witness, and there are pieces */
    int has_owner;    /* of witness: one tile saw the object whole, and its label's mask is the object */
    uint64_t tile[3]; /* core of a tile, and how many tiles there are along z y x */
    uint64_t grid[3];
    uint64_t owner_tile;
    uint32_t owner_label;
    uint64_t times; /* points that the stage has, and which of them the object is in; places are those in it */
    uint64_t time;
};

/* A label of one tile that belongs to the object. */
struct pw_explained_label {
    uint64_t tile;
    uint64_t position[3];                /* of the tile in the grid */
    uint32_t label;                      /* local id */
    int is_owner;                        /* the owner under witness */
    uint64_t core_voxels;                /* in the core of its tile; 0 when another tile alone has it in its core */
    uint64_t first[3];                   /* voxel in the core, in raster order; where there is none zeros */
    uint64_t box_start[3], box_shape[3]; /* in the volume, of all that its tile saw of it and kept */
};

/* A candidate edge with at least one end in the object.  The end with the smaller (tile, label) comes first. */
struct pw_explained_edge {
    uint64_t tile[2];
    uint32_t label[2];
    uint64_t object[2]; /* final ids; 0: an object of which nothing is left */
    uint32_t shared;    /* face: pairs of facing voxels; overlap, witness: voxels; touch: 0 */
    uint32_t size[2];   /* of the labels on the face, or in the overlap */
    double score;       /* what is compared with tau: iou, or the metric; NaN for touch */
    int is_best;        /* each is the other's best partner in the overlap */
    int is_accepted;    /* the rule joins them */
};

/* Under witness: what was painted as the object into the core of one tile, from one mask. */
struct pw_explained_piece {
    uint64_t tile;
    uint64_t source_tile; /* whose label was painted */
    uint32_t source_label;
    uint64_t voxels;
    uint64_t first[3];
    uint64_t box_start[3], box_shape[3];
};

/* Who is told: begin once, then labels by tile and local id, then edges by their ends, then pieces by tile. */
struct pw_explain_calls {
    void (*begin)(const struct pw_explained *object, void *user);
    void (*label)(const struct pw_explained_label *label, void *user);
    void (*edge)(const struct pw_explained_edge *edge, void *user);
    void (*piece)(const struct pw_explained_piece *piece, void *user);
    void *user;
};

/*
 * Tells what made object id of a kept stage: its labels, every candidate that the rule decided on with one of them,
 * and under witness what was painted.  options->input is the stage; of the others the merge rule and what is left
 * out (as for pw_remerge()), memory, threads and scratch are used.  The ids are those that pw_remerge() with these options writes.
 * Nothing is written but scratch files.  Memory: as pw_run(), however large the object.
 * Errors: PW_E_RANGE when there is no such object, with their number; PW_E_UNSUPPORTED when the run has filled or dilated
 * objects, which gives them other ids, unless reshape_is_said and they are to be without; and as pw_remerge().
 */
PW_API enum pw_status pw_explain(const struct pw_run_options *options, uint64_t id,
                                 const struct pw_explain_calls *calls, struct pw_error *error);

/*
 * What meets at planes between two layers of voxels: at seams, or at control planes in the middle of tiles.  A label
 * here is what one tile has on its side of one plane.  doc/SEAMS.md defines every figure.
 */
struct pw_plane_figures {
    uint64_t n_planes;
    uint64_t n_labels;      /* on either side, each side and plane for itself */
    uint64_t n_matched;     /* of them, with a label of the same object on the other side */
    uint64_t n_fused;       /* of them, with another label of the same object on their own side */
    uint64_t n_contacts;    /* pairs of labels, one on each side, with voxels that face each other */
    uint64_t n_joined;      /* of them, of one object */
    double agreement_sum;   /* over joined pairs, of the IoU of their cross-sections */
    uint64_t voxels_both;   /* pairs of facing voxels that both have a label */
    uint64_t voxels_either; /* of which at least one has */
    uint64_t n_objects;     /* on at least one side, as they are written */
    uint64_t n_cut;         /* of them, on one side only */
};

/* What two tiles say of the voxels that both saw, where stages keep more than cores. */
struct pw_overlap_figures {
    uint64_t n_overlaps;
    uint64_t n_labels;    /* of either tile, with voxels there */
    uint64_t n_matched;   /* of them, with an IoU above 1/2 with a label of the other tile */
    double agreement_sum; /* of that IoU, over matched labels */
    uint64_t voxels_both; /* that have a label in both tiles, and in at least one */
    uint64_t voxels_either;
};

/* The seams across one axis. */
struct pw_axis_quality {
    struct pw_plane_figures seams, control;
    struct pw_overlap_figures overlaps;
    double cut_z;   /* by how many standard errors more objects are cut at seams; NaN when that cannot be said */
    double fused_z; /* likewise more labels fused; of segmenters of instances, else NaN */
    int is_worse;   /* either is above 3, and the rate above the control's by more than 0.01 */

    /* Where objects begin along the axis, modulo the tile. */
    uint64_t n_folded;    /* objects that count */
    double chi_square;    /* against as many everywhere; NaN when nothing can be said */
    int degrees;          /* of freedom */
    double near_density;  /* objects per layer of voxels: within a sixteenth of a tile of seams, */
    double inner_density; /*    and in the middle half of tiles */

    uint64_t label_extent; /* 99 of 100 labels are no longer, as their tile saw them */
    uint64_t suggested_halo;
};

/* One seam: a face between two tiles. */
struct pw_seam_quality {
    int axis; /* 0 z, 1 y, 2 x */
    uint64_t tile[2];
    uint64_t position[3]; /* of the first tile in the grid */
    uint64_t start[3];    /* the layer of voxels behind the seam, in the volume */
    uint64_t shape[3];
    struct pw_plane_figures plane;
    struct pw_overlap_figures overlap;
    double badness; /* a rate of cut objects or fused labels that is exceeded with 97.5 % certainty */
    uint64_t time;  /* point, from 0 in the stage */
};

#define PW_WORST_SEAMS_MAX 10

/* How good the seams of a kept stage are under a rule. */
struct pw_seams_result {
    char merge[80]; /* the rule */
    int rank;
    uint64_t volume[3], tile[3], halo[3], grid[3];
    struct pw_axis_quality axis[3]; /* z y x; zeros and NaN where there is one tile */
    struct pw_plane_figures seams;  /* sums over the axes */
    struct pw_plane_figures control;
    struct pw_overlap_figures overlaps;
    uint64_t n_objects;
    int is_worse; /* along some axis */
    int n_worst;
    struct pw_seam_quality worst[PW_WORST_SEAMS_MAX]; /* by badness; no seam without badness is among them */
    uint64_t times;                                   /* points that the stage has; volume and grid are of one */
};

/*
 * Is told of every seam, tile by tile, z before y before x; time point by time point.  The rule and the grid are in result already, and what has
 * been judged so far.  May be NULL.
 */
typedef void (*pw_seam_fn)(const struct pw_seam_quality *seam, const struct pw_seams_result *result, void *user);

/*
 * Judges the seams of a kept stage: options as for pw_explain(), without what is left out.  Memory: as pw_run(),
 * for any number of tiles and objects; tiles are read one after the other.
 * Errors: PW_E_BUDGET also when more labels meet at a seam than are planned for; and as pw_remerge().
 */
PW_API enum pw_status pw_seams(const struct pw_run_options *options, pw_seam_fn each, void *user,
                               struct pw_seams_result *result, struct pw_error *error);

/* ------------------------------------------------------------------------ *
 * Objects as a table
 * ------------------------------------------------------------------------ */

/* What the columns of a table of objects are called; doc/OBJECTS.md lists them. */
enum pw_table_columns {
    PW_COLUMNS_OWN = 0, /* id, voxels, size, z0 .. */
    PW_COLUMNS_SKIMAGE  /* label, area, bbox-0 .., as skimage.measure.regionprops_table() */
};

/* Everything that measuring can be told.  Fill with pw_measure_options_init() first. */
struct pw_measure_options {
    size_t struct_size;

    const char *labels; /* path of a label volume of any integer type, or "-" */
    struct pw_open_options labels_open;
    const char *image; /* path of an image of the same shape, or "-"; NULL: places and sizes only */
    struct pw_open_options image_open;
    int64_t channel; /* of the image; -1: all */
    int64_t time; /* of those that have several, as pw_run_options.time; an image of one goes with every time point */
    uint64_t n_times; /* likewise */

    const char *output; /* .csv, .tsv, "-" for standard output, or "store": into that of the labels */
    const char *format; /* "csv" or "tsv", or NULL: from the suffix */
    enum pw_table_columns columns;
    int overwrite;

    uint64_t tile[3];        /* z y x; 0: chosen.  With any given the table says how many tiles an object is in */
    uint64_t memory_bytes;   /* 0: half of the smallest limit of the host */
    int threads;             /* 0: as many as the process may use */
    const char *scratch_dir; /* NULL: beside the output, else $TMPDIR */

    pw_progress_fn progress; /* may be NULL; PW_PASS_MEASURE counts tiles, PW_PASS_EMIT objects */
    void *progress_user;
};

/* Sets every field to its default. */
PW_API void pw_measure_options_init(struct pw_measure_options *options);

/* What measuring did. */
struct pw_measure_result {
    uint64_t n_objects;
    uint64_t n_voxels; /* of all objects together */
    uint32_t n_channels;
    uint64_t tile[3];
    uint64_t n_tiles;
    uint64_t bytes_written; /* of the table */
    uint64_t scratch_bytes;
    double seconds;
    uint64_t planned_bytes; /* memory */
    uint64_t peak_memory_bytes;
};

/*
 * Measures every object of a label volume, tile by tile, and writes one row for each id in ascending order: exact
 * counts and sums, so that the table does not depend on tiles or threads.  The table appears when it is whole.
 * Memory: never more than options->memory_bytes plus the process itself, whatever the number of objects.
 * Errors: PW_E_ARGUMENT (shapes that differ, labels that are no integers, a table of unknown form), PW_E_FORMAT (a
 * label below 0), PW_E_UNSUPPORTED (.parquet), PW_E_BUDGET, PW_E_EXISTS, and those of reading and writing.
 */
PW_API enum pw_status pw_measure(const struct pw_measure_options *options, struct pw_measure_result *result,
                                 struct pw_error *error);

/* ------------------------------------------------------------------------ *
 * Converting
 * ------------------------------------------------------------------------ */

/* What to convert.  Fill with pw_convert_options_init() first. */
struct pw_convert_options {
    size_t struct_size;
    const char *input; /* path, or "-" */
    struct pw_open_options open;

    const char *output;        /* path */
    const char *output_format; /* "zarr" "tiff" "npy" "raw", or NULL: from the suffix */
    const char *ngff;          /* "0.5" (default) or "0.4" */
    uint64_t chunk[3];         /* z y x, 0: chosen */
    uint64_t shard[3];         /* 0: chosen */
    const char *codec;         /* as pw_run_options.codec; NULL: zstd:1, of tiff deflate:1 */
    int no_pyramid;            /* of zarr and tiff: no smaller levels */
    int overwrite;

    uint64_t memory_bytes; /* 0: half of the smallest limit of the host */
    int threads;           /* 0: as many as the process may use */
    enum pw_io_engine io;
    const char *scratch_dir; /* where a stream is spooled; NULL: $TMPDIR or /tmp */

    pw_progress_fn progress; /* may be NULL; PW_PASS_EMIT, from 0 for each level and channel */
    void *progress_user;
};

/* Sets every field to its default. */
PW_API void pw_convert_options_init(struct pw_convert_options *options);

/* What converting did. */
struct pw_convert_result {
    int n_levels;
    uint64_t bytes_read; /* from the input's store */
    uint64_t bytes_written;
    double seconds;
    uint64_t planned_bytes; /* memory */
    uint64_t peak_memory_bytes;
    /*
     * Of pw_pyramid() on labels: the different labels other than 0 that each level has.  counted_labels is 0 for images, and
     * where a label is so large that there is no memory for a flag for each up to it (half a bit a level for each byte of
     * memory_bytes: the 44 millionth with 512 MiB and 6 levels).
     */
    int counted_labels;
    uint64_t n_labels[PW_MAX_LEVELS];
};

/*
 * Writes all time points and channels of an image, as it is, in another format: axes in the order t c z y x, those that it
 * has more than one entry of and z y x.  OME-Zarr and TIFF get calibration, the names of channels, and smaller levels by mean.
 * The output appears when it is whole.
 * Memory: never more than options->memory_bytes plus the process itself.
 * Errors: PW_E_ARGUMENT, PW_E_EXISTS, PW_E_BUDGET, PW_E_CANCELLED, and those of reading and writing.
 */
PW_API enum pw_status pw_convert_image(const struct pw_convert_options *options, struct pw_convert_result *result,
                                       struct pw_error *error);

/* Which levels to add.  Fill with pw_pyramid_options_init() first. */
struct pw_pyramid_options {
    size_t struct_size;
    const char *store;     /* an OME-Zarr image or label image of one level */
    const char *rule;      /* "mean", "mode" or "nearest"; NULL: mode for labels, mean for others */
    const char *codec;     /* of the levels, as pw_convert_options.codec of zarr; NULL: zstd:1 */
    uint64_t memory_bytes; /* 0: half of the smallest limit of the host */
    int threads;           /* 0: as many as the process may use */
    enum pw_io_engine io;
    pw_progress_fn progress; /* may be NULL; as for pw_convert_image() */
    void *progress_user;
};

/* Sets every field to its default. */
PW_API void pw_pyramid_options_init(struct pw_pyramid_options *options);

/*
 * Adds smaller levels to a store, halved until one is a single chunk of level 0's shape: y and x, and z as long as its voxels
 * are not longer.  Level 0 is left as it is; the levels are listed when they are whole.
 * Errors: PW_E_EXISTS when there are levels already, PW_E_ARGUMENT (no OME-Zarr image, a rule that does not suit),
 * PW_E_UNSUPPORTED (axes in another order than t c z y x), PW_E_BUDGET, and those of reading and writing.
 */
PW_API enum pw_status pw_pyramid(const struct pw_pyramid_options *options, struct pw_convert_result *result,
                                 struct pw_error *error);

/* ------------------------------------------------------------------------ *
 * Two label volumes
 * ------------------------------------------------------------------------ */

/* A label volume to read: any format, any integer type, no negative labels; 0 is background. */
struct pw_label_input {
    const char *path; /* or "-" for one of two */
    struct pw_open_options open;
    int64_t channel;  /* -1: there must be one */
    int64_t time;     /* as pw_run_options.time; of two volumes both must have as many time points */
    uint64_t n_times; /* likewise */
};

#define PW_COMPARE_THRESHOLDS_MAX 16

/* What to compare.  Fill with pw_compare_options_init() first. */
struct pw_compare_options {
    size_t struct_size;
    struct pw_label_input truth;     /* A */
    struct pw_label_input predicted; /* B */
    int n_thresholds;
    double threshold[PW_COMPARE_THRESHOLDS_MAX]; /* of IoU, above 0 to 1, ascending; by default 0.5, 0.75, 0.9 */
    uint64_t crossing[3];                        /* tile of a grid, z y x; objects that cross it are scored apart */
    uint64_t memory_bytes;                       /* 0: half of the smallest limit of the host */
    int threads;                                 /* 0: as many as the process may use */
    const char *scratch_dir;                     /* NULL: $TMPDIR or /tmp */
};

/* Sets every field to its default. */
PW_API void pw_compare_options_init(struct pw_compare_options *options);

/* How alike two label volumes are. */
enum pw_sameness {
    PW_LABELS_IDENTICAL = 0,  /* the same number at every voxel */
    PW_LABELS_SAME_PARTITION, /* the same objects and background under other ids */
    PW_LABELS_DIFFERENT
};

/*
 * Objects matched one to one at one threshold.  Two objects can be matched when their IoU, shared voxels over voxels
 * of either, is at least the threshold.  Above 0.5 there is at most one partner.  At 0.5 and below pairs are
 * taken by descending IoU, then ascending id of A, then of B, when neither has a partner yet.
 * A ratio without anything to divide by is NaN.
 */
struct pw_match_score {
    double threshold;
    uint64_t matched_truth;     /* objects of A with a partner */
    uint64_t matched_predicted; /* of B; of all objects the same number */
    double precision;           /* matched_predicted / predicted_objects */
    double recall;              /* matched_truth / truth_objects */
    double f1;                  /* harmonic mean of both; of all objects the recognition quality (RQ) */
    double mean_iou;            /* of matched objects of A: the segmentation quality (SQ) */
    double panoptic_quality;    /* f1 * mean_iou (Kirillov et al., Panoptic Segmentation, CVPR 2019) */
};

/* A group of objects.  Whether an object belongs to it is decided in its own volume. */
struct pw_match_group {
    uint64_t truth_objects;
    uint64_t predicted_objects;
    struct pw_match_score score[PW_COMPARE_THRESHOLDS_MAX];
};

/* What a comparison found.  An object is all voxels of one id, connected or not. */
struct pw_compare_result {
    enum pw_sameness sameness;
    uint64_t shape[3];
    uint64_t voxels;
    uint64_t different_voxels;   /* whose two ids are different numbers */
    uint64_t first_different[3]; /* the first of them in raster order; none when different_voxels is 0 */
    uint64_t exact_objects;      /* objects of A that are an object of B, voxel for voxel */
    uint64_t split_objects;      /* objects of A that touch several of B */
    uint64_t merged_objects;     /* objects of B that touch several of A */
    uint64_t missed_objects;     /* objects of A on background of B only */
    uint64_t spurious_objects;   /* objects of B on background of A only */
    int n_thresholds;            /* entries of each group's score */
    struct pw_match_group all;
    int has_crossing;               /* the two groups below are filled */
    struct pw_match_group crossing; /* objects in more than one tile of the grid */
    struct pw_match_group interior; /* the others */

    /*
     * Variation of information in bits, background included (Meila 2007): H(B|A) grows where objects are split, H(A|B)
     * where they are merged.  As skimage.metrics.variation_of_information.
     */
    double vi_split;
    double vi_merge;

    /*
     * Adapted Rand error, over voxels that are not background in A (Arganda-Carreras et al. 2015): of all pairs of
     * voxels, those in one object of both, over those in one object of B (precision) and of A (recall).
     * The error as skimage.metrics.adapted_rand_error, which gives the other two the other way round (0.26).
     */
    double rand_error;
    double rand_precision;
    double rand_recall;

    uint64_t times;                /* time points; shape is of one */
    uint64_t first_different_time; /* of first_different, counted from the first that was compared */
};

/*
 * Compares two label volumes of one shape, which may be stored differently, in bounded
 * memory and in one pass over both.  The result does not depend on threads or memory.
 * Errors: PW_E_ARGUMENT (shapes differ, thresholds), PW_E_UNSUPPORTED (not integers), PW_E_RANGE (a negative
 * label), PW_E_BUDGET, and those of opening and reading.
 */
PW_API enum pw_status pw_compare(const struct pw_compare_options *options, struct pw_compare_result *result,
                                 struct pw_error *error);

/* Which parent each child lies in.  Fill with pw_relate_options_init() first. */
struct pw_relate_options {
    size_t struct_size;
    struct pw_label_input child;
    struct pw_label_input parent;
    const char *output;  /* table of children: .csv or .tsv; "-" is standard output, as csv */
    const char *counts;  /* table of parents likewise, or NULL */
    double min_fraction; /* a child with less of its voxels in its best parent has none; 0: any overlap counts */
    int overwrite;
    uint64_t memory_bytes;   /* 0: half of the smallest limit of the host */
    int threads;             /* 0: as many as the process may use */
    const char *scratch_dir; /* NULL: $TMPDIR or /tmp */
};

/* Sets every field to its default. */
PW_API void pw_relate_options_init(struct pw_relate_options *options);

/* What was related. */
struct pw_relate_result {
    uint64_t children;
    uint64_t related; /* children with a parent */
    uint64_t parents;
    uint64_t parents_with_children;
};

/*
 * Finds for each object of child the object of parent that it shares most voxels with;
 * of several the least id.  The volumes have one shape and may be stored differently.
 *
 * The table of children has a line for each, by ascending id:
 *   child, parent (0: none), shared_voxels, child_voxels, fraction (shared_voxels / child_voxels)
 * A child without a parent has 0 shared voxels and the fraction 0.  The table of parents has a line for each:
 *   parent, children, parent_voxels, shared_voxels (with its children)
 *
 * The tables appear when they are whole.  Memory is bounded, whatever the number of objects.
 * Errors: as pw_compare(), and PW_E_EXISTS, PW_E_IO and the like of writing.
 */
PW_API enum pw_status pw_relate(const struct pw_relate_options *options, struct pw_relate_result *result,
                                struct pw_error *error);

/* ------------------------------------------------------------------------ *
 * The library itself
 * ------------------------------------------------------------------------ */

/* "0.1.0".  Any thread. */
PW_API const char *pw_version(void);

/*
 * A text, one fact a line ("zstd 1.5.4", "io_uring yes", "simd avx512"), into
 * buffer of capacity bytes.  Returns the length that the whole text has.
 */
PW_API size_t pw_version_details(char *buffer, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
