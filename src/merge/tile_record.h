/*
 * merge/tile_record - what is kept of a finished tile: its runs, its label table,
 * its seam strips, in one block of bytes.  doc/STAGE.md gives the layout.
 *
 * A record holds
 *   - a header of fixed size;
 *   - the label table: what is known of each local id (merge/label_table.h);
 *   - the runs of the box that is kept, plane by plane, each plane readable by itself: the core, or more of the
 *     window for rules that compare overlaps;
 *   - the strips: the labels on each face of the core that has a neighbour, and their values where
 *     only labels of one value may join.
 *
 * Matching reads strips and numbering reads tables, so neither reads volumes.
 *
 * Threads: pure functions of their arguments.
 */
#ifndef PW_MERGE_TILE_RECORD_H
#define PW_MERGE_TILE_RECORD_H

#include "base/region.h"
#include "label/runs.h"
#include "merge/label_table.h"
#include "patchworks.h"
#include "tile/grid.h"

enum {
    PW_RECORD_HEADER_WORDS = 26
};
enum {
    PW_RECORD_HEADER_BYTES = PW_RECORD_HEADER_WORDS * 8
};

/* A face of a box: its axis (0 z, 1 y, 2 x) and side (0 low, 1 high). */
#define PW_FACE(axis, side) (2 * (axis) + (side))
enum {
    PW_FACES = 6
};

/* Why a record has no labels, when it is not that the function found none. */
enum pw_record_flag {
    PW_RECORD_BELOW = 1,   /* no voxel of the window is above the level of emptiness */
    PW_RECORD_OUTSIDE = 2, /* the core lies outside of the mask */
    PW_RECORD_FAILED = 4   /* the function failed on it for good, and the run went on */
};

struct pw_record_header {
    uint64_t tile;
    uint64_t bytes; /* of the whole record */
    uint64_t n_labels;
    uint64_t n_runs;
    uint64_t n_voxels;    /* foreground of the core */
    uint64_t with_values; /* strips carry the value of each run */
    uint64_t table;       /* offsets in the record */
    uint64_t planes;      /* shape[0]+1 64-bit offsets into runs */
    uint64_t runs;
    uint64_t strip[PW_FACES + 1]; /* strip f is [strip[f], strip[f+1]) */
    uint64_t checksum;            /* CRC-32C of everything after the header */
    uint64_t rim[3];              /* where the core begins in the box that is kept */
    uint64_t shape[3];            /* of that box */
    uint64_t flags;               /* enum pw_record_flag */
};

/* What limits the size of records. */
struct pw_record_limits {
    uint64_t shape[3];    /* of the largest box that is kept */
    int has_faces[3];     /* along z y x: some tile has a neighbour there */
    int labels_may_touch; /* two runs of a row may stand side by side */
    int with_values;
    int labels_unordered; /* labels are not numbered in the order of their first voxels in the core */
};

/* Those of records of cores of grid; of labels that may touch, where that is set. */
void pw_record_limits_of_cores(const struct pw_grid *grid, int labels_may_touch, struct pw_record_limits *limits);

/* The most bytes that a record can have. */
uint64_t pw_record_bytes_max(const struct pw_record_limits *limits);

/* The most bytes that the runs of one plane can have. */
uint64_t pw_record_plane_bytes_max(const struct pw_record_limits *limits);

/* The most labels that a tile can have. */
uint64_t pw_record_labels_max(const struct pw_record_limits *limits);

/*
 * Writes the record of tile to out.  runs are those of the box that is kept, labels 1..n_labels; core the same
 * cut to the core, which begins at rim in the box (runs itself when that is all of it).  has_neighbour[f] says which
 * faces of the core get a strip; the others lie at the border of the volume.  scratch holds
 * pw_record_scratch_bytes(runs->n_labels) bytes, aligned for 32-bit numbers.  Returns its length.
 */
size_t pw_record_encode(uint64_t tile, const struct pw_runs *runs, const struct pw_runs *core, const uint64_t rim[3],
                        const int has_neighbour[PW_FACES], void *scratch, unsigned char *out);
size_t pw_record_scratch_bytes(uint64_t n_labels);

/* Writes the record of a tile without labels, whose kept box has shape and the core at rim: a header alone. */
size_t pw_record_encode_empty(uint64_t tile, const uint64_t shape[3], const uint64_t rim[3], unsigned flags,
                              unsigned char *out);

/* Reads a header of PW_RECORD_HEADER_BYTES.  PW_E_FORMAT when it cannot be one, or its checksum is wrong. */
enum pw_status pw_record_header_read(const unsigned char *bytes, struct pw_record_header *header,
                                     struct pw_error *error);

/* The box whose runs a record of grid keeps, in the volume. */
struct pw_box pw_record_box(const struct pw_grid *grid, const struct pw_record_header *header);

/* Whether record, whole in memory, has the checksum of its header. */
int pw_record_is_intact(const unsigned char *record, const struct pw_record_header *header);

/* Shape of a strip of face f of a core: {1, rows, width}: z: y rows of x; y: z rows of x; x: z rows of y. */
void pw_strip_shape(const uint64_t core[3], int face, uint64_t shape[3]);

/* Decodes n bytes of a strip into runs, whose arrays (value too) are large enough for its shape. */
enum pw_status pw_strip_decode(const unsigned char *bytes, size_t n, int with_values, const uint64_t shape[3],
                               struct pw_runs *runs, struct pw_error *error);

/*
 * Decodes rows first..first+count of one plane (width voxels a row, rows of them in the plane) and hands
 * every run, cut to [x0, x1), to take; coordinates stay those of the core.
 */
typedef void (*pw_take_run_fn)(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label);
enum pw_status pw_plane_decode(const unsigned char *bytes, size_t n, uint64_t first, uint64_t count, uint32_t x0,
                               uint32_t x1, pw_take_run_fn take, void *context, struct pw_error *error);

#endif
