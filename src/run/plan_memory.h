/*
 * run/plan_memory - what each pass of a job can have resident, summed up part by part.
 *
 * Every part has a _memory_bytes() twin where it is made; here they are put together.  plan, where there is one, gets the parts
 * by name.  UINT64_MAX: more than can be counted.
 *
 * Internal to planning.  Threads: pure functions of the job, but for plan.
 */
#ifndef PW_RUN_PLAN_MEMORY_H
#define PW_RUN_PLAN_MEMORY_H

#include "run/job.h"

/* Least memory for resolving: below it the sorter's runs become absurdly short. */
#define PW_RESOLVE_LEAST ((uint64_t)1 << 20)

/* What lives through all passes. */
uint64_t pw_plan_lasting_bytes(const struct pw_job *job);

uint64_t pw_plan_pass1_bytes(const struct pw_job *job, const struct pw_sizes *s, struct pw_plan *plan);
uint64_t pw_plan_pass2_bytes(const struct pw_job *job, struct pw_plan *plan);
uint64_t pw_plan_pass3_bytes(const struct pw_job *job, const struct pw_sizes *s, struct pw_plan *plan);

/* After the labels are written. */
uint64_t pw_plan_table_bytes(const struct pw_job *job, const struct pw_sizes *s, struct pw_plan *plan);

/* Before pass 1, when it goes on from tiles that are there. */
uint64_t pw_plan_resume_bytes(const struct pw_job *job);

/* Before pass 1, when tiles outside of the mask are looked for. */
uint64_t pw_plan_search_bytes(const struct pw_job *job);

#endif
