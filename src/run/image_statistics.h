/*
 * run/image_statistics - what the segmenter wants to know of the whole volume, and the limits of --normalize.
 *
 * Filled into the segmenter (statistics, measured), which owns it, before its first worker starts.  Exact: counts are
 * integers, so threads, tiles and the budget leave no trace.
 *
 * Memory: counters for each thread, as many as fit a quarter of the budget (fewer counters are more passes); what stays
 * is pw_image_statistics_bytes().
 */
#ifndef PW_RUN_IMAGE_STATISTICS_H
#define PW_RUN_IMAGE_STATISTICS_H

#include "run/job.h"

/* Nothing when nothing is wanted.  Errors: those of pw_image_pass(). */
enum pw_status pw_measure_statistics(struct pw_job *job, struct pw_run_result *result, struct pw_error *error);

/* What stays in memory through pass 1: the histograms. */
uint64_t pw_image_statistics_bytes(const struct pw_segmenter *segmenter);

#endif
