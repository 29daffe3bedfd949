/*
 * run/image - what a struct pw_image is: a source, and a reader that keeps its buffers.
 */
#ifndef PW_RUN_IMAGE_H
#define PW_RUN_IMAGE_H

#include "store/source.h"

struct pw_image {
    struct pw_source *source;
    struct pw_region_reader *reader; /* keeps its buffers from one read to the next */
};

#endif
