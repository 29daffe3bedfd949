/*
 * segment/response - what segmenters share that filter the voxels into floats and label those above a threshold.
 *
 * They see the window and answer for the core alone: the halo gives the filter its neighbours, and what lies in it is
 * background.  A core voxel then does not depend on the tile, and the touch rule makes the merged labels those of the
 * whole image; labels of the rim could join two pieces of the core through voxels that the filter saw only half of.
 *
 * Memory: the worker's arena.  Threads: as segment/segmenter.h.
 */
#ifndef PW_SEGMENT_RESPONSE_H
#define PW_SEGMENT_RESPONSE_H

#include "segment/segmenter.h"

/* Sets what they declare: components, the exact halo, labels of the core alone; text and ops are the caller's. */
void pw_response_declare(struct pw_segmenter *segmenter, const uint64_t halo[3]);

/* Bytes for labelling a core of at most shape. */
uint64_t pw_response_label_bytes(const uint64_t shape[3]);

/* Components of the floats above threshold, dense and of the tile's core, as runs of its window. */
void pw_response_label(const float *response, float threshold, int connectivity, const struct pw_tile *tile,
                       void *scratch, struct pw_runs *runs);

/* The same of bits of the core, as label/threshold.h has them; scratch is then that of label/components.h. */
void pw_response_label_bits(const uint64_t *bits, int connectivity, const struct pw_tile *tile, void *scratch,
                            struct pw_runs *runs);

/* Rounds bytes up, so that what follows them is aligned for vectors. */
static inline uint64_t pw_response_padded(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

#endif
