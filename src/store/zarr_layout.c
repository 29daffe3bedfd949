#include "store/zarr_layout.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

enum {
    UNITS_WANTED = 16,
    UNIT_LEAST_VOXELS = 4 << 20, /* smaller units are not worth a file */
    GROUP_CHUNKS = 2             /* along an axis, of a unit of version 2 */
};

static const uint64_t chunk_bytes_max = (uint64_t)1 << 30;
static const uint64_t shard_chunks_max = (uint64_t)1 << 20;

/* ---- chunks ---- */

/* The extent of a chunk between low and high that lines up with tiles best. */
static uint64_t chunk_extent(uint64_t extent, uint64_t tile, uint64_t low, uint64_t high)
{
    if (extent <= high)
        return extent;
    if (tile == 0)
        return high;
    if (tile < low)
        return high / tile * tile >= low ? pw_min_u64(high / tile, pw_ceil_div(low, tile)) * tile : high;
    if (tile <= high)
        return tile;
    for (uint64_t parts = pw_ceil_div(tile, high); tile / parts >= low; parts++)
        if (tile % parts == 0)
            return tile / parts;
    return high;
}

/* In a thin volume chunks are wider, so that they hold as much. */
static void choose_chunk(const struct pw_sink_request *request, uint64_t chunk[3])
{
    uint64_t depth =
        request->chunk[0] != 0 ? request->chunk[0] : chunk_extent(request->shape[0], request->tile[0], 64, 128);
    uint64_t high = depth == 1 ? 1024 : depth < 8 ? 512 : depth < 32 ? 256 : 128;
    chunk[0] = depth;
    for (int i = 1; i < 3; i++)
        chunk[i] = request->chunk[i] != 0
                       ? request->chunk[i]
                       : chunk_extent(request->shape[i], request->tile[i], depth == 1 ? 256 : high / 2, high);
}

/* A chunk that was not asked for divides the shard that was. */
static void fit_chunk(const struct pw_sink_request *request, uint64_t chunk[3])
{
    for (int i = 0; i < 3; i++) {
        uint64_t shard = request->shard[i];
        if (shard == 0 || request->chunk[i] != 0)
            continue;
        uint64_t parts = pw_ceil_div(shard, chunk[i]);
        while (shard % parts != 0)
            parts++;
        chunk[i] = shard / parts;
    }
}

/* ---- units ---- */

static uint64_t unit_count(const struct pw_sink_request *request, const uint64_t unit[3])
{
    uint64_t n = 1;
    for (int i = 0; i < 3; i++)
        n *= pw_ceil_div(request->shape[i], unit[i]);
    return n;
}

/* Halves the longest axis of the unit, in chunks; returns 0 when it is one chunk or was asked for. */
static int halve(const struct pw_sink_request *request, const uint64_t chunk[3], uint64_t unit[3])
{
    int longest = -1;
    for (int i = 0; i < 3; i++) {
        uint64_t chunks = unit[i] / chunk[i];
        if (request->shard[i] == 0 && chunks > 1 && (longest < 0 || chunks > unit[longest] / chunk[longest]))
            longest = i;
    }
    if (longest < 0)
        return 0;
    unit[longest] = pw_ceil_div(unit[longest] / chunk[longest], 2) * chunk[longest];
    return 1;
}

static void choose_shard(const struct pw_sink_request *request, const uint64_t chunk[3], uint64_t unit[3])
{
    uint64_t target = request->shape[0] == 1 ? 8192 : 512;
    for (int i = 0; i < 3; i++) {
        uint64_t fits = pw_ceil_div(request->shape[i], chunk[i]);
        uint64_t chunks = pw_min_u64(pw_max_u64(target / chunk[i], 1), fits);
        unit[i] = request->shard[i] != 0 ? request->shard[i] : chunks * chunk[i];
    }
    while (unit_count(request, unit) < UNITS_WANTED && unit[0] * unit[1] * unit[2] >= 2 * UNIT_LEAST_VOXELS &&
           halve(request, chunk, unit))
        continue;
}

static void choose_group(const struct pw_sink_request *request, const uint64_t chunk[3], uint64_t unit[3])
{
    for (int i = 0; i < 3; i++)
        unit[i] = chunk[i] * pw_min_u64(GROUP_CHUNKS, pw_ceil_div(request->shape[i], chunk[i]));
    while (unit_count(request, unit) < UNITS_WANTED && halve(request, chunk, unit))
        continue;
}

/* ---- the whole ---- */

static enum pw_status check(const struct pw_sink_request *request, const struct pw_zarr_layout *layout,
                            struct pw_error *error)
{
    static const char axis[3] = {'z', 'y', 'x'};
    uint64_t bytes, chunks = 1;
    for (int i = 0; i < 3; i++) {
        if (layout->unit[i] % layout->chunk[i] != 0)
            return pw_fail(error, PW_E_ARGUMENT,
                           "%s: a shard of %llu voxels along %c is no multiple of the chunk's %llu", request->path,
                           (unsigned long long)layout->unit[i], axis[i], (unsigned long long)layout->chunk[i]);
        if (!pw_mul_u64(chunks, layout->unit[i] / layout->chunk[i], &chunks) || chunks > shard_chunks_max)
            return pw_fail(error, PW_E_ARGUMENT, "%s: a shard of more than %llu chunks; ask for larger chunks",
                           request->path, (unsigned long long)shard_chunks_max);
    }
    if (!pw_product_u64(layout->chunk, 3, &bytes) || !pw_mul_u64(bytes, 8, &bytes) || bytes > chunk_bytes_max)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: a chunk of %llu x %llu x %llu voxels is too large; at most 2^27 voxels", request->path,
                       (unsigned long long)layout->chunk[0], (unsigned long long)layout->chunk[1],
                       (unsigned long long)layout->chunk[2]);
    return PW_OK;
}

enum pw_status pw_zarr_layout_choose(const struct pw_sink_request *request, int version, struct pw_zarr_layout *layout,
                                     struct pw_error *error)
{
    struct pw_sink_request asked = *request;
    if (asked.rank == 2)
        asked.chunk[0] = asked.shard[0] = 1;
    if (version == 2 && asked.shard[1] + asked.shard[2] + (asked.rank == 3 ? asked.shard[0] : 0) != 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: NGFF 0.4 (zarr v2) has no shards", request->path);
    if (version == 2)
        memset(asked.shard, 0, sizeof asked.shard);
    layout->version = version;
    choose_chunk(&asked, layout->chunk);
    fit_chunk(&asked, layout->chunk);
    if (version == 3)
        choose_shard(&asked, layout->chunk, layout->unit);
    else
        choose_group(&asked, layout->chunk, layout->unit);
    return check(request, layout, error);
}

void pw_zarr_layout_of_level(const struct pw_zarr_layout *layout, const uint64_t shape[3], struct pw_zarr_layout *level)
{
    level->version = layout->version;
    for (int i = 0; i < 3; i++) {
        uint64_t chunks = layout->unit[i] / layout->chunk[i];
        level->chunk[i] = pw_min_u64(layout->chunk[i], shape[i]);
        level->unit[i] = level->chunk[i] * pw_min_u64(chunks, pw_ceil_div(shape[i], level->chunk[i]));
    }
}
