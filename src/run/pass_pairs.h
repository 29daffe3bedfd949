/*
 * run/pass_pairs - one pass over two label volumes that counts which labels lie on each other.
 *
 * The pass that compare and relate have in common: threads take tiles in turn, each
 * with a reader and a tally of its own, and give what they have counted to one set of sums.
 *
 *     pw_pairs_open(&pass, &request, error)     both inputs opened and checked, tiles and memory planned
 *     pw_pairs_run(&pass, error)                every tile; pass.sums are finished
 *     ... pass.sums, pass.different ...
 *     pw_pairs_close(&pass)
 *
 * Memory: half of the budget for reading where that will do, given back after the run; of the rest
 * half for the sums and half (pass.rest_bytes) for what is made of them.
 * Errors: those of label_pair.h, pair_tally.h and ext/sorter.h; PW_E_BUDGET.
 */
#ifndef PW_RUN_PASS_PAIRS_H
#define PW_RUN_PASS_PAIRS_H

#include "relate/label_pair.h"
#include "relate/pair_sums.h"

struct pw_pairs_request {
    const struct pw_label_input *input[2];
    uint64_t cell[3]; /* of the crossing grid; 0: none */
    int wants_size[2];
    uint64_t memory_bytes; /* 0: half of what the host grants */
    int threads;           /* 0: what the host grants */
    const char *scratch_dir;
};

struct pw_pairs_pass {
    struct pw_pairs_request request;
    char scratch_dir[4096];
    struct pw_label_pair pair;
    unsigned threads;
    uint64_t tally_bytes; /* of each thread */
    uint64_t rest_bytes;
    struct pw_pair_sums sums;

    /* after the run */
    uint64_t voxels;
    uint64_t different;       /* voxels whose two labels are different numbers */
    uint64_t first_different; /* the first of them in raster order; UINT64_MAX: none */
};

enum pw_status pw_pairs_open(struct pw_pairs_pass *pass, const struct pw_pairs_request *request,
                             struct pw_error *error);
enum pw_status pw_pairs_run(struct pw_pairs_pass *pass, struct pw_error *error);
void pw_pairs_close(struct pw_pairs_pass *pass); /* safe on a zeroed pass */

#endif
