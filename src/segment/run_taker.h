/*
 * segment/run_taker - the host's side of struct pw_run_writer: checks a plugin's runs and keeps them.
 *
 *     pw_run_taker_begin(&taker, runs, tile);
 *     plugin->segment_runs(tile, &taker.writer, state);
 *     if (pw_run_taker_end(&taker) != 0) ... refused: tile->message says why
 *
 * Runs of one label that stand side by side become one.  Memory: runs has room for one run for each voxel, which is
 * never exceeded because runs do not overlap.  Threads: one.
 */
#ifndef PW_SEGMENT_RUN_TAKER_H
#define PW_SEGMENT_RUN_TAKER_H

#include "label/runs.h"

struct pw_run_taker {
    struct pw_run_writer writer; /* what the plugin sees; its host is this struct */
    struct pw_runs *runs;
    const struct pw_tile *tile;
    uint64_t row; /* of the last run; the starts of rows up to it are set */
    int refused;
};

/* tile has a message to write to. */
void pw_run_taker_begin(struct pw_run_taker *taker, struct pw_runs *runs, const struct pw_tile *tile);
int pw_run_taker_end(struct pw_run_taker *taker); /* 1 when a run was refused */

#endif
