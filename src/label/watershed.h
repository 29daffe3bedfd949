/*
 * label/watershed - flooding from markers: Meyer's algorithm with a priority queue.
 *
 * Marked voxels go into the queue in raster order, at their values; then the voxel that is lowest in it leaves it, of
 * several the one that came first, and its neighbours without a label that may be flooded get its label and go in,
 * at their values but not below that of the voxel that they were reached from.  The result is that of
 * skimage.segmentation.watershed(image, markers, mask=...) (0.26) with the same connectivity, voxel for voxel, ties too: neighbours
 * come in the same order (nearest first, then raster order) and the queue is a binary heap in which equals move alike.
 * (F. Meyer, Color image segmentation, 1992; Beucher and Lantuejoul 1979.)
 *
 * Memory: the caller's.  Threads: a pure function of its arguments.
 */
#ifndef PW_LABEL_WATERSHED_H
#define PW_LABEL_WATERSHED_H

#include "patchworks.h"

/*
 * Floods the dense block of shape, which has fewer than 2^32 voxels.
 *   value   the landscape
 *   mask    not 0 where labels may go
 *   label   the markers, 0 elsewhere; on return the basins.  Markers outside of the mask vanish.
 * connectivity is 1..3 (label/components.h); scratch holds pw_watershed_scratch_bytes(voxels).
 */
void pw_watershed(const float *value, const unsigned char *mask, const uint64_t shape[3], int connectivity,
                  void *scratch, uint32_t *label);

uint64_t pw_watershed_scratch_bytes(uint64_t voxels);

#endif
