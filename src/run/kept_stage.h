/*
 * run/kept_stage - a stage that outlives its run, so that its labels can be merged again: a directory with
 *
 *   records      the stage log (merge/stage.h)
 *   candidates   the edge file (merge/edges.h)
 *   plan.json    what belongs to them: grid, volume, calibration, segmenter, rule; written last
 *
 * doc/STAGE.md describes them.  It is the directory of the run's journal (run/journal.h), which gets this name when it is
 * complete.
 *
 *     pw_kept_check -> pw_journal_begin -> pass 1 -> pw_kept_commit
 *     pw_kept_open   fills a job as far as passes 2 and 3 need it
 */
#ifndef PW_RUN_KEPT_STAGE_H
#define PW_RUN_KEPT_STAGE_H

#include "run/job.h"

#define PW_KEPT_PLAN_FILE "plan.json"

/*
 * Whether job->options->keep_stage can be made: PW_E_EXISTS when something is there that may not be replaced, and
 * nothing but a kept stage ever is; PW_E_ARGUMENT when the labels go there too.  Makes nothing.  In kept_check.c.
 */
enum pw_status pw_kept_check(struct pw_job *job, struct pw_error *error);

/* Writes the plan and lets the directory appear. */
enum pw_status pw_kept_commit(struct pw_job *job, struct pw_error *error);

/*
 * Opens the kept stage in directory: job's volume (without a source), segmenter (without operations), grid and
 * stage.  kept gets the rule that its candidates are of.
 * Errors: PW_E_NOT_FOUND, PW_E_FORMAT, PW_E_TRUNCATED, PW_E_CHECKSUM.
 */
struct pw_kept {
    struct pw_rule rule;
    uint64_t candidates_bytes;
    uint32_t candidates_checksum;
    char image[4096]; /* the path of the image, as it was given */
    /* What the run did to whole objects, when they were merged. */
    int fill_holes, dilate_micrometers;
    double dilate;
};
enum pw_status pw_kept_open(struct pw_job *job, const char *directory, struct pw_kept *kept, struct pw_error *error);

/* Opens its candidates for reading, checked. */
enum pw_status pw_kept_open_candidates(struct pw_job *job, const char *directory, const struct pw_kept *kept,
                                       struct pw_error *error);

#endif
