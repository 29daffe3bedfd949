/*
 * seam_map - a picture of the seams of a stage: tiles as cells, y x, and between them lines in the colour of the
 * agreement: red where half of the labels and fewer have a partner, yellow, green where all have, grey where there is
 * no label.  Of a volume every line shows the worst along z, and a cell is as the worst of the z seams in it.
 *
 *     pw_seam_map_init -> pw_seam_map_add, for every seam -> pw_seam_map_write -> pw_seam_map_release
 *
 * Grids of more than 512 tiles a side are drawn with several to a cell.
 */
#ifndef SEAM_MAP_H
#define SEAM_MAP_H

#include "patchworks.h"

struct pw_seam_map {
    uint64_t tiles[2];   /* along y x */
    uint32_t cells[2];   /* in the picture */
    uint64_t pooled;     /* tiles along a side of a cell */
    uint32_t cell, line; /* pixels */
    int has_z;
    float *worst[3]; /* agreement at the z seams in a cell, and at its far sides along y x; negative: no label */
};

/* grid: tiles along z y x.  Errors: PW_E_NOMEM. */
enum pw_status pw_seam_map_init(struct pw_seam_map *map, const uint64_t grid[3], struct pw_error *error);
void pw_seam_map_release(struct pw_seam_map *map); /* safe on a zeroed one */
void pw_seam_map_add(struct pw_seam_map *map, const struct pw_seam_quality *seam);
enum pw_status pw_seam_map_write(const struct pw_seam_map *map, const char *path, struct pw_error *error);

#endif
