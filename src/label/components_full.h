/*
 * label/components_full - components under full connectivity (8 neighbours in two
 * dimensions, 26 in three), on bundles of rows.
 *
 * Two rows y, y+1 (in 3-D two by two rows in z and y) form a bundle.  Under full
 * connectivity all voxels of one run of the bundle's ORed bits are connected, so
 * the union-find works on the fewer and longer runs of bundles; two bundles touch
 * where the rows that face each other do.  Then each real run takes the number of
 * the bundle run that holds it.  (The idea of the 2x2 blocks of Grana, Borghesani and
 * Cucchiara, Optimized block-based connected components labeling, IEEE TIP 2010,
 * carried from pixels to runs and to three dimensions.)
 *
 * Internal to label; contract as pw_components_of_bits().
 */
#ifndef PW_LABEL_COMPONENTS_FULL_H
#define PW_LABEL_COMPONENTS_FULL_H

#include "label/bitrow.h"
#include "label/threshold.h"

size_t pw_components_full_scratch_bytes(const uint64_t shape[3]);
void pw_components_full(const uint64_t *bits, const uint64_t shape[3], void *scratch, struct pw_runs *out);

/* Turns out->label from parents (label/unionfind.h) into labels 1..n in order of first runs. */
void pw_components_number_roots(struct pw_runs *runs);

#endif
