/*
 * run/job - everything a run has decided before its first voxel: what is read,
 * how it is cut, by what it is segmented, where it goes, and what memory that takes.
 *
 *     pw_job_open -> pw_pass_measure, pw_pass_segment, pw_resolve, pw_pass_emit -> pw_job_close
 *
 * One file makes it (job.c), one sizes it (plan.c), one each runs a pass.
 */
#ifndef PW_RUN_JOB_H
#define PW_RUN_JOB_H

#include "label/expand.h"
#include "merge/edges.h"
#include "merge/resolve.h"
#include "merge/stage.h"
#include "run/crew.h"
#include "run/mask_image.h"
#include "segment/segmenter.h"
#include "sys/stamp.h"
#include "tile/brick_maxima.h"
#include "store/sink.h"
#include "tile/grid.h"
#include "tile/loader.h"
#include "tile/volume.h"

/* Sizes that the plan fixes. */
struct pw_sizes {
    struct pw_load_plan load;
    uint32_t depth; /* ring slots */
    unsigned threads;
    unsigned tile_threads;     /* of pass 1: more than threads when that many tiles can be with worker processes */
    struct pw_rule rule;       /* of the merge */
    int keeps_rims;            /* records keep more of the window than the core */
    uint64_t least_slot_bytes; /* a slot also holds the tile's record */
    uint64_t budget_bytes;
    uint64_t resolve_bytes; /* for sorting and union-find */
    uint64_t table_bytes;   /* for the table of objects */
    uint64_t planned_bytes;
};

struct pw_run_objects;

struct pw_job {
    const struct pw_run_options *options;
    struct pw_source *source;
    struct pw_volume volume;
    uint64_t crop_start[3]; /* of what is taken for the image, in what is stored */
    struct pw_box part;     /* of the volume, that is segmented */
    struct pw_segmenter segmenter;
    struct pw_sink *sink;
    struct pw_grid grid;
    struct pw_sizes sizes;
    struct pw_skip {
        int is_set, is_guess;
        double level; /* of emptiness */
        struct pw_threshold threshold;
    } skip; /* tiles without a voxel above it (run/skip_empty.h) */
    struct pw_kept_maxima {
        int is_open, can_keep, collects;
        struct pw_bricks bricks;
        struct pw_stamp stamp; /* of the image, before anything was read */
        char path[4200];
        uint64_t n_loaded;                                 /* bricks that were known then */
        uint32_t channel;                                  /* that a pass collects; UINT32_MAX: none */
        unsigned char has_channel[PW_VOLUME_CHANNELS_MAX]; /* one has */
    } maxima;                                              /* of bricks (run/kept_maxima.h) */
    struct pw_mask mask;                                   /* where there is anything to segment (run/mask_tiles.h) */
    struct pw_expand shape;         /* how far objects grow, once they are whole (run/reshape.h) */
    const struct pw_holes *holes;   /* of the objects, while they are filled */
    struct pw_object_filter filter; /* of objects, whole and as painted */
    struct pw_plan plan;            /* the report of it all */
    char scratch_dir[4096];

    /* in place of the input */
    enum pw_dtype in_place_dtype; /* PW_DTYPE_NONE: elsewhere */
    char in_place_path[4096];
    int is_done; /* it was merged so already */

    char kept_path[4096]; /* of a stage that is kept (run/kept_stage.h) */

    struct pw_journal {
        char path[4096]; /* "": the stage has no name */
        int can_resume;  /* a run can go on from it */
        int is_there;    /* one was found, */
        int resumes;     /*    and this run goes on from it */
        int is_kept;     /* path is that of the stage that is kept: all tiles are in it */
        int has_begun;
        int has_lock, lock;
        uint64_t n_resumed;            /* tiles that were in it */
        uint64_t n_done;               /* that are in it */
    } journal;                         /* run/journal.h */
    struct pw_run_options own_options; /* in place of the caller's, where it changes one */

    struct pw_run_objects *objects; /* their table (run/run_objects.h); NULL: none is written */

    /* between the passes */
    struct pw_stage stage;
    struct pw_edge_file edges;
    struct pw_id_map map;
};

/* Opens and validates everything; creates nothing that can be seen. */
enum pw_status pw_job_open(struct pw_job *job, const struct pw_run_options *options, struct pw_error *error);
void pw_job_init(struct pw_job *job, const struct pw_run_options *options);
void pw_job_close(struct pw_job *job); /* safe on a zeroed job */

/* What is taken for the image, and which part of the volume is segmented.  In choose_part.c. */
enum pw_status pw_job_crop(struct pw_job *job, struct pw_error *error);
enum pw_status pw_job_choose_part(struct pw_job *job, struct pw_error *error);

/* Opens the sink; with is_done set there is nothing to do, and no sink.  In choose_output.c. */
enum pw_status pw_job_choose_output(struct pw_job *job, struct pw_error *error);

/* Chooses the scratch directory and opens the sink; the volume is known, the grid is a hint. */
enum pw_status pw_job_open_output(struct pw_job *job, struct pw_error *error);

/* Chooses the scratch directory alone. */
enum pw_status pw_job_choose_scratch(struct pw_job *job, struct pw_error *error);

/*
 * Sets the grid to the tile that suits the image, before the budget is looked at; the sink takes it as a hint.
 * In choose_tile.c.
 */
enum pw_status pw_job_suggest_tile(struct pw_job *job, struct pw_error *error);

/*
 * Chooses the tile where it was left open, and the depth of the ring, so that all fits the
 * budget.  Errors: PW_E_BUDGET with the smallest tile and budget that would do.
 */
enum pw_status pw_job_plan(struct pw_job *job, struct pw_error *error);

/* The same for passes 2 and 3 alone, whose stage is there already. */
enum pw_status pw_job_plan_merge(struct pw_job *job, struct pw_error *error);

/*
 * The same for pass 2 alone over a stage that is looked at, with beside_bytes for whoever looks: sizes.resolve_bytes
 * is then what sorting may take, also afterwards.
 */
enum pw_status pw_job_plan_look(struct pw_job *job, uint64_t beside_bytes, struct pw_error *error);

/* Pass 0: the whole-image threshold, when the segmenter asks for it. */
enum pw_status pw_pass_measure(struct pw_job *job, struct pw_run_result *result, struct pw_error *error);

/* Pass 1: every tile to the stage, its seams to the edge file. */
enum pw_status pw_pass_segment(struct pw_job *job, struct pw_run_result *result, struct pw_error *error);

/* Pass 2: from the edge file to the id map; the witness rule makes a new stage on the way. */
enum pw_status pw_pass_resolve(struct pw_job *job, struct pw_run_result *result, struct pw_error *error);

/* Pass 3: from stage and id map to the sink. */
enum pw_status pw_pass_emit(struct pw_job *job, struct pw_run_result *result, struct pw_error *error);

/* Which channels the segmenter gets: what the options say, as far as it takes so many.  In choose_channels.c. */
enum pw_status pw_job_choose_channels(struct pw_job *job, struct pw_error *error);

/* The mask that the options name.  In mask_tiles.c. */
enum pw_status pw_job_open_mask(struct pw_job *job, struct pw_error *error);

/* How labels are merged: what the options say, checked, or what suits the segmenter.  In choose_rule.c. */
enum pw_status pw_job_choose_rule(struct pw_job *job, struct pw_error *error);

/* Refuses a halo that is narrower than the segmenter has to have, and tiles too thin for any.  In check_halo.c. */
enum pw_status pw_job_check_halo(const struct pw_job *job, struct pw_error *error);

/* Tells the run's user of options that do nothing in it.  The output is open.  In idle_options.c. */
void pw_job_say_idle_options(const struct pw_job *job);

/* Refuses an output that would take the place of what is read.  In check_inputs.c. */
enum pw_status pw_job_check_inputs(const struct pw_job *job, struct pw_error *error);

/* Whether all windows are such as the segmenter takes.  In check_windows.c. */
enum pw_status pw_job_check_windows(const struct pw_job *job, struct pw_error *error);

/* Which objects are left out: what the options say, in voxels of the job's volume.  In choose_filter.c. */
enum pw_status pw_job_choose_filter(struct pw_job *job, struct pw_error *error);

/* The box of a tile whose runs its record keeps. */
struct pw_box pw_job_kept_box(const struct pw_job *job, uint64_t tile);

/* The record of a tile without labels; out holds PW_RECORD_HEADER_BYTES.  Returns its length. */
size_t pw_job_encode_empty(const struct pw_job *job, uint64_t tile, unsigned flags, unsigned char *out);

/* What limits the records of the job's tiles. */
void pw_job_record_limits(const struct pw_job *job, struct pw_record_limits *limits);

/* Bytes of one worker of pass 1: its arena and runs.  In segment_worker.c; the plan adds them up. */
uint64_t pw_segment_worker_bytes(const struct pw_job *job);

#endif
