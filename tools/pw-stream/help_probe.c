/* What `pw-stream help probe` prints. */
#include <stddef.h>

#include "help_text.h"

const char *const pw_help_probe[] = {
    "usage: pw-stream probe IMAGE --fn SEGMENTER [options]\n"
    "\n"
    "Segments a part of IMAGE as one tile, and in tiles with one halo after the other, and prints for each how alike "
    "the\n"
    "two are: F1 at IoU 0.5, of all objects and of those that cross a seam; time and memory of a tile; the smallest "
    "halo\n"
    "that suffices; and what a run of the whole image with it will take. Nothing is written but below $TMPDIR.\n"
    "\n",
    "  --fn SEGMENTER        as of run; halos narrower than it declares are tried too\n"
    "  --halos 0,8,2/16/16   those to try: N on all axes or z/y/x (default 0,4,8,16,32,64; the declared one is always\n"
    "                        tried)\n"
    "  --tile z,y,x|N        core of a tile (default: that of a run)\n"
    "  --crop z,y,x|N        extent of the part, which is also segmented as one tile (default: two tiles on every "
    "axis\n"
    "                        that has as many)\n"
    "  --at z,y,x            where it begins (default: so that it lies in the middle); moved to the border of a chunk\n"
    "  --enough F1           that suffices, for all objects and those at seams, with this halo and all wider ones\n"
    "                        (default 0.99)\n"
    "  --json                for programs\n"
    "\n",
    "  --time N              the time point (default 0)\n"
    "  --channel, --level, --normalize, --connectivity, --merge, --tau, --metric, --context, --unmatched, "
    "--min-contact,\n"
    "  --min-size, --max-size, --border, --memory, --threads, --scratch, --workers and the others of worker "
    "processes,\n"
    "  --progress, --quiet, and --shape, --dtype, --offset, --endian of a raw file: as of run\n"
    "\n"
    "Exit status: 0 done, 1 failed, 64 wrong usage.\n",
    NULL,
};
