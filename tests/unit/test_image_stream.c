/* Images in raster order: how they are cut into bands, and that any number of threads hands over the same bytes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patchworks.h"
#include "run/image_bands.h"

static struct pw_image_info array_of(int rank, const uint64_t *shape, const uint64_t *chunk)
{
    struct pw_image_info info = {.rank = rank, .dtype = PW_U16};
    memcpy(info.shape, shape, sizeof(uint64_t) * (size_t)rank);
    memcpy(info.chunk, chunk, sizeof(uint64_t) * (size_t)rank);
    return info;
}

/* Every element in its turn: bands follow each other without a gap. */
static void check_order(const struct pw_image_info *info, const struct pw_bands *bands, uint64_t most)
{
    uint64_t next = 0, largest = 0;
    for (uint64_t b = 0; b < bands->count; b++) {
        struct pw_region region;
        uint64_t at = 0, n;
        pw_bands_region(info, bands, b, &region);
        n = pw_region_elements(&region);
        for (int i = 0; i < info->rank; i++)
            at = at * info->shape[i] + region.start[i];
        cr_assert_eq(at, next, "band %llu begins at %llu", (unsigned long long)b, (unsigned long long)at);
        next += n;
        largest = n > largest ? n : largest;
    }
    uint64_t all = 1;
    for (int i = 0; i < info->rank; i++)
        all *= info->shape[i];
    cr_assert_eq(next, all);
    cr_assert_eq(largest * 2, bands->bytes);
    cr_assert_leq(bands->bytes, most);
}

Test(image_bands, follow_each_other_at_every_size)
{
    static const uint64_t shapes[][5] = {{1, 2, 7, 30, 11}, {3, 1, 1, 9, 10}, {1, 1, 1, 1, 5}, {4, 3, 2, 1, 1}};
    static const uint64_t chunks[][5] = {{1, 1, 4, 8, 8}, {1, 1, 1, 1, 1}, {2, 2, 8, 32, 16}};
    for (size_t s = 0; s < 4; s++)
        for (size_t c = 0; c < 3; c++)
            for (uint64_t most = 2; most < 12000; most += most / 3 + 1)
                for (uint64_t wanted = 1; wanted <= 4096; wanted *= 64) {
                    struct pw_image_info info = array_of(5, shapes[s], chunks[c]);
                    struct pw_bands bands;
                    cr_assert(pw_bands_choose(&info, wanted, most, &bands));
                    check_order(&info, &bands, most);
                }
}

Test(image_bands, no_chunk_twice_where_the_memory_allows)
{
    const uint64_t shape[3] = {256, 1024, 1024}, chunk[3] = {64, 128, 128};
    struct pw_image_info info = array_of(3, shape, chunk);
    struct pw_bands bands;
    cr_assert(pw_bands_choose(&info, 1 << 20, (uint64_t)64 * 1024 * 1024 * 2, &bands));
    cr_assert_eq(bands.decoding, 1);
    cr_assert_eq(bands.step, 64);
    cr_assert(pw_bands_choose(&info, 1 << 20, (uint64_t)32 * 1024 * 1024 * 2, &bands));
    cr_assert_eq(bands.decoding, 2);
    cr_assert(pw_bands_choose(&info, 1 << 20, (uint64_t)128 * 1024 * 2, &bands)); /* less than a plane */
    cr_assert_eq(bands.decoding, 64);
    cr_assert_eq(bands.axis, 1);
    cr_assert(pw_bands_choose(&info, 1 << 20, 2000, &bands)); /* less than a row */
    cr_assert_eq(bands.axis, 2);
    cr_assert_not(pw_bands_choose(&info, 1 << 20, 1, &bands));
}

/* ---- streaming ---- */

struct taken {
    unsigned char *bytes;
    size_t n, most;
    size_t stop_at;
};

static int take(const void *bytes, size_t n, void *user)
{
    struct taken *taken = user;
    if (taken->n + n > taken->stop_at)
        return 1;
    cr_assert_leq(taken->n + n, taken->most);
    memcpy(taken->bytes + taken->n, bytes, n);
    taken->n += n;
    return 0;
}

/* A zarr array of bytes without compression: chunks of 4 x 4 x 4 in 10 x 9 x 11; returns its directory. */
static const char *make_array(unsigned char expected[990])
{
    static char directory[200];
    char path[300];
    (void)snprintf(directory, sizeof directory, "/tmp/pw-stream-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/.zarray", directory);
    FILE *file = fopen(path, "w");
    (void)fputs("{\"zarr_format\":2,\"shape\":[10,9,11],\"chunks\":[4,4,4],\"dtype\":\"|u1\",\"order\":\"C\","
                "\"fill_value\":7,\"compressor\":null,\"filters\":null}",
                file);
    (void)fclose(file);
    memset(expected, 7, 990);
    for (int c = 0; c < 27; c++) {
        int cz = c / 9, cy = c / 3 % 3, cx = c % 3;
        unsigned char chunk[64];
        if (c == 13)
            continue; /* not stored */
        for (int i = 0; i < 64; i++) {
            int z = cz * 4 + i / 16, y = cy * 4 + i / 4 % 4, x = cx * 4 + i % 4;
            chunk[i] = (unsigned char)(z * 31 + y * 5 + x);
            if (z < 10 && y < 9 && x < 11)
                expected[(z * 9 + y) * 11 + x] = chunk[i];
        }
        (void)snprintf(path, sizeof path, "%s/%d.%d.%d", directory, cz, cy, cx);
        file = fopen(path, "w");
        cr_assert_eq(fwrite(chunk, 1, 64, file), 64);
        (void)fclose(file);
    }
    return directory;
}

static void remove_array(const char *directory)
{
    char path[300];
    for (int c = 0; c < 27; c++) {
        (void)snprintf(path, sizeof path, "%s/%d.%d.%d", directory, c / 9, c / 3 % 3, c % 3);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/.zarray", directory);
    (void)unlink(path);
    (void)rmdir(directory);
}

static enum pw_status stream(const char *directory, unsigned threads, uint64_t memory, struct taken *taken,
                             struct pw_error *error)
{
    struct pw_stream_options options = {.threads = threads, .memory_bytes = memory};
    struct pw_image *image;
    cr_assert_eq(pw_image_open(directory, NULL, &image, error), PW_OK, "%s", error->message);
    enum pw_status status = pw_image_stream(image, &options, take, taken, error);
    pw_image_close(image);
    return status;
}

Test(image_stream, any_threads_and_memory_give_the_same)
{
    unsigned char expected[990], got[990];
    const char *directory = make_array(expected);
    for (unsigned threads = 1; threads <= 7; threads += 3)
        for (uint64_t memory = 0; memory <= 8 << 20; memory += memory / 2 + (400 << 10)) {
            struct pw_error error = {0};
            struct taken taken = {.bytes = got, .most = sizeof got, .stop_at = sizeof got};
            enum pw_status status = stream(directory, threads, memory, &taken, &error);
            cr_assert(status == PW_OK || (status == PW_E_BUDGET && memory < 1 << 20), "%s", error.message);
            if (status == PW_OK)
                cr_assert(taken.n == sizeof got && memcmp(got, expected, sizeof got) == 0);
        }
    remove_array(directory);
}

Test(image_stream, stops_when_asked_and_names_the_first_broken_chunk)
{
    unsigned char expected[990], got[990];
    const char *directory = make_array(expected);
    char path[300];
    for (unsigned threads = 1; threads <= 7; threads += 2) {
        struct pw_error error = {0};
        struct taken taken = {.bytes = got, .most = sizeof got};
        cr_assert_eq(stream(directory, threads, 0, &taken, &error), PW_E_CANCELLED);
        cr_assert_eq(taken.n, 0);
    }
    (void)snprintf(path, sizeof path, "%s/1.1.0", directory);
    cr_assert_eq(truncate(path, 60), 0);
    for (unsigned threads = 1; threads <= 7; threads += 2) {
        struct pw_error error = {0};
        struct taken taken = {.bytes = got, .most = sizeof got, .stop_at = sizeof got};
        cr_assert_eq(stream(directory, threads, 0, &taken, &error), PW_E_TRUNCATED);
        cr_assert_not_null(strstr(error.message, "chunk (1,1,0)"), "%s", error.message);
    }
    remove_array(directory);
}
