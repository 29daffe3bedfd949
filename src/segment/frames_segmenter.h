/*
 * segment/frames_segmenter - `frames`: the labels of the tiles come on standard input, frame by frame of npy, in the order
 * of the tiles.
 *
 * What pw-stream collect reads.  Every frame has to have the shape of its tile's window and a type of whole numbers; one that
 * says which tile it is (store/npy_tag.h) has to be that; none may be missing, and nothing may follow.
 */
#ifndef PW_SEGMENT_FRAMES_SEGMENTER_H
#define PW_SEGMENT_FRAMES_SEGMENTER_H

#include "segment/segmenter.h"

int pw_frames_is(const char *specification);
enum pw_status pw_frames_segmenter_open(struct pw_segmenter *segmenter, struct pw_error *error);

#endif
