#include "relate/label_pair.h"

#include <string.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"

enum {
    CANDIDATES_MAX = 96, /* extents of a tile along an axis */
    SLOTS = 2            /* of a reader and side: one that is looked at, one that is read */
};

/* A tile costs as much as decoding this many voxels, and so does a stretch of an uncompressed file. */
#define TILE_COST 16384.0
#define STRETCH_COST 256.0

/* Larger tiles leave the processor's caches and gain nothing. */
#define TILE_VOXELS ((uint64_t)4 << 20)

/* ---- opening ----------------------------------------------------------- */

static enum pw_status open_side(struct pw_label_pair *pair, int side, const struct pw_label_input *input,
                                const char *scratch_dir, struct pw_error *error)
{
    enum pw_status status = pw_source_open(input->path, &input->open, scratch_dir, &pair->source[side], error);
    if (status != PW_OK)
        return status;
    if (!pw_dtype_is_integer(pair->source[side]->info.dtype))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: voxels are %s; labels are whole numbers", input->path,
                       pw_dtype_name(pair->source[side]->info.dtype));
    return pw_volume_init_times(&pair->volume[side], pair->source[side], input->time, input->n_times, input->channel,
                                error);
}

static enum pw_status check_shapes(const struct pw_label_pair *pair, struct pw_error *error)
{
    const uint64_t *a = pair->volume[0].shape, *b = pair->volume[1].shape;
    if (memcmp(a, b, 3 * sizeof *a) != 0)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s has %llu x %llu x %llu voxels (z y x), %s %llu x %llu x %llu: they cannot be compared",
                       pair->source[0]->path, (unsigned long long)a[0], (unsigned long long)a[1],
                       (unsigned long long)a[2], pair->source[1]->path, (unsigned long long)b[0],
                       (unsigned long long)b[1], (unsigned long long)b[2]);
    if (pair->volume[0].times != pair->volume[1].times)
        return pw_fail(error, PW_E_ARGUMENT, "%s has %llu time points, %s %llu: choose as many of both with --time",
                       pair->source[0]->path, (unsigned long long)pair->volume[0].times, pair->source[1]->path,
                       (unsigned long long)pair->volume[1].times);
    uint64_t voxels;
    if (!pw_product_u64(a, 3, &voxels) || !pw_mul_u64(voxels, pair->volume[0].times, &voxels) || voxels > INT64_MAX ||
        a[2] > UINT32_MAX)
        return pw_fail(error, PW_E_RANGE, "%s: more voxels than can be counted", pair->source[0]->path);
    return PW_OK;
}

enum pw_status pw_label_pair_open(struct pw_label_pair *pair, const struct pw_label_input *const input[2],
                                  const char *scratch_dir, struct pw_error *error)
{
    memset(pair, 0, sizeof *pair);
    enum pw_status status = PW_OK;
    if (strcmp(input[0]->path, "-") == 0 && strcmp(input[1]->path, "-") == 0)
        status = pw_fail(error, PW_E_ARGUMENT, "only one of the two label volumes can come from standard input");
    for (int side = 0; side < 2 && status == PW_OK; side++)
        status = open_side(pair, side, input[side], scratch_dir, error);
    if (status == PW_OK)
        status = check_shapes(pair, error);
    if (status != PW_OK)
        pw_label_pair_close(pair);
    return status;
}

void pw_label_pair_close(struct pw_label_pair *pair)
{
    for (int side = 0; side < 2; side++) {
        pw_source_close(pair->source[side]);
        pair->source[side] = NULL;
    }
}

/* ---- what a tile costs ------------------------------------------------- */

static int is_chunked(const struct pw_label_pair *pair, int side)
{
    return (pair->source[side]->capabilities & PW_SOURCE_CHUNKED) != 0;
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Voxels along an axis that are decoded when it is read in tiles: chunks that tiles share count again. */
static double decoded_extent(uint64_t volume, uint64_t tile, uint64_t chunk)
{
    if (tile >= volume || tile % chunk == 0)
        return (double)(pw_ceil_div(volume, chunk) * chunk);
    uint64_t step = greatest_common_divisor(tile, chunk);
    double chunks_touched = (double)(tile - step) / (double)chunk + 1;
    return (double)pw_ceil_div(volume, tile) * chunks_touched * (double)chunk;
}

static double cost_of_side(const struct pw_label_pair *pair, int side, const uint64_t tile[3], double n_tiles)
{
    const struct pw_volume *v = &pair->volume[side];
    if (is_chunked(pair, side))
        return decoded_extent(v->shape[0], tile[0], v->chunk[0]) * decoded_extent(v->shape[1], tile[1], v->chunk[1]) *
               decoded_extent(v->shape[2], tile[2], v->chunk[2]);
    double stretches = tile[2] < v->shape[2]   ? (double)(tile[0] * tile[1])
                       : tile[1] < v->shape[1] ? (double)tile[0]
                                               : 1;
    return (double)(v->shape[0] * v->shape[1] * v->shape[2]) + n_tiles * stretches * STRETCH_COST;
}

static double cost_of(const struct pw_label_pair *pair, const uint64_t tile[3], unsigned threads)
{
    double n_tiles = (double)pair->volume[0].times;
    for (int i = 0; i < 3; i++)
        n_tiles *= (double)pw_ceil_div(pair->volume[0].shape[i], tile[i]);
    double cost = cost_of_side(pair, 0, tile, n_tiles) + cost_of_side(pair, 1, tile, n_tiles) + n_tiles * TILE_COST;
    if (tile[0] * tile[1] * tile[2] > TILE_VOXELS)
        cost *= 1.25;
    double rounds = (double)pw_ceil_div((uint64_t)n_tiles, threads); /* in the last some threads may be idle */
    return cost * rounds * threads / n_tiles;
}

/* ---- choosing one ------------------------------------------------------ */

/* Chunks of either, what both divide, and these doubled until the axis is whole. */
static int list_extents(const struct pw_label_pair *pair, int axis, uint64_t extent[CANDIDATES_MAX])
{
    uint64_t volume = pair->volume[0].shape[axis], unit[3];
    int n = 0;
    unit[0] = pair->volume[0].chunk[axis];
    unit[1] = pair->volume[1].chunk[axis];
    if (!pw_mul_u64(unit[0] / greatest_common_divisor(unit[0], unit[1]), unit[1], &unit[2]))
        unit[2] = volume;
    for (int u = 0; u < 3; u++) {
        /* Parts of an uncompressed file's hint cost nothing to read, and need less memory than the whole. */
        uint64_t e = u < 2 && !is_chunked(pair, u) ? 1 : unit[u];
        for (; e < volume && n < CANDIDATES_MAX - 1; e *= 2)
            extent[n++] = e;
    }
    extent[n++] = volume;
    return n;
}

uint64_t pw_label_pair_slot_bytes(const struct pw_label_pair *pair, int side)
{
    const struct pw_load_plan *load = &pair->load[side];
    /* A mapped window that is a hole of the file is filled in there. */
    return load->mode == PW_LOAD_MAP
               ? load->window[0] * load->window[1] * load->window[2] * pair->volume[side].voxel_bytes
               : 0;
}

static enum pw_status size_tile(struct pw_label_pair *pair, const uint64_t tile[3], struct pw_error *error)
{
    static const uint64_t no_halo[3] = {0, 0, 0};
    enum pw_status status =
        pw_grid_init_times(&pair->grid, pair->volume[0].shape, pair->volume[0].times, NULL, tile, no_halo, error);
    pair->reader_bytes = 0;
    for (int side = 0; side < 2 && status == PW_OK; side++) {
        const struct pw_volume *volume = &pair->volume[side];
        struct pw_load_plan *load = &pair->load[side];
        status = pw_load_plan_init(load, volume, &pair->grid, PW_IO_AUTO, 0, error);
        pair->reader_bytes += pw_loader_memory_bytes(load, volume) + pw_load_scratch_memory_bytes(load, volume) +
                              SLOTS * pw_slot_memory_bytes(load, pw_label_pair_slot_bytes(pair, side)) +
                              pair->grid.tile[2] * volume->voxel_bytes;
    }
    return status;
}

/* The cheapest tile that fits, and the least memory that any needs. */
struct search {
    uint64_t limit_bytes;
    unsigned threads;
    double cost; /* of tile; infinite while none fits */
    uint64_t tile[3];
    uint64_t least_bytes;
};

static void try_tile(struct pw_label_pair *pair, struct search *search, const uint64_t tile[3])
{
    double cost = cost_of(pair, tile, search->threads);
    uint64_t voxels;
    if (!pw_product_u64(tile, 3, &voxels) || voxels > UINT32_MAX)
        return;
    if (search->tile[0] != 0 && cost >= search->cost)
        return;
    if (size_tile(pair, tile, NULL) != PW_OK)
        return;
    uint64_t bytes = pair->reader_bytes * search->threads;
    search->least_bytes = pw_min_u64(search->least_bytes, bytes);
    if (bytes > search->limit_bytes)
        return;
    search->cost = cost;
    memcpy(search->tile, tile, sizeof search->tile);
}

enum pw_status pw_label_pair_plan(struct pw_label_pair *pair, uint64_t memory_bytes, unsigned threads,
                                  uint64_t beside_bytes, struct pw_error *error)
{
    uint64_t extent[3][CANDIDATES_MAX];
    int n[3];
    struct search search = {.limit_bytes = memory_bytes, .threads = threads, .least_bytes = UINT64_MAX};
    for (int axis = 0; axis < 3; axis++)
        n[axis] = list_extents(pair, axis, extent[axis]);
    for (int z = 0; z < n[0]; z++)
        for (int y = 0; y < n[1]; y++)
            for (int x = 0; x < n[2]; x++)
                try_tile(pair, &search, (const uint64_t[3]){extent[0][z], extent[1][y], extent[2][x]});
    if (search.tile[0] != 0)
        return size_tile(pair, search.tile, error);
    if (search.least_bytes == UINT64_MAX)
        return pw_fail(error, PW_E_BUDGET, "%s and %s: no tile suits the chunks of both", pair->source[0]->path,
                       pair->source[1]->path);
    return pw_fail(error, PW_E_BUDGET,
                   "%s and %s need --memory %lluM to be read side by side with %u threads (fewer --threads need less)",
                   pair->source[0]->path, pair->source[1]->path,
                   (unsigned long long)((search.least_bytes + beside_bytes) >> 20) + 1, threads);
}
