/*
 * qc/seam_pass - one pass over the tiles of a merged stage that judges every seam, and a control plane in the middle
 * of every tile for each axis that has seams.
 *
 * Two stages are looked at, which may be one: that of the labels as tiles saw them, and that of the labels as they
 * are written (under witness another), whose objects are cut or not.
 *
 * Memory: pw_seam_pass_memory_bytes(), and memory_bytes for sorting; one tile at a time.
 * Threads: one.
 */
#ifndef PW_QC_SEAM_PASS_H
#define PW_QC_SEAM_PASS_H

#include "merge/id_map.h"
#include "merge/seams.h"

/* Labels and their objects. */
struct pw_judged_stage {
    const struct pw_stage *stage;
    const struct pw_id_map *map;
};

struct pw_seam_pass {
    const struct pw_grid *grid;
    struct pw_judged_stage seen, final;
    const struct pw_record_limits *limits; /* of the records of seen */
    const struct pw_rule *rule;            /* whose context counts */
    int with_overlaps;                     /* records of seen keep more than cores */
    int of_instances;                      /* two labels of one tile are two objects: joining them is an error */
    uint64_t memory_bytes;
    const char *scratch_dir;
    pw_seam_fn each; /* may be NULL */
    void *user;
};

/* Fills all of result but what names the rule and the grid, which is there already. */
enum pw_status pw_seam_pass_run(const struct pw_seam_pass *pass, struct pw_seams_result *result,
                                struct pw_error *error);

/* Beside sorting; n_labels and record_bytes are the most of a tile, of either stage. */
uint64_t pw_seam_pass_memory_bytes(const struct pw_grid *grid, const struct pw_record_limits *limits,
                                   const struct pw_rule *rule, uint64_t n_labels, uint64_t record_bytes);

#endif
