/*
 * label/mean_pairs - means of blocks that are two voxels wide, with vectors of 32 bytes (PW_SIMD_AVX2).
 *
 * Called by label/mean.c, which does the rest of a row.  Pure functions.
 */
#ifndef PW_LABEL_MEAN_PAIRS_H
#define PW_LABEL_MEAN_PAIRS_H

#include <stdint.h>

#include "label/simd.h"

/*
 * out[x] is the sum of voxels 2x and 2x + 1 of all rows (4 at most), and half of 2^shift, shifted by shift, which is 1 to 3.
 * Returns how many of n voxels it has made, from the first on; 0 where there are no such vectors.
 */
uint64_t pw_mean_pairs_u8(const uint8_t *const *row, unsigned rows, uint8_t *out, uint64_t n, unsigned shift);
uint64_t pw_mean_pairs_u16(const uint16_t *const *row, unsigned rows, uint16_t *out, uint64_t n, unsigned shift);

#endif
