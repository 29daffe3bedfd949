/*
 * bench_gen OUT ZxYxX CHUNK SEED - writes the bench image: bright Gaussian blobs on a dim background with the noise of
 * a camera (shot noise and read noise), uint16, as an OME-NGFF 0.4 store with zstd-1 chunks.
 *
 *   bench_gen 2d.zarr 1x16384x16384 1x1024x1024 1
 *   bench_gen 3d.zarr 256x2048x2048 64x256x256 2
 *
 * Every voxel is a function of its place and the seed, so chunks are made by as many threads as there are processors
 * and the store is the same from each.  Z of 1 makes a 2-D store.
 *
 * Blobs fall as a Poisson process: a cell of the volume holds none, one or several, placed by a hash of the cell.  In 2-D
 * a cell is 40 x 40 and the blobs have sigma 7; in 3-D a cell is 24^3 and sigma is 2.5 along z and 5 across.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define NORMALS 65536 /* table of standard normal deviates */
#define REACH 3.5     /* sigmas at which a blob is cut */
#define CELL_BLOBS_MAX 6

struct image {
    const char *path;
    int rank;
    int64_t shape[3], chunk[3], grid[3];
    uint64_t seed;
    double cell, sigma[3];
    float normal[NORMALS];
    atomic_llong next;
};

struct blob {
    double at[3], sigma[3];
    double amplitude;
};

static uint64_t mix(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

/* The next number in [0, 1) of a stream. */
static double uniform(uint64_t *stream)
{
    *stream = mix(*stream);
    return (double)(*stream >> 11) * 0x1p-53;
}

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "bench_gen: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

/* The blobs of one cell; returns how many. */
static int cell_blobs(const struct image *image, const int64_t *cell, struct blob *blobs)
{
    static const double at_most[CELL_BLOBS_MAX] = {0.36788, 0.73576, 0.91970, 0.98101, 0.99634, 1.0}; /* Poisson(1) */
    uint64_t stream = mix(image->seed);
    for (int axis = 0; axis < 3; axis++)
        stream = mix(stream ^ (uint64_t)(cell[axis] + 1));
    double drawn = uniform(&stream);
    int count = 0;
    while (drawn >= at_most[count])
        count++;
    for (int i = 0; i < count; i++) {
        double size = 0.7 + 0.6 * uniform(&stream);
        blobs[i].amplitude = 200.0 * exp(2.5 * uniform(&stream));
        for (int axis = 0; axis < 3; axis++) {
            double stretch = axis == 0 ? 1.0 : 0.8 + 0.4 * uniform(&stream);
            blobs[i].sigma[axis] = image->sigma[axis] * size * stretch;
            blobs[i].at[axis] = ((double)cell[axis] + uniform(&stream)) * image->cell;
        }
        if (image->rank == 2)
            blobs[i].at[0] = 0;
    }
    return count;
}

/* Adds a blob to the signal of the box that starts at origin. */
static void add_blob(const struct blob *blob, const int64_t *origin, const int64_t *shape, float *signal)
{
    int64_t low[3], high[3];
    for (int axis = 0; axis < 3; axis++) {
        double reach = REACH * blob->sigma[axis], at = blob->at[axis] - (double)origin[axis];
        low[axis] = at - reach < 0 ? 0 : (int64_t)ceil(at - reach);
        high[axis] = at + reach > (double)(shape[axis] - 1) ? shape[axis] - 1 : (int64_t)floor(at + reach);
        if (low[axis] > high[axis])
            return;
    }
    float along[128];
    for (int64_t x = low[2]; x <= high[2]; x++) {
        double d = ((double)(x + origin[2]) - blob->at[2]) / blob->sigma[2];
        along[x - low[2]] = (float)exp(-0.5 * d * d);
    }
    for (int64_t z = low[0]; z <= high[0]; z++) {
        double dz = ((double)(z + origin[0]) - blob->at[0]) / blob->sigma[0];
        for (int64_t y = low[1]; y <= high[1]; y++) {
            double dy = ((double)(y + origin[1]) - blob->at[1]) / blob->sigma[1];
            float weight = (float)(blob->amplitude * exp(-0.5 * (dz * dz + dy * dy)));
            float *row = signal + (z * shape[1] + y) * shape[2];
            for (int64_t x = low[2]; x <= high[2]; x++)
                row[x] += weight * along[x - low[2]];
        }
    }
}

/* Background, blobs and noise of one chunk. */
static void make_chunk(const struct image *image, const int64_t *origin, float *signal, uint16_t *voxels)
{
    const int64_t *n = image->chunk;
    memset(signal, 0, (size_t)(n[0] * n[1] * n[2]) * sizeof(*signal));
    int64_t first[3] = {0, 0, 0}, last[3] = {0, 0, 0}, cell[3];
    for (int axis = image->rank == 2 ? 1 : 0; axis < 3; axis++) {
        double reach = REACH * image->sigma[axis] * 1.3 * 1.2;
        first[axis] = (int64_t)floor(((double)origin[axis] - reach) / image->cell);
        last[axis] = (int64_t)floor(((double)(origin[axis] + n[axis]) + reach) / image->cell);
    }
    for (cell[0] = first[0]; cell[0] <= last[0]; cell[0]++)
        for (cell[1] = first[1]; cell[1] <= last[1]; cell[1]++)
            for (cell[2] = first[2]; cell[2] <= last[2]; cell[2]++) {
                struct blob blobs[CELL_BLOBS_MAX];
                int count = cell_blobs(image, cell, blobs);
                for (int i = 0; i < count; i++)
                    add_blob(&blobs[i], origin, n, signal);
            }
    uint64_t key = mix(image->seed + 77);
    for (int64_t z = 0; z < n[0]; z++)
        for (int64_t y = 0; y < n[1]; y++) {
            uint64_t row =
                (uint64_t)(((z + origin[0]) * image->shape[1] + y + origin[1]) * image->shape[2] + origin[2]);
            const float *in = signal + (z * n[1] + y) * n[2];
            uint16_t *out = voxels + (z * n[1] + y) * n[2];
            for (int64_t x = 0; x < n[2]; x++) {
                uint64_t random = mix(key ^ (row + (uint64_t)x));
                float light = in[x] + 20.0f + 10.0f * (float)((x + origin[2]) & 4095) / 4096.0f;
                float value = 100.5f + light + sqrtf(light) * image->normal[random % NORMALS] +
                              3.0f * image->normal[random / NORMALS % NORMALS];
                out[x] = value < 0 ? 0 : value > 65535 ? 65535 : (uint16_t)value;
            }
        }
}

static void write_file(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0)
        fail("cannot write", path);
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail("cannot make", path);
}

/* Writes chunk number index of the grid. */
static void write_chunk(const struct image *image, const int64_t *index, const void *data, size_t bytes)
{
    char path[4096];
    int used = snprintf(path, sizeof(path), "%s/0", image->path);
    for (int axis = image->rank == 2 ? 1 : 0; axis < 3; axis++) {
        used += snprintf(path + used, sizeof(path) - (size_t)used, "/%lld", (long long)index[axis]);
        if (axis < 2)
            make_folder(path);
    }
    write_file(path, data, bytes);
}

static void *work(void *argument)
{
    struct image *image = argument;
    size_t voxels_bytes = (size_t)(image->chunk[0] * image->chunk[1] * image->chunk[2]) * sizeof(uint16_t);
    size_t capacity = ZSTD_compressBound(voxels_bytes);
    float *signal = malloc(voxels_bytes * 2);
    uint16_t *voxels = malloc(voxels_bytes);
    void *packed = malloc(capacity);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    if (signal == NULL || voxels == NULL || packed == NULL || context == NULL)
        fail("no memory for", image->path);
    int64_t total = image->grid[0] * image->grid[1] * image->grid[2];
    for (int64_t i = atomic_fetch_add(&image->next, 1); i < total; i = atomic_fetch_add(&image->next, 1)) {
        int64_t index[3] = {i / (image->grid[1] * image->grid[2]), i / image->grid[2] % image->grid[1],
                            i % image->grid[2]};
        int64_t origin[3];
        for (int axis = 0; axis < 3; axis++)
            origin[axis] = index[axis] * image->chunk[axis];
        make_chunk(image, origin, signal, voxels);
        size_t bytes = ZSTD_compressCCtx(context, packed, capacity, voxels, voxels_bytes, 1);
        if (ZSTD_isError(bytes))
            fail(ZSTD_getErrorName(bytes), image->path);
        write_chunk(image, index, packed, bytes);
    }
    ZSTD_freeCCtx(context);
    free(packed);
    free(voxels);
    free(signal);
    return NULL;
}

/* "a,b,c" or "b,c" of values, as JSON. */
static const char *list(const struct image *image, const int64_t *values, char *text, size_t capacity)
{
    const int64_t *v = values;
    if (image->rank == 2)
        snprintf(text, capacity, "[%lld,%lld]", (long long)v[1], (long long)v[2]);
    else
        snprintf(text, capacity, "[%lld,%lld,%lld]", (long long)v[0], (long long)v[1], (long long)v[2]);
    return text;
}

static void write_metadata(const struct image *image)
{
    char path[4096], text[2048], shape[80], chunk[80];
    make_folder(image->path);
    snprintf(path, sizeof(path), "%s/0", image->path);
    make_folder(path);
    snprintf(path, sizeof(path), "%s/.zgroup", image->path);
    write_file(path, "{\"zarr_format\":2}\n", 18);
    snprintf(
        text, sizeof(text),
        "{\"zarr_format\":2,\"shape\":%s,\"chunks\":%s,\"dtype\":\"<u2\",\"compressor\":{\"id\":\"zstd\",\"level\":1},"
        "\"fill_value\":0,\"order\":\"C\",\"filters\":null,\"dimension_separator\":\"/\"}\n",
        list(image, image->shape, shape, sizeof(shape)), list(image, image->chunk, chunk, sizeof(chunk)));
    snprintf(path, sizeof(path), "%s/0/.zarray", image->path);
    write_file(path, text, strlen(text));
    snprintf(text, sizeof(text),
             "{\"multiscales\":[{\"version\":\"0.4\",\"name\":\"bench\",\"axes\":[%s"
             "{\"name\":\"y\",\"type\":\"space\"},{\"name\":\"x\",\"type\":\"space\"}],\"datasets\":[{\"path\":\"0\","
             "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[%s1.0,1.0]}]}]}]}\n",
             image->rank == 3 ? "{\"name\":\"z\",\"type\":\"space\"}," : "", image->rank == 3 ? "1.0," : "");
    snprintf(path, sizeof(path), "%s/.zattrs", image->path);
    write_file(path, text, strlen(text));
}

static int parse_triple(const char *text, int64_t *values)
{
    long long v[3];
    char after;
    if (sscanf(text, "%lldx%lldx%lld%c", &v[0], &v[1], &v[2], &after) != 3)
        return -1;
    for (int axis = 0; axis < 3; axis++) {
        if (v[axis] < 1 || v[axis] > 1 << 20)
            return -1;
        values[axis] = v[axis];
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct image image;
    if (argc != 5 || parse_triple(argv[2], image.shape) != 0 || parse_triple(argv[3], image.chunk) != 0) {
        fprintf(stderr, "usage: bench_gen OUT ZxYxX CZxCYxCX SEED\n");
        return 64;
    }
    image.path = argv[1];
    image.seed = strtoull(argv[4], NULL, 10);
    image.rank = image.shape[0] == 1 ? 2 : 3;
    image.cell = image.rank == 2 ? 40 : 24;
    image.sigma[0] = 2.5;
    image.sigma[1] = image.sigma[2] = image.rank == 2 ? 7 : 5;
    for (int axis = 0; axis < 3; axis++) {
        if (image.shape[axis] % image.chunk[axis] != 0) {
            fprintf(stderr, "bench_gen: the chunk does not divide the shape\n");
            return 64;
        }
        image.grid[axis] = image.shape[axis] / image.chunk[axis];
    }
    uint64_t stream = image.seed ^ 4242;
    for (int i = 0; i < NORMALS; i += 2) { /* Box and Muller */
        double radius = sqrt(-2 * log(1 - uniform(&stream))), turn = 6.283185307179586 * uniform(&stream);
        image.normal[i] = (float)(radius * cos(turn));
        image.normal[i + 1] = (float)(radius * sin(turn));
    }
    write_metadata(&image);
    pthread_t thread[64];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = processors < 1 ? 1 : processors > 64 ? 64 : (int)processors;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, &image) != 0)
            fail("cannot start a thread for", image.path);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    return 0;
}
