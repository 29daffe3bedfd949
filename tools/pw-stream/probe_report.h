/*
 * probe_report - what a probe has found, for people and for programs.
 */
#ifndef PROBE_REPORT_H
#define PROBE_REPORT_H

#include <stdio.h>

#include "probe_runs.h"

void pw_probe_print(FILE *out, const struct pw_probe *probe);
void pw_probe_print_json(FILE *out, const struct pw_probe *probe);

#endif
