/*
 * merge/seam - one seam: two tiles that meet, and what the matchers of the three families read of them.
 *
 * For the files seam_*.c; seams.c decides which seams there are.
 */
#ifndef PW_MERGE_SEAM_H
#define PW_MERGE_SEAM_H

#include "merge/seams.h"

/* One tile of a seam. */
struct pw_seam_side {
    uint64_t tile;
    const unsigned char *record; /* whole in memory; NULL: it is read from the stage */
    struct pw_record_header header;
};

struct pw_seam {
    struct pw_seams *seams; /* buffers, edge file */
    struct pw_seam_side mine, theirs;
    int offset[3]; /* from mine to theirs, along z y x */
    int axes;      /* along how many axes they differ */
    int face_axis; /* the first of them */
};

/* Decodes the strip of a side's face into runs (seams->mine or seams->theirs). */
enum pw_status pw_seam_strip(struct pw_seam *seam, const struct pw_seam_side *side, int face, struct pw_runs *runs,
                             struct pw_error *error);

/* Log the candidates of a family. */
enum pw_status pw_seam_touch(struct pw_seam *seam, struct pw_error *error);
enum pw_status pw_seam_face(struct pw_seam *seam, struct pw_error *error);
enum pw_status pw_seam_overlap(struct pw_seam *seam, struct pw_error *error);

/* Counts what the labels of two windows share where they overlap, into seams->contacts, and logs nothing. */
enum pw_status pw_seam_count_overlap(struct pw_seam *seam, struct pw_error *error);

/* The largest overlap of two windows: its voxels, and the rows and voxels of one of its planes. */
struct pw_overlap_size {
    uint64_t voxels, rows, plane_voxels;
};
void pw_overlap_size(const struct pw_grid *grid, struct pw_overlap_size *size);

#endif
