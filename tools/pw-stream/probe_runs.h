/*
 * probe_runs - a part of an image segmented as one tile, and in tiles with one halo after the other.
 *
 *     pw_probe_choose(&probe, error)     the tile, the part of the image, the halos
 *     pw_probe_run(&probe, error)        the runs, and how alike what they give is
 *     pw_probe_estimate(&probe)          the whole image, with the halo that suffices
 *
 * Labels are kept in a directory of the probe's own, which is gone when pw_probe_run() returns.
 * Memory: that of a run of one tile as large as the part.  Threads: one probe belongs to one.
 */
#ifndef PROBE_RUNS_H
#define PROBE_RUNS_H

#include "patchworks.h"
#include "progress_bar.h"

enum {
    PW_PROBE_HALOS_MAX = 32
};

/* How fast tiles came: the first one waits for what workers have to load, and does not count where others follow. */
struct pw_probe_clock {
    struct pw_progress_bar *bar;
    uint64_t first_done, last_done; /* tiles */
    double first_seconds, last_seconds;
};

/* The part in tiles with one halo. */
struct pw_probe_row {
    uint64_t halo[3];
    int is_declared;    /* it is that of the function */
    char refused[1024]; /* why there is no such run; "" when there is */
    int is_enough;      /* from here on, all F1 reach probe.enough */
    uint64_t n_tiles, n_tile_labels, n_objects;
    struct pw_compare_result alike; /* to the part as one tile */
    double seconds;                 /* of the whole run */
    double seconds_per_tile;        /* of segmenting: of the wall clock, with as many at once as threads */
    uint64_t tile_bytes;            /* a slot, and a worker's own memory */
    uint64_t process_bytes;         /* the largest worker process so far; 0 without */
    double pass_seconds[PW_PASS_COUNT];
};

struct pw_probe {
    struct pw_run_options options; /* as for a run of the whole image; tile and halo may be given */
    uint64_t tile[3];              /* of the part; 0: chosen */
    uint64_t crop[3];              /* extent of the part; 0: chosen */
    uint64_t at[3];                /* where it begins, */
    int has_at;                    /*    or in the middle */
    double enough;                 /* F1 that is wanted */
    int n_rows;
    struct pw_probe_row row[PW_PROBE_HALOS_MAX];
    struct pw_progress_bar bar;

    /* chosen and found */
    struct pw_plan image; /* a run of all of it, with the halo that the function declares */
    struct pw_plan part;  /* as one tile */
    uint64_t declared[3]; /* halo */
    uint64_t n_objects;   /* of the part as one tile */
    uint64_t n_crossing;  /* of them, in more than one tile */
    double whole_seconds;
    int best;                           /* the row that suffices; -1: none does */
    struct pw_plan full;                /* of the whole image with it, or the widest */
    int has_full;                       /* there is such a plan */
    double pass_seconds[PW_PASS_COUNT]; /* what it is expected to take */
};

/* Errors: those of pw_run_plan(). */
enum pw_status pw_probe_choose(struct pw_probe *probe, struct pw_error *error);

/* Errors: those of pw_run() and pw_compare(). */
enum pw_status pw_probe_run(struct pw_probe *probe, struct pw_error *error);

void pw_probe_estimate(struct pw_probe *probe);

#endif
