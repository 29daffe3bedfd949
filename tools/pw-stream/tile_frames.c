#include "tile_frames.h"

#include "arguments.h"

int pw_frame_option_take(struct pw_run_options *options, int option, const char *text)
{
    switch (option) {
    case PW_OPTION_FRAME_TILE: return pw_argument_box("--tile", text, 1, options->tile);
    case PW_OPTION_FRAME_HALO: options->halo_given = 1; return pw_argument_box("--halo", text, 0, options->halo);
    case PW_OPTION_FRAME_CHANNEL: return pw_argument_index("--channel", text, &options->channel);
    case PW_OPTION_FRAME_TIME: return pw_argument_index("--time", text, &options->time);
    default: return -1;
    }
}
