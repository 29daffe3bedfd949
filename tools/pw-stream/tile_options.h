/*
 * tile_options - the options of run that say where work is done: --roi, --mask, --skip-empty, --maxima, --resume.
 */
#ifndef TILE_OPTIONS_H
#define TILE_OPTIONS_H

#include "patchworks.h"

enum {
    PW_OPTION_ROI = 900,
    PW_OPTION_SKIP_EMPTY,
    PW_OPTION_RESUME,
    PW_OPTION_MASK,
    PW_OPTION_MAXIMA
};
#define PW_TILE_OPTIONS                                                                                                \
    {"roi", required_argument, NULL, PW_OPTION_ROI}, {"resume", no_argument, NULL, PW_OPTION_RESUME},                  \
        {"maxima", required_argument, NULL, PW_OPTION_MAXIMA}, {"mask", required_argument, NULL, PW_OPTION_MASK},      \
    {                                                                                                                  \
        "skip-empty", required_argument, NULL, PW_OPTION_SKIP_EMPTY                                                    \
    }

/* Takes one of them; returns 1, 0 after a message, or -1 when option is none of them. */
int pw_tile_options_take(struct pw_run_options *options, int option, const char *text);

#endif
