/*
 * kernel_bench - the in-memory kernel by itself: a uint8 image to dense uint32
 * labels on one thread (bits, runs, components, painting).
 *
 *     kernel_bench                      all images and connectivities, one line each
 *     kernel_bench --size 4096 256      sides of the 2-D and the 3-D images (8192 and 512)
 *     kernel_bench --write DIR          only writes the images, as uint8 raw files DIR/<image>
 *     kernel_bench --file PATH Z Y X CONNECTIVITY
 *                                       one image from a raw file, one line
 *     --rounds N                        timed rounds, after one that warms up (5)
 *     --phases                          also the time of each phase
 *
 * A line is: image, neighbours, median and least ns per voxel of CPU time, objects.
 * kernel_peers.py runs this beside cc3d and OpenCV on the same files.
 *
 * Images: random voxels set with probability 0.1, 0.3, 0.5, 0.6, and blobs (value
 * noise of 12 voxels, half of it set), from fixed seeds.
 */
#include "base/error.h"
#include "base/memory.h"
#include "label/components.h"
#include "label/threshold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PHASES = 4,
    MOST_ROUNDS = 99
};

struct kernel {
    uint64_t shape[3];
    uint64_t voxels;
    struct pw_buffer image, bits, run, label, row, scratch, dense;
};

static uint64_t next_random(uint64_t *state)
{
    /* splitmix64, S. Vigna, public domain. */
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "kernel_bench: %s\n", what);
    exit(1);
}

static void reserve(struct pw_buffer *buffer, uint64_t bytes)
{
    struct pw_error error = {0};
    if (pw_buffer_init(buffer, bytes, "bench", &error) != PW_OK)
        die(error.message);
    memset(buffer->data, 1, buffer->bytes);
}

static void kernel_init(struct kernel *k, uint64_t z, uint64_t y, uint64_t x)
{
    k->shape[0] = z;
    k->shape[1] = y;
    k->shape[2] = x;
    k->voxels = z * y * x;
    uint64_t capacity = pw_runs_capacity(k->shape, 0);
    reserve(&k->image, k->voxels);
    reserve(&k->bits, z * y * pw_bit_words(x) * sizeof(uint64_t));
    reserve(&k->run, capacity * sizeof(struct pw_run));
    reserve(&k->label, capacity * sizeof(uint32_t));
    reserve(&k->row, (z * y + 1) * sizeof(uint64_t));
    reserve(&k->scratch, pw_components_scratch_bytes(k->shape));
    reserve(&k->dense, k->voxels * sizeof(uint32_t));
}

static void kernel_release(struct kernel *k)
{
    struct pw_buffer *all[] = {&k->image, &k->bits, &k->run, &k->label, &k->row, &k->scratch, &k->dense};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        pw_buffer_release(all[i]);
}

static void fill_random(struct kernel *k, double probability, uint64_t seed)
{
    uint8_t *v = k->image.data;
    uint64_t limit = (uint64_t)(probability * 65536);
    for (uint64_t i = 0; i < k->voxels; i += 4) {
        uint64_t r = next_random(&seed);
        for (uint64_t j = i; j < i + 4 && j < k->voxels; j++, r >>= 16)
            v[j] = (r & 0xffff) < limit;
    }
}

static float lattice(uint64_t z, uint64_t y, uint64_t x)
{
    uint64_t state = z * UINT64_C(0x100000001b3) ^ y * UINT64_C(0x1000193) ^ x << 40 ^ 7;
    return (float)(next_random(&state) >> 40);
}

static float mix(float a, float b, float t)
{
    return a + (b - a) * t;
}

/* Linear between random values 12 voxels apart; above one half of their range is set. */
static void fill_blobs(struct kernel *k)
{
    enum {
        STEP = 12
    };
    uint8_t *v = k->image.data;
    for (uint64_t z = 0; z < k->shape[0]; z++)
        for (uint64_t y = 0; y < k->shape[1]; y++) {
            float tz = (float)(z % STEP) / STEP, ty = (float)(y % STEP) / STEP, left = 0, right = 0;
            for (uint64_t x = 0; x < k->shape[2]; x++) {
                uint64_t lz = z / STEP, ly = y / STEP, lx = x / STEP;
                if (x % STEP == 0) {
                    left = mix(mix(lattice(lz, ly, lx), lattice(lz, ly + 1, lx), ty),
                               mix(lattice(lz + 1, ly, lx), lattice(lz + 1, ly + 1, lx), ty), tz);
                    right = mix(mix(lattice(lz, ly, lx + 1), lattice(lz, ly + 1, lx + 1), ty),
                                mix(lattice(lz + 1, ly, lx + 1), lattice(lz + 1, ly + 1, lx + 1), ty), tz);
                }
                *v++ = mix(left, right, (float)(x % STEP) / STEP) > (float)(1 << 23);
            }
        }
}

/* One whole labelling; adds the time of each phase. */
static uint32_t label_once(struct kernel *k, int connectivity, double *phase)
{
    struct pw_runs runs = {
        .run = k->run.data, .label = k->label.data, .row = k->row.data, .capacity = pw_runs_capacity(k->shape, 0)};
    struct pw_threshold threshold;
    double t0 = cpu_seconds();
    pw_threshold_init(&threshold, PW_U8, 0);
    pw_threshold_rows(&threshold, k->image.data, k->shape[2], k->shape[0] * k->shape[1], k->shape[2], k->bits.data);
    double t1 = cpu_seconds();
    pw_components_of_bits(k->bits.data, k->shape, connectivity, k->scratch.data, &runs);
    double t2 = cpu_seconds();
    pw_paint_labels(&runs, k->dense.data);
    double t3 = cpu_seconds();
    phase[0] = t1 - t0;
    phase[1] = t2 - t1;
    phase[2] = t3 - t2;
    phase[3] = t3 - t0;
    return runs.n_labels;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(struct kernel *k, const char *name, int connectivity, int rounds, int show_phases)
{
    double time[PHASES][MOST_ROUNDS], phase[PHASES];
    uint32_t objects = 0;
    for (int r = -1; r < rounds; r++) {
        objects = label_once(k, connectivity, phase);
        for (int p = 0; p < PHASES && r >= 0; p++)
            time[p][r] = phase[p] * 1e9 / (double)k->voxels;
    }
    for (int p = 0; p < PHASES; p++)
        qsort(time[p], (size_t)rounds, sizeof(double), by_value);
    int flat = k->shape[0] == 1;
    int neighbours = flat ? (connectivity == 1 ? 4 : 8) : connectivity == 1 ? 6 : connectivity == 2 ? 18 : 26;
    printf("%-12s %2d  %6.3f %6.3f  %u", name, neighbours, time[3][rounds / 2], time[3][0], (unsigned)objects);
    if (show_phases)
        printf("   threshold %.3f components %.3f paint %.3f", time[0][rounds / 2], time[1][rounds / 2],
               time[2][rounds / 2]);
    printf("\n");
    fflush(stdout);
}

static void write_image(const struct kernel *k, const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(k->image.data, 1, (size_t)k->voxels, f) != k->voxels || fclose(f) != 0)
        die("cannot write the image");
}

static void read_image(struct kernel *k, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fread(k->image.data, 1, (size_t)k->voxels, f) != k->voxels)
        die("cannot read the image");
    fclose(f);
}

struct options {
    uint64_t side_2d, side_3d;
    int rounds, phases;
    const char *write_to;
};

static void all_images(const struct options *o, int dimensions)
{
    static const double probability[] = {0.1, 0.3, 0.5, 0.6};
    struct kernel k;
    uint64_t side = dimensions == 2 ? o->side_2d : o->side_3d;
    kernel_init(&k, dimensions == 2 ? 1 : side, side, side);
    for (int i = 0; i < 5; i++) {
        char name[32];
        if (i < 4) {
            snprintf(name, sizeof name, "%dd-random%.1f", dimensions, probability[i]);
            fill_random(&k, probability[i], (uint64_t)(100 * dimensions + i));
        } else {
            snprintf(name, sizeof name, "%dd-blobs", dimensions);
            fill_blobs(&k);
        }
        if (o->write_to) {
            write_image(&k, o->write_to, name);
            continue;
        }
        bench(&k, name, 1, o->rounds, o->phases);
        bench(&k, name, dimensions, o->rounds, o->phases);
    }
    kernel_release(&k);
}

static void one_file(const struct options *o, char **argv)
{
    struct kernel k;
    kernel_init(&k, strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    read_image(&k, argv[0]);
    const char *name = strrchr(argv[0], '/');
    bench(&k, name ? name + 1 : argv[0], atoi(argv[4]), o->rounds, o->phases);
    kernel_release(&k);
}

int main(int argc, char **argv)
{
    struct options o = {.side_2d = 8192, .side_3d = 512, .rounds = 5};
    char **file = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--phases") == 0) {
            o.phases = 1;
        } else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            o.rounds = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--write") == 0 && i + 1 < argc) {
            o.write_to = argv[++i];
        } else if (strcmp(argv[i], "--size") == 0 && i + 2 < argc) {
            o.side_2d = strtoull(argv[++i], NULL, 10);
            o.side_3d = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--file") == 0 && i + 5 < argc) {
            file = argv + i + 1;
            i += 5;
        } else {
            die("unknown option; see the head of kernel_bench.c");
        }
    }
    if (o.rounds < 1 || o.rounds > MOST_ROUNDS)
        die("--rounds takes 1 to 99");
    if (file) {
        one_file(&o, file);
        return 0;
    }
    all_images(&o, 2);
    all_images(&o, 3);
    return 0;
}
