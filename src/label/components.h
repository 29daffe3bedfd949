/*
 * label/components - connected components of one block, as runs.
 *
 * connectivity is the number of axes along which neighbours may differ at once:
 * 1 faces, 2 faces and edges, 3 faces, edges and corners (scipy's
 * generate_binary_structure).  A block with shape[0] == 1 is 2-D: there 2 is full.
 * Components are numbered 1..n in raster order of their first voxel, as
 * scipy.ndimage.label numbers them.
 *
 * Memory: out (sized by pw_runs_capacity()) and scratch are the caller's; nothing
 * is allocated.  A block has fewer than 2^32 runs: so does any of fewer than 2^32 voxels.
 * Threads: pure functions of their arguments.
 */
#ifndef PW_LABEL_COMPONENTS_H
#define PW_LABEL_COMPONENTS_H

#include "label/runs.h"

/* Bytes of scratch for any block of that shape, worst case. */
size_t pw_components_scratch_bytes(const uint64_t shape[3]);

/* Components of the set bits; bits as in label/threshold.h, rows z then y. */
void pw_components_of_bits(const uint64_t *bits, const uint64_t shape[3], int connectivity, void *scratch,
                           struct pw_runs *out);

/*
 * Components of voxels that are equal and not zero, for any element type,
 * compared by value (NaN equals nothing and is background; -0.0 is zero).
 * Rows are stride_bytes[1] apart and planes stride_bytes[0]; a row is dense.
 */
void pw_components_of_equal(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3],
                            const uint64_t shape[3], int connectivity, void *scratch, struct pw_runs *out);

#endif
