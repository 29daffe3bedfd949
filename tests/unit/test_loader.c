/*
 * Every way of loading a tile gives the same voxels: chunks with and without a cache, rows, a mapping; odd tiles,
 * halos wider than tiles, missing chunks; one thread and several.  The files are written here, byte by byte.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/pipeline.h"

enum {
    DEPTH = 6,
    HEIGHT = 23,
    WIDTH = 31,
    VOXELS = DEPTH * HEIGHT * WIDTH,
    CHUNK_Z = 2,
    CHUNK_Y = 5,
    CHUNK_X = 4,
    FILL = 9
};

static char directory[64];
static uint16_t image[VOXELS];

static uint16_t *voxel(uint64_t z, uint64_t y, uint64_t x)
{
    return &image[(z * HEIGHT + y) * WIDTH + x];
}

static void make_directory(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/pw-loader-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
    for (int i = 0; i < VOXELS; i++)
        image[i] = (uint16_t)(17 + 31 * i);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_directory(void)
{
    (void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(loader, .init = make_directory, .fini = remove_directory, .timeout = 120);

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

static struct pw_source *open_source(const char *path, const struct pw_open_options *options)
{
    static const struct pw_open_options defaults;
    struct pw_source *source;
    struct pw_error error = {0};
    cr_assert(pw_source_open(path, options != NULL ? options : &defaults, NULL, &source, &error) == PW_OK, "%s",
              error.message);
    return source;
}

/* Raw voxels behind offset bytes, in either byte order. */
static struct pw_source *open_raw(uint64_t offset, int big)
{
    char path[96];
    unsigned char *bytes = calloc(1, offset + sizeof image);
    struct pw_open_options options = {.raw_rank = 3,
                                      .raw_shape = {DEPTH, HEIGHT, WIDTH},
                                      .raw_dtype = PW_U16,
                                      .raw_offset_bytes = offset,
                                      .raw_big_endian = big};
    for (size_t i = 0; i < VOXELS; i++) {
        bytes[offset + 2 * i + (big ? 1 : 0)] = (unsigned char)image[i];
        bytes[offset + 2 * i + (big ? 0 : 1)] = (unsigned char)(image[i] >> 8);
    }
    (void)snprintf(path, sizeof path, "%s/image.raw", directory);
    write_file(path, bytes, offset + sizeof image);
    free(bytes);
    return open_source(path, &options);
}

static struct pw_source *open_npy(void)
{
    static unsigned char bytes[128 + sizeof image];
    char path[96], text[118];
    int n = snprintf(text, sizeof text, "{'descr': '<u2', 'fortran_order': False, 'shape': (%d, %d, %d), }", DEPTH,
                     HEIGHT, WIDTH);
    memset(bytes, ' ', 128);
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(bytes + 10, text, (size_t)n);
    bytes[127] = '\n';
    memcpy(bytes + 128, image, sizeof image);
    (void)snprintf(path, sizeof path, "%s/image.npy", directory);
    write_file(path, bytes, sizeof bytes);
    return open_source(path, NULL);
}

/* One chunk of the store; every missing-th is left out, and the image has the fill value there. */
static void write_chunk(const char *store, uint64_t cz, uint64_t cy, uint64_t cx)
{
    uint16_t chunk[CHUNK_Z][CHUNK_Y][CHUNK_X];
    char path[128];
    int missing = (cz + 2 * cy + 3 * cx) % 5 == 0;
    memset(chunk, 0xee, sizeof chunk);
    for (uint64_t z = cz * CHUNK_Z; z < (cz + 1) * CHUNK_Z && z < DEPTH; z++)
        for (uint64_t y = cy * CHUNK_Y; y < (cy + 1) * CHUNK_Y && y < HEIGHT; y++)
            for (uint64_t x = cx * CHUNK_X; x < (cx + 1) * CHUNK_X && x < WIDTH; x++) {
                if (missing)
                    *voxel(z, y, x) = FILL;
                chunk[z % CHUNK_Z][y % CHUNK_Y][x % CHUNK_X] = *voxel(z, y, x);
            }
    if (missing)
        return;
    (void)snprintf(path, sizeof path, "%s/%d.%d.%d", store, (int)cz, (int)cy, (int)cx);
    write_file(path, chunk, sizeof chunk);
}

static struct pw_source *open_zarr(void)
{
    char store[96], path[128], text[512];
    (void)snprintf(store, sizeof store, "%s/image.zarr", directory);
    cr_assert(mkdir(store, 0777) == 0);
    int n = snprintf(text, sizeof text,
                     "{\"zarr_format\": 2, \"shape\": [%d, %d, %d], \"chunks\": [%d, %d, %d], \"dtype\": \"<u2\", "
                     "\"compressor\": null, \"filters\": null, \"order\": \"C\", \"fill_value\": %d}",
                     DEPTH, HEIGHT, WIDTH, CHUNK_Z, CHUNK_Y, CHUNK_X, FILL);
    (void)snprintf(path, sizeof path, "%s/.zarray", store);
    write_file(path, text, (size_t)n);
    for (uint64_t z = 0; z * CHUNK_Z < DEPTH; z++)
        for (uint64_t y = 0; y * CHUNK_Y < HEIGHT; y++)
            for (uint64_t x = 0; x * CHUNK_X < WIDTH; x++)
                write_chunk(store, z, y, x);
    return open_source(store, NULL);
}

/* ---- looking at what was loaded --------------------------------------- */

struct look {
    const struct pw_source *source;
    atomic_int seen[VOXELS]; /* tiles by number */
    atomic_int wrong;
};

static uint16_t loaded(const struct look *look, const struct pw_slot *slot, uint64_t z, uint64_t y, uint64_t x)
{
    uint16_t value = (uint16_t)look->source->fill;
    if (!slot->constant)
        memcpy(&value,
               (const char *)slot->voxels + z * slot->stride_bytes[0] + y * slot->stride_bytes[1] +
                   x * slot->stride_bytes[2],
               sizeof value);
    return value;
}

static enum pw_status look_at(void *context, unsigned worker, struct pw_slot *slot, struct pw_error *error)
{
    struct look *look = context;
    const struct pw_box *w = &slot->window;
    (void)worker;
    (void)error;
    atomic_fetch_add(&look->seen[slot->tile], 1);
    for (uint64_t z = 0; z < w->shape[0]; z++)
        for (uint64_t y = 0; y < w->shape[1]; y++)
            for (uint64_t x = 0; x < w->shape[2]; x++)
                if (loaded(look, slot, z, y, x) != *voxel(w->start[0] + z, w->start[1] + y, w->start[2] + x))
                    atomic_fetch_add(&look->wrong, 1);
    return PW_OK;
}

static void load_all(const struct pw_volume *volume, const struct pw_grid *grid, enum pw_io_engine engine,
                     uint32_t cached, unsigned threads)
{
    static struct look look;
    struct pw_error error = {0};
    struct pw_pipeline pipeline = {
        .volume = volume, .grid = grid, .depth = threads + 1, .threads = threads, .work = look_at, .context = &look};
    const struct pw_watch watch = {.total = grid->n_tiles};
    uint64_t stored_read;
    memset(&look, 0, sizeof look);
    look.source = volume->source;
    cr_assert(pw_load_plan_init(&pipeline.load, volume, grid, engine, cached, &error) == PW_OK, "%s", error.message);
    cr_assert(pipeline.load.cached_chunks <= cached);
    cr_assert(pw_pipeline_run(&pipeline, &watch, &stored_read, &error) == PW_OK, "%s", error.message);
    cr_assert(look.wrong == 0, "engine %d, %u cached, %u threads, tile %d,%d,%d halo %d,%d,%d: %d voxels", (int)engine,
              cached, threads, (int)grid->tile[0], (int)grid->tile[1], (int)grid->tile[2], (int)grid->halo[0],
              (int)grid->halo[1], (int)grid->halo[2], look.wrong);
    for (uint64_t t = 0; t < grid->n_tiles; t++)
        cr_assert(look.seen[t] == 1, "tile %d loaded %d times", (int)t, look.seen[t]);
}

static const uint64_t tiles[][3] = {{2, 5, 4}, {1, 23, 31}, {3, 7, 11}, {6, 4, 31}, {2, 2, 2}, {99, 99, 99}, {5, 1, 6}};
static const uint64_t halos[][3] = {{0, 0, 0}, {1, 2, 3}, {9, 9, 9}};
static const enum pw_io_engine engines[] = {PW_IO_SYNC, PW_IO_MMAP, PW_IO_AUTO};

static void check(struct pw_source *source, const uint32_t *cached, size_t n_cached)
{
    struct pw_volume volume;
    struct pw_grid grid;
    struct pw_error error = {0};
    cr_assert(pw_volume_init(&volume, source, -1, -1, &error) == PW_OK);
    for (size_t t = 0; t < sizeof tiles / sizeof tiles[0]; t++)
        for (size_t h = 0; h < sizeof halos / sizeof halos[0]; h++)
            for (size_t e = 0; e < sizeof engines / sizeof engines[0]; e++)
                for (size_t c = 0; c < n_cached; c++) {
                    cr_assert(pw_grid_init(&grid, volume.shape, tiles[t], halos[h], &error) == PW_OK);
                    load_all(&volume, &grid, engines[e], cached[c], 1 + (unsigned)((t + h + e + c) % 3));
                }
    pw_source_close(source);
}

Test(loader, chunks)
{
    static const uint32_t cached[] = {0, 1, 3, 40, UINT32_MAX};
    check(open_zarr(), cached, sizeof cached / sizeof cached[0]);
}

Test(loader, rows_and_mappings)
{
    static const uint32_t none[] = {0};
    check(open_npy(), none, 1);
    check(open_raw(0, 0), none, 1);
    check(open_raw(5, 0), none, 1);    /* bytes that cannot be lent: not aligned, */
    check(open_raw(4096, 1), none, 1); /* or in the other order */
}

Test(loader, whole_rows_are_lent_and_narrow_ones_read)
{
    struct pw_source *source = open_raw(0, 0);
    struct pw_volume volume;
    struct pw_grid whole, narrow;
    struct pw_load_plan plan;
    struct pw_error error = {0};
    const uint64_t none[3] = {0, 0, 0};
    cr_assert(pw_volume_init(&volume, source, -1, -1, &error) == PW_OK);
    cr_assert(pw_grid_init(&whole, volume.shape, (uint64_t[]){2, 5, WIDTH}, none, &error) == PW_OK);
    cr_assert(pw_grid_init(&narrow, volume.shape, (uint64_t[]){2, 5, 8}, none, &error) == PW_OK);
    cr_assert(pw_load_plan_init(&plan, &volume, &whole, PW_IO_AUTO, 0, &error) == PW_OK);
    cr_assert(plan.mode == PW_LOAD_MAP && plan.window_bytes == 0 && plan.mapped_bytes > 0);
    cr_assert(pw_load_plan_init(&plan, &volume, &narrow, PW_IO_AUTO, 0, &error) == PW_OK);
    cr_assert(plan.mode == PW_LOAD_ROWS && plan.window_bytes == UINT64_C(2) * 5 * 8 * 2 && plan.mapped_bytes == 0);
    cr_assert(pw_load_plan_init(&plan, &volume, &whole, PW_IO_SYNC, 0, &error) == PW_OK);
    cr_assert(plan.mode == PW_LOAD_ROWS);
    pw_source_close(source);
}

/* Counted one by one: no window may touch more chunks than a slot has room for. */
Test(loader, a_slot_has_room_for_the_chunks_of_any_window)
{
    struct pw_source *source = open_zarr();
    struct pw_volume volume;
    struct pw_grid grid;
    struct pw_load_plan plan;
    struct pw_error error = {0};
    cr_assert(pw_volume_init(&volume, source, -1, -1, &error) == PW_OK);
    for (uint64_t tile = 1; tile < 12; tile++)
        for (uint64_t halo = 0; halo < 40; halo += 1 + halo / 4) {
            cr_assert(pw_grid_init(&grid, volume.shape, (uint64_t[]){tile, tile, tile}, (uint64_t[]){halo, halo, halo},
                                   &error) == PW_OK);
            cr_assert(pw_load_plan_init(&plan, &volume, &grid, PW_IO_SYNC, 0, &error) == PW_OK);
            uint64_t most = 0;
            for (uint64_t t = 0; t < grid.n_tiles; t++) {
                struct pw_box w = pw_grid_window(&grid, t);
                uint64_t chunks = 1;
                for (int i = 0; i < 3; i++)
                    chunks *= (w.start[i] + w.shape[i] - 1) / volume.chunk[i] - w.start[i] / volume.chunk[i] + 1;
                most = chunks > most ? chunks : most;
            }
            cr_assert(plan.chunks_per_tile >= most, "tile %d halo %d: %u of %u", (int)tile, (int)halo,
                      plan.chunks_per_tile, (unsigned)most);
        }
    pw_source_close(source);
}

/* A broken chunk that several tiles share: the run ends, says so, and hangs nobody. */
Test(loader, a_broken_chunk_ends_the_run)
{
    struct pw_source *source = open_zarr();
    struct pw_volume volume;
    struct pw_grid grid;
    static struct look look;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/image.zarr/1.2.2", directory);
    cr_assert(truncate(path, 11) == 0);
    (void)setenv("PW_STALL", "1", 1);
    for (unsigned threads = 1; threads <= 7; threads += 2) {
        struct pw_error error = {0};
        struct pw_pipeline pipeline = {.volume = &volume,
                                       .grid = &grid,
                                       .depth = threads + 2,
                                       .threads = threads,
                                       .work = look_at,
                                       .context = &look};
        const struct pw_watch watch = {.total = 1};
        uint64_t stored_read;
        memset(&look, 0, sizeof look);
        look.source = source;
        cr_assert(pw_volume_init(&volume, source, -1, -1, &error) == PW_OK);
        cr_assert(pw_grid_init(&grid, volume.shape, (uint64_t[]){2, 4, 4}, (uint64_t[]){1, 3, 3}, &error) == PW_OK);
        cr_assert(pw_load_plan_init(&pipeline.load, &volume, &grid, PW_IO_AUTO, 50, &error) == PW_OK);
        enum pw_status status = pw_pipeline_run(&pipeline, &watch, &stored_read, &error);
        cr_assert(status < 0 && strstr(error.message, "(1,2,2)") != NULL, "%s", error.message);
        cr_assert(look.wrong == 0);
    }
    pw_source_close(source);
}
