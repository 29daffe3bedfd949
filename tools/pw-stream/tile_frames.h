/*
 * tile_frames - the options that tiles and collect have to be given alike: how an image is cut.
 */
#ifndef TILE_FRAMES_H
#define TILE_FRAMES_H

#include "patchworks.h"

enum {
    PW_OPTION_FRAME_TILE = 2100,
    PW_OPTION_FRAME_HALO,
    PW_OPTION_FRAME_CHANNEL,
    PW_OPTION_FRAME_TIME
};

#define PW_FRAME_OPTIONS                                                                                               \
    {"tile", required_argument, NULL, PW_OPTION_FRAME_TILE}, {"halo", required_argument, NULL, PW_OPTION_FRAME_HALO},  \
        {"channel", required_argument, NULL, PW_OPTION_FRAME_CHANNEL},                                                 \
    {                                                                                                                  \
        "time", required_argument, NULL, PW_OPTION_FRAME_TIME                                                          \
    }

/* Takes one of them; returns 1, 0 after a message, or -1 when option is none of them. */
int pw_frame_option_take(struct pw_run_options *options, int option, const char *text);

#endif
