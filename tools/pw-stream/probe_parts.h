/*
 * probe_parts - runs of a part of the image, and their plans.  Internal to probe.
 */
#ifndef PROBE_PARTS_H
#define PROBE_PARTS_H

#include "probe_runs.h"

/* The plan of a run, whose output need not be named and is not made. */
enum pw_status pw_probe_plan(const struct pw_run_options *options, struct pw_plan *report, struct pw_error *error);

/* The part, taken for the image, in such tiles. */
struct pw_run_options pw_probe_part_options(const struct pw_probe *probe, const uint64_t tile[3],
                                            const uint64_t halo[3]);

/* As one tile, of at least its shape: there is nothing to merge. */
struct pw_run_options pw_probe_whole_options(const struct pw_probe *probe, const uint64_t shape[3]);

#endif
