/*
 * run/kept_merge - a kept stage under a rule, the one that it was made with or another.
 *
 *     pw_kept_open -> pw_kept_choose_rule -> pw_job_plan_merge or pw_job_plan_look -> pw_kept_find_candidates
 *         -> pw_pass_resolve, when labels are written (remerge.c)
 *         -> pw_kept_resolve, which leaves all that led to the objects to be looked at -> pw_kept_objects_release
 */
#ifndef PW_RUN_KEPT_MERGE_H
#define PW_RUN_KEPT_MERGE_H

#include "merge/witness.h"
#include "run/kept_stage.h"

/*
 * Sets the job's rule by options, which are the job's own; what they leave at its default is as it was in the run
 * that made the stage.  Errors: PW_E_ARGUMENT.
 */
enum pw_status pw_kept_choose_rule(struct pw_job *job, struct pw_run_options *options, const struct pw_kept *kept,
                                   struct pw_error *error);

/*
 * All of it up to the plan for whoever looks at the stage options->input and writes no labels: opens it, checks the
 * options, sets the rule and the scratch directory.  The job has been pw_job_init()ed with options.
 */
enum pw_status pw_kept_open_to_look(struct pw_job *job, struct pw_run_options *options, struct pw_kept *kept,
                                    struct pw_error *error);

/* Opens the candidates of the job's rule: those that were kept, or the tiles are compared anew. */
enum pw_status pw_kept_find_candidates(struct pw_job *job, const char *directory, const struct pw_kept *kept,
                                       struct pw_error *error);

/* What the rule makes of the labels of job->stage. */
struct pw_kept_objects {
    struct pw_id_map parts; /* their objects; under witness those before anything is painted */

    /* The labels as they are written, and their final ids: job->stage and parts, or under witness what follows. */
    const struct pw_stage *final_stage;
    const struct pw_id_map *final_map;

    int is_painted; /* the rule is witness, and this is there: */
    struct pw_owners owners;
    struct pw_stage painted;
    struct pw_id_map painted_map;
    struct pw_scratch origins; /* of painted labels, in parts (merge/repaint.h) */
};

enum pw_status pw_kept_resolve(struct pw_job *job, struct pw_kept_objects *objects, struct pw_error *error);
void pw_kept_objects_release(struct pw_kept_objects *objects); /* safe on a zeroed one */

/* Bytes of it that live on when it is resolved, beside the job's own. */
uint64_t pw_kept_objects_memory_bytes(uint64_t n_tiles);

#endif
