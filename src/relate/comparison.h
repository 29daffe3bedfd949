/*
 * relate/comparison - from the sums over two volumes to what there is to say about them.
 *
 * Two walks over the pairs of labels: sorted by A, where each meets its size in A, and then
 * sorted by B, where it meets its size in B.  All counts are exact; sums of floating point
 * numbers are taken in the order of the pairs, which no thread and no memory budget changes.
 *
 * Memory: memory_bytes beside that of sums.  Threads: one.
 */
#ifndef PW_RELATE_COMPARISON_H
#define PW_RELATE_COMPARISON_H

#include "relate/pair_sums.h"

/*
 * sums: finished, with both sizes; read to their end.  Fills everything in result that follows from
 * them; shape, voxels and different voxels are the caller's, and voxels is used.
 */
enum pw_status pw_comparison_make(struct pw_pair_sums *sums, const struct pw_compare_options *options,
                                  uint64_t memory_bytes, const char *scratch_dir, struct pw_compare_result *result,
                                  struct pw_error *error);

#endif
