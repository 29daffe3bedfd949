#include "seam_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "png_file.h"

enum {
    CELLS_MAX = 512,
    PICTURE = 1024 /* pixels a side, about */
};

enum pw_status pw_seam_map_init(struct pw_seam_map *map, const uint64_t grid[3], struct pw_error *error)
{
    uint64_t most = grid[1] > grid[2] ? grid[1] : grid[2];
    memset(map, 0, sizeof *map);
    map->has_z = grid[0] > 1;
    map->pooled = (most + CELLS_MAX - 1) / CELLS_MAX;
    for (int i = 0; i < 2; i++) {
        map->tiles[i] = grid[i + 1];
        map->cells[i] = (uint32_t)((grid[i + 1] + map->pooled - 1) / map->pooled);
    }
    uint32_t side = map->cells[0] > map->cells[1] ? map->cells[0] : map->cells[1];
    uint32_t pitch = PICTURE / side;
    pitch = pitch < 4 ? 4 : pitch > 64 ? 64 : pitch;
    map->line = pitch / 8 > 1 ? pitch / 8 : 1;
    map->cell = pitch - map->line;
    size_t n = (size_t)map->cells[0] * map->cells[1];
    for (int i = 0; i < 3; i++) {
        map->worst[i] = malloc(n * sizeof *map->worst[i]);
        if (map->worst[i] == NULL) {
            error->status = PW_E_NOMEM;
            (void)snprintf(error->message, sizeof error->message, "out of memory for a picture of the seams");
            return PW_E_NOMEM;
        }
        for (size_t k = 0; k < n; k++)
            map->worst[i][k] = -1;
    }
    return PW_OK;
}

void pw_seam_map_release(struct pw_seam_map *map)
{
    for (int i = 0; i < 3; i++)
        free(map->worst[i]);
    memset(map, 0, sizeof *map);
}

void pw_seam_map_add(struct pw_seam_map *map, const struct pw_seam_quality *seam)
{
    const struct pw_plane_figures *f = &seam->plane;
    if (f->n_labels == 0)
        return;
    size_t y = (size_t)(seam->position[1] / map->pooled), x = (size_t)(seam->position[2] / map->pooled);
    float *worst = &map->worst[seam->axis][y * map->cells[1] + x];
    float agreement = (float)((double)f->n_matched / (double)f->n_labels);
    if (*worst < 0 || agreement < *worst)
        *worst = agreement;
}

static void colour(float agreement, unsigned char rgb[3])
{
    float share = agreement < 0.5F ? 0 : 2 * agreement - 1; /* of the way from red over yellow to green */
    rgb[0] = (unsigned char)(share < 0.5F ? 220 : 440 * (1 - share));
    rgb[1] = (unsigned char)(share < 0.5F ? 360 * share : 180);
    rgb[2] = 40;
    if (agreement < 0)
        rgb[0] = rgb[1] = rgb[2] = 190;
}

/* The colour of a pixel: of the cell it is in, or of the line behind that. */
static void paint(const struct pw_seam_map *map, uint32_t row, uint32_t column, unsigned char rgb[3])
{
    uint32_t pitch = map->cell + map->line;
    uint32_t y = row / pitch, x = column / pitch;
    int below = row % pitch >= map->cell, right = column % pitch >= map->cell;
    size_t at = (size_t)y * map->cells[1] + x;
    int is_seam = (below && !right && y + 1 < map->cells[0]) || (right && !below && x + 1 < map->cells[1]);
    rgb[0] = rgb[1] = rgb[2] = below && right ? 190 : 235;
    if (is_seam)
        colour(map->worst[below ? 1 : 2][at], rgb);
    else if (!below && !right && map->has_z)
        colour(map->worst[0][at], rgb);
}

static void make_row(const void *picture, uint32_t row, unsigned char *rgb)
{
    const struct pw_seam_map *map = picture;
    uint32_t width = map->cells[1] * (map->cell + map->line) - map->line;
    for (uint32_t column = 0; column < width; column++)
        paint(map, row, column, rgb + 3 * (size_t)column);
}

enum pw_status pw_seam_map_write(const struct pw_seam_map *map, const char *path, struct pw_error *error)
{
    uint32_t pitch = map->cell + map->line;
    return pw_png_write(path, map->cells[0] * pitch - map->line, map->cells[1] * pitch - map->line, make_row, map,
                        error);
}
