/* What `pw-stream help tiles` and `help collect` print. */
#include <stddef.h>

#include "help_text.h"

const char *const pw_help_tiles[] = {
    "usage: pw-stream tiles IMAGE [options] | ./filter | pw-stream collect IMAGE -o OUT [options]\n"
    "\n"
    "Writes the windows of all tiles to standard output, one .npy after the other, in the order of the tiles:\n"
    "[y,x] of a plane, [z,y,x] of a volume, time point by time point. A filter makes labels of each, which pw-stream "
    "collect merges.\n"
    "\n"
    "  --tile z,y,x|N        core of a tile (default: by image and chunks)\n"
    "  --halo z,y,x|N        context around it, clipped at the border of the image (default 0)\n"
    "  --tag                 each header says which tile it is, in a comment; a filter that hands headers on\n"
    "                        has that checked by collect\n"
    "  --channel N, --time N, --level N, --axes, --series, --well, and --shape, --dtype, --offset, --endian of a raw "
    "file: as of run\n"
    "  --memory SIZE         never more than this (default: half of what the host grants)\n"
    "  --threads N           that decode (default: what the host grants)\n"
    "\n"
    "Exit status: 0 done, 1 failed, 64 wrong usage.\n",
    NULL,
};

const char *const pw_help_collect[] = {
    "usage: pw-stream tiles IMAGE [options] | ./filter | pw-stream collect IMAGE -o OUT [options]\n"
    "\n"
    "Merges labels that come on standard input, one .npy for each tile of pw-stream tiles, in its order, of the same\n"
    "shape and of any type of whole numbers. IMAGE, --tile, --halo, --channel, --time and --level are those that\n"
    "tiles was given: from them it is known which frames there have to be.\n"
    "\n"
    "Refused: a frame of another shape, one that is missing or too many, negative labels or labels above 2^32-1,\n"
    "and a frame with the tag of another tile. Two frames of one shape that were swapped are noticed by tags only.\n"
    "\n"
    "  --merge RULE          touch, face, overlap, witness; auto is witness with a halo, else face; labels that\n"
    "                        are connected components need touch\n"
    "  --objects TABLE       a row for each object, as of run\n"
    "  and the options of run for merging, objects to leave out, output, resources and messages\n"
    "\n"
    "Exit status: 0 done, 1 failed, 64 wrong usage.\n",
    NULL,
};
