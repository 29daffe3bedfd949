/* What `pw-stream help run` prints; a text for each section, as C99 promises 4095 characters of a string. */
#include <stddef.h>

#include "help_text.h"

const char *const pw_help_run[] = {
    "usage: pw-stream run IMAGE [-o OUT] --fn SEGMENTER [options]\n"
    "\n"
    "Segments IMAGE tile by tile, joins the objects that cross tiles, writes one label volume.\n"
    "IMAGE is zarr, OME-Zarr, TIFF, npy or raw, recognised by content; - is npy or raw on standard input.\n"
    "\n",
    "  --fn SEGMENTER        threshold:VALUE   voxels above VALUE, connected\n"
    "                        otsu              as above, one Otsu threshold of the whole image\n"
    "                        otsu:tile         one of each tile\n"
    "                        label             connected components of equal values that are not 0\n"
    "                        given             labels that are there already; see help merge\n"
    "                        ./plugin.so[:OPTIONS]   your own function; see patchworks.h\n"
    "                        built-ins take ,connectivity=1..3 (faces, edges, corners; default 1)\n"
    "  --connectivity N      how labels join across tiles, and voxels where --fn does not say (default: --fn's)\n"
    "\n",
    "merging, of labels in two neighbouring tiles\n"
    "  --merge RULE          touch    adjacent voxels: exact for components, fuses touching cells\n"
    "                        face     cross-sections on the face between the tiles agree by more than tau\n"
    "                        overlap  labels agree where windows overlap\n"
    "                        witness  as overlap; one tile's outline where it saw the whole\n"
    "                        auto     touch for components, else witness with a halo, else face (default)\n"
    "  --tau X               agreement that is needed, 0.001 to 0.999 (default 0.5)\n"
    "  --metric METRIC       of overlap: iou, mutual or iomin (default iou)\n"
    "  --min-contact N       of face: at least N facing voxels (default 1)\n"
    "  --context z,y,x|N     rim of the halo that overlap and witness do not look at\n"
    "  --unmatched WHAT      keep (default) or drop-covered: labels without a partner, under a larger one\n"
    "\n",
    "objects, when they are whole\n"
    "  --fill-holes          give them the background that they enclose\n"
    "  --dilate N|Xum        grow into the background by a distance, in voxels or in micrometers\n"
    "\n"
    "objects to leave out; the others are 1..N\n"
    "  --min-size, --max-size SIZE   voxels, 12.5um3 or um2\n"
    "  --border drop         those at the border of the image (default keep)\n"
    "\n",
    "output\n"
    "  -o, --output OUT      .zarr, .tif, .npy, .raw, .geojson (polygons of a plane); - is standard output, npy\n"
    "                        unless --format raw\n"
    "                        without it labels go into an OME-Zarr input, under labels/\n"
    "  --format FORMAT       zarr, tiff, npy, raw or geojson, whatever OUT is called\n"
    "  --name NAME           of the label image in a store (default: the segmenter's)\n"
    "  --ngff 0.5|0.4        OME-NGFF version of a new store (default 0.5)\n"
    "  --chunk z,y,x         of a store, and --shard z,y,x (default: chosen)\n"
    "  --pyramid RULE        of a store's smaller levels: mode (default), nearest or none; as many as the image\n"
    "                        has, else down to one chunk\n"
    "  --out-dtype TYPE      uint8, uint16, uint32 or uint64 (default: uint32, wider when needed)\n"
    "  --objects TABLE       a row for each object: .csv, .tsv; in a zarr store too (store: only there)\n"
    "  --objects-channel N|all   that it measures (default all)\n"
    "  --overwrite           replace an existing output, once the new one is whole\n"
    "\n",
    "input\n"
    "  --level N             resolution level, 0 is full\n"
    "  --channel N, --time N when there are several\n"
    "  --shape z,y,x         of a raw file, with\n"
    "  --dtype TYPE          uint8, u16, float32, ...\n"
    "  --offset N            bytes before the first voxel\n"
    "  --endian little|big\n"
    "\n",
    "where to work\n"
    "  --roi z0:z1,y0:y1,x0:x1   only in this box, as if the image were cropped to it; y0:,:x1 is allowed\n"
    "  --skip-empty LEVEL|auto|none   the function is not called for tiles without a voxel above LEVEL in core\n"
    "                        and halo; auto: Otsu's threshold of three samples (default none)\n"
    "\n",
    "tiles and resources\n"
    "  --tile z,y,x|N|auto   core of a tile (default auto: by image, chunks and memory)\n"
    "  --halo z,y,x|N        context around it (default: what the segmenter declares)\n"
    "  --memory SIZE         never more than this: 512M, 4G (default: half of what the host grants)\n"
    "  --threads N           (default: what the host grants)\n"
    "  --io ENGINE           auto, uring, mmap or sync\n"
    "  --scratch DIR         for the stage (default: beside the output, else $TMPDIR)\n"
    "  --keep-stage DIR      keep what the tiles came to, for pw-stream remerge\n"
    "  --dry-run             print the plan: tiles, ring, memory of every part, disk\n"
    "\n",
    "messages, on standard error\n"
    "  --progress WHEN       auto (on a terminal), always, never or json (one object a line)\n"
    "  --summary FORM        text, json or none\n"
    "  --quiet               nothing but errors;  --verbose  also the plan\n"
    "\n",
    "Exit status: 0 done, 1 failed, 64 wrong usage. SIGINT and SIGTERM leave nothing behind; SIGUSR1 prints "
    "progress.\n",
    NULL,
};
