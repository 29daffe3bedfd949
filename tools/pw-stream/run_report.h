/*
 * run_report - a run's plan and its account, for people and for programs.
 */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include <stdio.h>

#include "patchworks.h"

void pw_report_plan(FILE *out, const struct pw_plan *plan);
void pw_report_summary(FILE *out, const struct pw_run_result *result);
void pw_report_summary_json(FILE *out, const struct pw_run_result *result);

/* "512.0 MiB" into out, which is returned. */
const char *pw_report_size(char out[32], uint64_t bytes);

#define PW_COUNT_BYTES 64

/* "1 tile", "2 tiles", "0 worker processes" into text, which is returned. */
const char *pw_report_count(char text[PW_COUNT_BYTES], uint64_t n, const char *noun);

#endif
