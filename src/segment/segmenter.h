/*
 * segment/segmenter - one struct for every segmentation function.
 *
 * A specification ("otsu,connectivity=2", "./plugin.so:options") or a caller's
 * callback becomes a struct pw_segmenter.  Its operations turn the window of a tile
 * into runs; the built-ins go threshold -> bits -> runs and never make a dense label
 * array, a callback's dense labels are turned into runs once.
 *
 *     open -> [statistics, when it asks for them] -> per thread: worker_init,
 *     segment ..., worker_release -> close
 *
 * Memory: a worker's arena is reserved before the first tile, with
 * the slot arena_bytes(); segment() allocates nothing.
 * Threads: a struct pw_segment_worker belongs to one thread.
 */
#ifndef PW_SEGMENT_SEGMENTER_H
#define PW_SEGMENT_SEGMENTER_H

#include <pthread.h>

#include "base/memory.h"
#include "label/runs.h"
#include "label/threshold.h"
#include "patchworks.h"
#include "segment/fn_values.h"

struct pw_segmenter;
struct pw_tile_list;
struct pw_volume;
struct pw_process_pool;

/* A worker's own part: the plugin's state and the arena. */
struct pw_segment_worker {
    unsigned number; /* of the worker; set before worker_init */
    void *state;
    int started; /* worker_init has come to its end: what it began has to be stopped */
    int gave_up; /* set by segment(): the tile has no labels because it could not be done */
    struct pw_buffer arena;
};

/* One tile for a segmenter: as a callback sees it, but rows and planes may be any distance apart. */
struct pw_segment_ops {
    /* Arena bytes for a window of at most shape. */
    uint64_t (*arena_bytes)(const struct pw_segmenter *segmenter, const uint64_t shape[3]);
    /* In the thread that works, before its first tile; and after its last, also when none came. */
    enum pw_status (*worker_init)(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                                  struct pw_error *error);
    void (*worker_release)(struct pw_segmenter *segmenter, struct pw_segment_worker *worker);
    /*
     * Segments tile into runs, whose arrays are the caller's and large enough.  Labels
     * are 1..n_labels in raster order of their first voxel in the window.
     */
    enum pw_status (*segment)(struct pw_segmenter *segmenter, struct pw_segment_worker *worker,
                              const struct pw_tile *tile, struct pw_runs *runs, struct pw_error *error);
    /* Whether a window whose voxels all are value (raw bits) has no label for certain.  NULL: it cannot be known. */
    int (*constant_is_empty)(const struct pw_segmenter *segmenter, uint64_t bits);
    /*
     * Sets level, such that a window without a voxel above it has no label for certain, and returns 1; 0 when there is none.
     * Called again when a whole-image threshold is known.  NULL: there is none.
     */
    int (*empty_level)(const struct pw_segmenter *segmenter, double *level);
    /*
     * NULL, or for what all workers share: the bytes of it for that many threads; taking it, before the first worker_init;
     * giving it back after the last worker_release (failed: in a hurry), which may find that labels were wrong.
     */
    uint64_t (*shared_bytes)(const struct pw_segmenter *segmenter, unsigned threads, const uint64_t shape[3]);
    enum pw_status (*begin)(struct pw_segmenter *segmenter, unsigned threads, const uint64_t shape[3],
                            struct pw_error *error);
    enum pw_status (*end)(struct pw_segmenter *segmenter, int failed, struct pw_error *error);
};

/* What --normalize says. */
struct pw_normalization {
    enum {
        PW_NORMALIZE_NONE = 0,
        PW_NORMALIZE_PERCENTILE,
        PW_NORMALIZE_MINMAX
    } kind;
    int per_tile;      /* limits of each tile's own window: seams show */
    double percent[2]; /* of PERCENTILE: low, high */
};

/* Of a completed specification, with its 0; of a longer one the begin and the end are kept. */
#define PW_SEGMENTER_TEXT_BYTES 512

struct pw_segmenter {
    const struct pw_segment_ops *ops;
    char text[PW_SEGMENTER_TEXT_BYTES]; /* the specification, completed: "threshold:300,connectivity=1" */
    char name[64];                      /* one word, for a label image's name */
    enum pw_dtype dtype;                /* of the image */
    int rank;                           /* of the image: 2 or 3 */
    const struct pw_volume *volume;     /* what it is for; lives longer */
    int connectivity;                   /* of its components, 1..rank; 0: instances, or it does not say */
    int components;     /* labels are connected components: touching across a seam means the same object */
    int serial;         /* one call at a time */
    int tile_invariant; /* the merged result does not depend on the tile shape */
    uint64_t halo[3];
    int halo_is_exact;    /* with a narrower one labels would depend on the tiles, and the run is refused */
    int labels_core_only; /* the rim of a window is background: labels join by touch or face */
    uint64_t tile[3];     /* the only core that it can take; 0: any */
    uint64_t window_most[3], window_unit[3]; /* sides of a window: at most, and multiples of; 0: any */
    uint64_t context[3]; /* rim of the halo that labels are not taken from, when the run names none */
    uint64_t scratch_bytes_per_voxel;
    uint64_t scratch_bytes; /* of each worker, whatever the window */
    uint32_t channels;      /* of a tile: 1, N, PW_CHANNELS_ALL */
    int labels_may_touch;   /* two runs of a row may stand side by side */
    int joins_equal_only;   /* labels join across a seam only when their voxels are equal */

    int needs_histogram; /* a whole-image threshold: call pw_segmenter_set_threshold() before the first tile */
    int has_threshold;
    struct pw_threshold threshold;
    double threshold_value;

    /* What it wants of the whole image, measured in pass 0 for every channel of a tile (run/pass_statistics.c). */
    uint32_t wants_statistics; /* enum pw_statistic */
    uint32_t n_percentiles;
    double percent[PW_PERCENTILES_MAX];
    struct pw_normalization normalize;
    uint32_t n_statistics;
    struct pw_statistics *statistics;      /* of each channel of a tile, once measured; owned, with their bins */
    const struct pw_statistics **measured; /* pointers to them, as a tile has them; NULL: nothing was asked for */
    struct pw_process_pool *workers;       /* of `exec:` and `py:`: processes that segment */

    void *own; /* of a built-in: its options, from pw_alloc(); freed when the segmenter is closed */

    const char *second_image; /* that it reads beside the image, in own; NULL: none */

    struct pw_tile_list *tiles; /* of `given`: labels in a store for each tile; NULL: the image is the labels */

    /* callbacks and plugins */
    pw_segment_fn callback;
    void *callback_user;
    struct pw_plugin plugin; /* a copy, so that a shorter one has zeros at its end */
    int has_plugin;
    void *plugin_handle;
    struct pw_needs needs;                 /* what it declares, with these options */
    struct pw_fn_values values;            /* its options */
    char plugin_options[PW_FN_TEXT_BYTES]; /* as they were given */
    char options_json[2 * PW_FN_TEXT_BYTES];
    enum pw_dtype voxel_dtype; /* that it is given: the image's, or float32 */
    int gives_mask;            /* the host finds the components */
    int normalizes;            /* and those went through --normalize */
    unsigned n_workers;
    uint64_t window[3];          /* the largest; set before the first worker starts */
    pthread_mutex_t serial_lock; /* held during a call of a serial function */
};

/*
 * Makes a segmenter for volume from options->segmenter, options->plugin or
 * options->segment.  It must not be moved afterwards.
 * Errors: PW_E_ARGUMENT (unknown name or option, a threshold that is not a number),
 * PW_E_PLUGIN, PW_E_NOT_FOUND, PW_E_UNSUPPORTED (a type the function cannot take).
 */
enum pw_status pw_segmenter_open(struct pw_segmenter *segmenter, const struct pw_run_options *options,
                                 const struct pw_volume *volume, struct pw_error *error);
void pw_segmenter_close(struct pw_segmenter *segmenter); /* safe on a zeroed one */

/* The whole-image threshold, once it is known. */
void pw_segmenter_set_threshold(struct pw_segmenter *segmenter, double value);

/* Bytes for one worker: arena, and what a plugin says it allocates itself. */
uint64_t pw_segmenter_memory_bytes(const struct pw_segmenter *segmenter, const uint64_t shape[3]);

extern const struct pw_segment_ops pw_threshold_segment_ops; /* segment/threshold_segmenter.c */
extern const struct pw_segment_ops pw_otsu_tile_segment_ops;
extern const struct pw_segment_ops pw_equal_segment_ops; /* segment/equal_segmenter.c */
int pw_equal_empty_level(const struct pw_segmenter *segmenter, double *level);
extern const struct pw_segment_ops pw_given_segment_ops;    /* segment/given_segmenter.c */
extern const struct pw_segment_ops pw_callback_segment_ops; /* segment/callback_segmenter.c */

/* Has `given` take its labels from the tiles listed at path, and gives them back.  segment/given_segmenter.c */
enum pw_status pw_given_open_tiles(struct pw_segmenter *segmenter, const char *path, struct pw_error *error);
void pw_given_close_tiles(struct pw_segmenter *segmenter); /* safe when there are none */

/* What a specification begins with: *length characters. */
enum pw_fn_kind {
    PW_FN_KIND_NAME,   /* of a built-in, or of a plugin on the search path */
    PW_FN_KIND_OBJECT, /* a path with a slash, or that ends in .so */
    PW_FN_KIND_SOURCE  /* ends in .c */
};
enum pw_fn_kind pw_fn_kind(const char *specification, size_t *length);

/* The plugin called name[0..length-1] on the search path.  Errors: PW_E_ARGUMENT, with what there is. */
enum pw_status pw_fn_find(const char *name, size_t length, char *path, size_t bytes, struct pw_error *error);

/* The checks of a plugin's structure that need no image, and a copy of it as long as this version's. */
enum pw_status pw_plugin_copy(const struct pw_plugin *plugin, const char *path, struct pw_plugin *out,
                              struct pw_error *error);

/* Loads the plugin at path (name: of it, or of its source, for messages), or takes one of the caller's, and fills segmenter from it.  segment/plugin.c */
enum pw_status pw_plugin_open(struct pw_segmenter *segmenter, const char *path, const char *name, const char *options,
                              struct pw_error *error);
enum pw_status pw_plugin_take(struct pw_segmenter *segmenter, const struct pw_plugin *plugin, const char *path,
                              const char *options, struct pw_error *error);

/* Fills start with what is known of the image and the options; message is the caller's.  segment/plugin.c */
void pw_plugin_start_info(const struct pw_segmenter *segmenter, struct pw_start *start, char *message,
                          size_t message_bytes);

#endif
