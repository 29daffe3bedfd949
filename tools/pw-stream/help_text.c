#include "help_text.h"

#include <stddef.h>

const char *const pw_help_merge[] = {
    "usage: pw-stream merge LABELS -o OUT --tile z,y,x [--merge touch|face] [options]\n"
    "       pw-stream merge TILES.json -o OUT [--merge RULE] [options]\n"
    "       pw-stream merge LABELS --in-place --tile z,y,x [--merge touch|face] [options]\n"
    "\n"
    "Joins the objects of a label array that somebody else's pipeline made tile by tile, and numbers them 1..N in\n"
    "raster order. Within a tile of the grid of --tile, equal values are one label; the values of different\n"
    "tiles may repeat or differ, it makes no difference. Nothing is read but LABELS.\n"
    "\n"
    "  --tile z,y,x|N        the tile that the labels were made with, without any overlap\n"
    "  TILES.json            labels in one array for each tile, with a halo, which all rules can use (default auto):\n"
    "                        {\"patchworks_tiles\": 1, \"shape\": [z,y,x], \"tile\": [z,y,x], \"halo\": [z,y,x],\n"
    "                        \"tiles\": [PATH or null, ...]}, in raster order, paths relative to the list\n"
    "  --in-place            the result takes the place of LABELS, a zarr array, in one step when it is whole; a\n"
    "                        second time there is nothing to do\n"
    "  --merge touch         labels that touch across a seam are one object: exact for components (default)\n"
    "  --merge face          their cross-sections must agree by more than --tau: for cells, which may touch\n"
    "  --connectivity, --tau, --min-contact   as for run\n"
    "  -o, --format, --name, --ngff, --chunk, --shard, --codec, --pyramid, --out-dtype, --overwrite\n"
    "                        as for run\n"
    "  --memory, --threads, --scratch, --progress, --summary, --quiet            as for run\n"
    "  --level, --channel, --time, --shape, --dtype, --offset, --endian          as for run\n",
    NULL,
};

const char *const pw_help_remerge[] = {
    "usage: pw-stream remerge STAGE [-o OUT] [--merge RULE] [options]\n"
    "\n"
    "Merges the tiles of a run that had --keep-stage STAGE again and writes the labels, without segmenting.\n"
    "What is not said about the merge is as it was in that run, --fill-holes and --dilate too (--dilate 0: neither);\n"
    "without -o the labels go into its image.\n"
    "\n"
    "  --merge, --tau, --metric, --min-contact, --context, --connectivity   as for run\n"
    "  --fill-holes, --dilate, --min-size, --max-size, --border              as for run\n"
    "  -o, --format, --name, --ngff, --chunk, --shard, --codec, --pyramid, --out-dtype, --overwrite\n"
    "                        as for run\n"
    "  --memory, --threads, --scratch, --progress, --summary, --quiet        as for run\n",
    NULL,
};

const char *const pw_help_explain[] = {
    "usage: pw-stream explain STAGE ID [--json] [options]\n"
    "\n"
    "Tells what made object ID of a run that had --keep-stage STAGE: the labels of which tiles, the candidates\n"
    "that the merge rule decided on, joined or refused, and to which objects; under witness also whose mask the\n"
    "object is and where it was painted. ID is that of the labels that run or remerge write with these options.\n"
    "After a run with --fill-holes or --dilate it is that of remerge --dilate 0, and --dilate 0 has to be given.\n"
    "\n"
    "  --json                one JSON object\n"
    "  --merge, --tau, --metric, --min-contact, --context, --connectivity, --unmatched\n"
    "                        as for run; what is not said is as it was in that run\n"
    "  --min-size, --max-size, --border   as for run: which objects have a number\n"
    "  --memory, --scratch   as for run\n",
    NULL,
};

const char *const pw_help_seams[] = {
    "usage: pw-stream seams STAGE [--json] [--png FILE] [--qc-fail] [options]\n"
    "\n"
    "Judges the seams between the tiles of a run that had --keep-stage STAGE, beside planes in the middle of its\n"
    "tiles, where nothing was merged. For each axis, at seams and inside:\n"
    "\n"
    "  objects cut           of objects at a plane, those that end there exactly\n"
    "  labels with a partner of one tile's labels at a plane, those whose object goes on behind it\n"
    "  labels fused          those whose object has another label of the same tile there\n"
    "  contacts joined       of pairs of labels that face each other, those of one object\n"
    "  agreement             IoU of cross-sections of joined labels, and of the foreground\n"
    "  where windows overlap what two tiles say of the same voxels: labels with IoU above 1/2, and the IoU\n"
    "  objects begin         how many, for each layer of voxels near seams and inside; chi-square of the places\n"
    "  suggested halo        the length of 99 of 100 labels, at most half a tile\n"
    "\n"
    "Seams are worse when more objects are cut there (or, of instances, more labels fused) by more than 3\n"
    "standard errors and 1 percent point, along any axis.\n"
    "\n"
    "  --qc-fail             exit status 2 when seams are worse\n"
    "  --json                one JSON object\n"
    "  --png FILE.png        a map: tiles as cells, seams in the colour of labels with a partner, red to green;\n"
    "                        --overwrite replaces one of that name\n"
    "  --merge, --tau, --metric, --min-contact, --context, --connectivity, --unmatched\n"
    "                        as for run; what is not said is as it was in that run\n"
    "  --memory, --scratch   as for run\n",
    NULL,
};

const char *const pw_help_info[] = {
    "usage: pw-stream info PATH [--json] [--level N] [--axes tzyx] [--shape z,y,x --dtype TYPE [--offset N] [--endian "
    "big]]\n"
    "\n"
    "Prints shape, axes, element type, chunks, codecs, scale, levels and labels of an image, and the\n"
    "number of objects of a label image.\n"
    "\n"
    "  --json                one JSON object\n"
    "  --level N             of a multiscale image\n"
    "  --axes tzyx           names of its axes, in place of those that the file says\n"
    "  --series, --well      one of the images of a file or store of several, as for run\n"
    "  --shape, --dtype, --offset, --endian   describe a raw file, as for run\n",
    NULL,
};

const char *const pw_help_cat[] = {
    "usage: pw-stream cat PATH [--raw] [--level N] [--axes tzyx] [--threads N] [--memory SIZE]\n"
    "                          [--shape z,y,x --dtype TYPE [--offset N] [--endian big]]\n"
    "\n"
    "Writes the array to standard output, C order, little-endian, in bounded memory.\n"
    "\n"
    "  --raw                 the elements alone, without the npy header\n"
    "  --threads N           that read and decode; default: all processors\n"
    "  --memory SIZE         at most so much, as 512M or 8G (default: 512M; more, up to half of what the host\n"
    "                        grants, where chunks would be decoded several times)\n"
    "  --level N             of a multiscale image\n"
    "  --axes tzyx           names of its axes, in place of those that the file says\n"
    "  --shape, --dtype, --offset, --endian   describe a raw file, as for run\n",
    NULL,
};

const char *const pw_help_fn[] = {
    "usage: pw-stream fn list\n"
    "       pw-stream fn show NAME|PLUGIN.so|SOURCE.c\n"
    "       pw-stream fn new SOURCE.c\n"
    "\n"
    "list  the functions that --fn NAME finds: built-in ones, then NAME.so in the directories of PW_PLUGIN_PATH\n"
    "      (with colons between them), then in LIBDIR/patchworks\n"
    "show  the options of one, its halo, and what else it declares; C source is compiled for it\n"
    "new   writes a commented start of some 45 lines that runs as it is; an existing file is never touched\n"
    "\n",
    "C source runs directly: pw-stream run IMAGE --fn my_fn.c:OPTIONS. It is compiled once, with CC (default cc),\n"
    "-O3 and PW_CFLAGS, and kept in XDG_CACHE_HOME/patchworks (default ~/.cache/patchworks) until the source, a\n"
    "header, the flags or the compiler change. PW_INCLUDE_DIR names the directory of patchworks.h where it is not\n"
    "found beside pw-stream.\n",
    NULL,
};

const char *const pw_help_measure[] = {
    "usage: pw-stream measure LABELS [IMAGE] -o OBJECTS.csv [options]\n"
    "\n"
    "Writes one row for each object of LABELS: voxels, box, centroid, size, and of each channel of IMAGE\n"
    "mean, least, greatest, standard deviation and sum. Both are of any readable format and of one shape;\n"
    "their chunks may differ. The table is exact: it does not depend on tiles, threads or memory.\n"
    "\n"
    "  -o, --output OUT      .csv or .tsv; - is standard output; store puts it into the OME-Zarr store of\n"
    "                        LABELS, below the label image: LABELS/tables/objects, read by anndata\n"
    "  --format csv|tsv      whatever OUT is called\n"
    "  --columns own|skimage names of the columns (default own: id, voxels, size, z0, ...)\n"
    "  --overwrite           replace an existing table, once the new one is whole\n"
    "  --channel N|all       of IMAGE (default all)\n"
    "  --time N|A:B|all      of both, when there are several\n"
    "  --level N             resolution level of both\n"
    "  --tile z,y,x|N        adds n_tiles and crosses_seam: in how many of these tiles an object lies\n"
    "  --memory SIZE         never more than this: 512M, 4G (default: half of what the host grants)\n"
    "  --threads N           (default: what the host grants)\n"
    "  --scratch DIR         for records of objects (default: beside the output, else $TMPDIR)\n"
    "  --shape z,y,x         of raw files, with --dtype TYPE of raw LABELS, --image-dtype TYPE of a raw IMAGE,\n"
    "  --offset N, --endian little|big\n"
    "  --progress WHEN       auto (on a terminal), always, never or json\n"
    "  --quiet               nothing but errors\n",
    NULL,
};

const char *const pw_help_convert[] = {
    "usage: pw-stream convert IN OUT [options]\n"
    "\n"
    "Writes IN, an image in any format that run reads, as OUT: all time points and channels, t c z y x. OUT appears\n"
    "when it is whole; OME-Zarr and OME-TIFF get calibration, names of channels, and smaller levels by mean.\n"
    "\n"
    "  OUT, or -o OUT        .zarr, .tif, .h5, .nrrd, .nhdr, .mha, .mhd, .npy or .raw\n"
    "  --format FORMAT       zarr, tiff, hdf5, nrrd, mhd, npy or raw, whatever OUT is called\n"
    "  --ngff 0.5|0.4        OME-NGFF version (default 0.5)\n"
    "  --chunk z,y,x         and --shard z,y,x (default: chosen)\n"
    "  --codec NAME[:LEVEL]  of zarr: zstd (default zstd:1), gzip, blosc-lz4, blosc-zstd or none; of a TIFF: deflate\n"
    "                        (default deflate:1), zstd or none; of HDF5: gzip (default gzip:3) or none\n"
    "  --pyramid mean|none   smaller levels, until one is a single chunk or tile (default mean)\n"
    "  --overwrite           replace a file, or a store that was converted before and has no labels\n"
    "  --memory SIZE, --threads N, --io ENGINE, --scratch DIR, --progress WHEN   as for run\n"
    "  --quiet               no line about what was done\n"
    "  --level, --series, --well, --shape, --dtype, --offset, --endian, --axes   as for run\n",
    NULL,
};

const char *const pw_help_pyramid[] = {
    "usage: pw-stream pyramid STORE [options]\n"
    "\n"
    "Adds smaller levels to STORE, an OME-Zarr image or label image that has one, until a level is a single chunk: y\n"
    "and x are halved, and z as long as its voxels are not longer. They are listed when they are whole.\n"
    "Of labels it says how many objects each level still has, as small ones may not be on small levels.\n"
    "\n"
    "  --rule RULE           mean (default for images), mode (default for labels) or nearest\n"
    "  --codec NAME[:LEVEL]  of the levels: zstd (default zstd:1), gzip, blosc-lz4, blosc-zstd or none\n"
    "  --memory SIZE, --threads N, --progress WHEN   as for run\n"
    "  --quiet               no lines about what was done\n",
    NULL,
};

const char *const pw_help_preview[] = {
    "usage: pw-stream preview IMAGE [LABELS] -o OUT.png [options]\n"
    "\n"
    "Writes a picture of one plane, grey, with the outlines of the labels over it, a colour for each id.\n"
    "\n"
    "  -o, --output OUT.png  the picture\n"
    "  --overwrite           replaces a picture of that name\n"
    "  --z N                 plane (default: the middle one)\n"
    "  --channel N, --time N, --level N\n"
    "  --max-size N          pixels a side at most (default 2048); larger planes are thinned out\n",
    NULL,
};

const char *const pw_help_compare[] = {
    "usage: pw-stream compare A B [options]\n"
    "\n"
    "Compares two label volumes of one shape, A the truth and B the prediction, of any formats, chunks and\n"
    "integer types. Prints whether they are identical, the same partition (the same objects under other ids),\n"
    "or different, and: objects matched one to one at each IoU threshold with precision, recall, F1, mean IoU\n"
    "and panoptic quality; variation of information; adapted Rand error.\n"
    "\n"
    "  --json                one JSON object; null where there is nothing to divide by\n"
    "  --iou T,T,...         thresholds, above 0 to 1 (default 0.5,0.75,0.9). Above 0.5 an object has at most one\n"
    "                        partner; at 0.5 and below pairs are taken by descending IoU, ties by smaller ids\n"
    "  --crossing z,y,x      scores also the objects that cross this grid of tiles, and those inside a tile\n"
    "  --channel N, --time N|A:B|all, --level N   of both\n"
    "  --shape, --dtype, --offset, --endian   describe a raw file, as for run\n"
    "  --memory SIZE         never more than this: 512M, 4G (default: half of what the host grants)\n"
    "  --threads N           (default: what the host grants)\n"
    "  --scratch DIR         where sorting goes that does not fit (default: $TMPDIR, else /tmp)\n"
    "\n"
    "Exit status: 0 identical or the same partition, 2 different, 1 failed, 64 wrong usage.\n",
    NULL,
};

const char *const pw_help_relate[] = {
    "usage: pw-stream relate CHILD PARENT -o TABLE [options]\n"
    "\n"
    "Finds for each object of CHILD (nuclei, say) the object of PARENT (cells) that it shares most voxels with,\n"
    "of several the one of the smallest id. The two have one shape; formats and chunks may differ.\n"
    "\n"
    "  -o, --output TABLE    .csv or .tsv; - is standard output. A line for each child, by id, with\n"
    "                        child, parent (0: none), shared_voxels, child_voxels,\n"
    "                        fraction (shared_voxels / child_voxels)\n"
    "  --min-fraction F      a child with less of its voxels in its best parent has none (default 0)\n"
    "  --counts TABLE        every parent: parent, children, parent_voxels, shared_voxels (with its children)\n"
    "  --overwrite           replace existing tables, once the new ones are whole\n"
    "  --quiet               no count of what was found on standard error\n"
    "  --channel N, --time N|A:B|all, --level N   of both\n"
    "  --shape, --dtype, --offset, --endian   describe a raw file, as for run\n"
    "  --memory SIZE, --threads N, --scratch DIR   as for compare\n",
    NULL,
};

const char *const pw_help_version[] = {
    "usage: pw-stream version\n"
    "\n"
    "Prints the version, those of the libraries, the codecs, I/O engines and SIMD level.\n",
    NULL,
};

const char *const pw_help_help[] = {
    "usage: pw-stream help [VERB]\n"
    "\n"
    "Lists the verbs, or explains one.\n",
    NULL,
};
