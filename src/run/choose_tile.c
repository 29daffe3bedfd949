/* The tile: what the options say, else what suits the image, and less where that does not fit. */
#include "run/choose_tile.h"

#include "base/checked.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* A tile of this many voxels keeps a core busy for some ten milliseconds, long against any hand-over. */
#define TILE_VOXELS ((uint64_t)4 << 20)

/* Smaller tiles save nothing: what a tile costs besides its voxels is then the larger part. */
#define TILE_VOXELS_LEAST ((uint64_t)4096)

/* From this size on a stored chunk is a tile by itself, decoded straight into its slot. */
#define CHUNK_VOXELS ((uint64_t)512 << 10)

uint64_t pw_tile_voxels(const uint64_t shape[3])
{
    uint64_t n;
    return pw_product_u64(shape, 3, &n) ? n : UINT64_MAX;
}

/* Doubles the shortest of the axes first..2 that is not yet whole, until the tile has its voxels. */
static void grow(uint64_t tile[3], const uint64_t volume[3], int first)
{
    while (pw_tile_voxels(tile) < TILE_VOXELS) {
        int best = -1;
        for (int i = first; i < 3; i++)
            if (tile[i] < volume[i] && (best < 0 || tile[i] < tile[best]))
                best = i;
        if (best < 0)
            return;
        tile[best] = pw_min_u64(tile[best] * 2, volume[best]);
    }
}

/* For stored chunks: one chunk, or a multiple of it. */
static void tile_of_chunks(const uint64_t chunk[3], const uint64_t shape[3], uint64_t tile[3])
{
    for (int i = 0; i < 3; i++)
        tile[i] = pw_min_u64(chunk[i], shape[i]);
    if (pw_tile_voxels(tile) < CHUNK_VOXELS)
        grow(tile, shape, Z);
}

/* For an uncompressed file: whole rows while they are not absurdly long, then as cubic as may be. */
static void tile_of_rows(const uint64_t shape[3], uint64_t tile[3])
{
    uint64_t longest = TILE_VOXELS / 64;
    uint64_t parts = pw_ceil_div(shape[X], longest);
    tile[Z] = tile[Y] = 1;
    tile[X] = pw_ceil_div(shape[X], parts);
    while (pw_tile_voxels(tile) < TILE_VOXELS && (tile[Z] < shape[Z] || tile[Y] < shape[Y])) {
        int axis = tile[Y] < shape[Y] && (tile[Y] <= 2 * tile[Z] || tile[Z] == shape[Z]) ? Y : Z;
        tile[axis] = pw_min_u64(tile[axis] * 2, shape[axis]);
    }
}

/* A tile that the halo does not swallow: at least four times as long, where there is room. */
static void outgrow_halo(uint64_t tile[3], const uint64_t volume[3], const uint64_t halo[3])
{
    for (int i = 0; i < 3; i++)
        while (tile[i] < volume[i] && tile[i] < 4 * halo[i])
            tile[i] = pw_min_u64(tile[i] * 2, volume[i]);
}

/* Chunk by chunk while it is longer than one. */
int pw_tile_shrink(const struct pw_volume *volume, uint64_t tile[3], const uint64_t halo[3])
{
    int best = -1;
    if (pw_tile_voxels(tile) <= TILE_VOXELS_LEAST)
        return 0;
    int chunked = (volume->source->capabilities & PW_SOURCE_CHUNKED) != 0;
    for (int i = 0; i < 3; i++) {
        uint64_t least = pw_max_u64(chunked ? pw_min_u64(volume->chunk[i], volume->shape[i]) : 1, 2 * halo[i] + 1);
        if (tile[i] > least && (best < 0 || tile[i] > tile[best]))
            best = i;
    }
    if (best < 0)
        return 0;
    uint64_t unit = chunked ? volume->chunk[best] : 1;
    tile[best] = pw_max_u64(pw_ceil_div(tile[best] / 2, unit) * unit, 2 * halo[best] + 1);
    return 1;
}

/* A window that the segmenter takes, as far as the tile can do something about it. */
static void suit_segmenter(const struct pw_segmenter *segmenter, const uint64_t shape[3], const uint64_t halo[3],
                           uint64_t tile[3])
{
    for (int i = 0; i < 3; i++) {
        uint64_t most = segmenter->window_most[i], unit = segmenter->window_unit[i];
        if (most != 0 && shape[i] > most)
            tile[i] = pw_min_u64(tile[i], most > 2 * halo[i] ? most - 2 * halo[i] : 1);
        if (unit > 1 && tile[i] > unit && tile[i] < shape[i])
            tile[i] -= tile[i] % unit;
    }
}

void pw_tile_choose(const struct pw_job *job, const uint64_t halo[3], uint64_t tile[3])
{
    const uint64_t *shape = job->part.shape;
    if (job->source->capabilities & PW_SOURCE_CHUNKED)
        tile_of_chunks(job->volume.chunk, shape, tile);
    else
        tile_of_rows(shape, tile);
    outgrow_halo(tile, shape, halo);
    suit_segmenter(&job->segmenter, shape, halo, tile);
    for (int i = 0; i < 3; i++) {
        if (job->options->tile[i] != 0)
            tile[i] = job->options->tile[i];
        if (job->segmenter.tile[i] != 0)
            tile[i] = job->segmenter.tile[i];
        tile[i] = pw_min_u64(tile[i], shape[i]);
    }
}

const uint64_t *pw_tile_halo(const struct pw_job *job)
{
    return job->options->halo_given ? job->options->halo : job->segmenter.halo;
}

enum pw_status pw_job_suggest_tile(struct pw_job *job, struct pw_error *error)
{
    uint64_t tile[3];
    pw_tile_choose(job, pw_tile_halo(job), tile);
    return pw_grid_init_times(&job->grid, job->volume.shape, job->volume.times, &job->part, tile, pw_tile_halo(job),
                              error);
}
