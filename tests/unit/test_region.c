/* Parts of arrays copied into others, beside a loop over their elements; below and above the size that caches hold. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/copy_past.h"
#include "base/region.h"

enum {
    GUARD = 64
};

static unsigned char *random_bytes(size_t n, uint64_t state)
{
    unsigned char *bytes = malloc(n);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(state >> 56);
    }
    return bytes;
}

Test(copy_past, every_alignment_and_length)
{
    enum {
        MOST = 700
    };
    unsigned char *source = random_bytes(MOST + 3 * GUARD, 1), target[MOST + 3 * GUARD];
    for (size_t at = 0; at < GUARD; at++)
        for (size_t n = 0; n <= MOST; n += n < 330 ? 1 : 37) {
            size_t from = at * 7 % GUARD;
            memset(target, 0xa5, sizeof target);
            pw_copy_past(target + at, source + from, n);
            pw_copy_past_end();
            cr_assert(memcmp(target + at, source + from, n) == 0, "%zu bytes from %zu to %zu", n, from, at);
            for (size_t i = 0; i < sizeof target; i++)
                cr_assert((i >= at && i < at + n) || target[i] == 0xa5, "%zu bytes to %zu: byte %zu", n, at, i);
        }
    free(source);
}

static uint64_t place(const struct pw_region *array, uint64_t z, uint64_t y, uint64_t x)
{
    return ((z - array->start[0]) * array->shape[1] + (y - array->start[1])) * array->shape[2] + (x - array->start[2]);
}

/* The part of from that lies in to, and nothing else. */
static void check_copy(const struct pw_region *from, const struct pw_region *to, size_t element)
{
    struct pw_region part;
    cr_assert(pw_region_intersect(from, to, &part));
    size_t source_bytes = (size_t)pw_region_elements(from) * element, bytes = (size_t)pw_region_elements(to) * element;
    unsigned char *source = random_bytes(source_bytes, 2), *target = malloc(bytes), *expected = malloc(bytes);
    cr_assert(target != NULL && expected != NULL);
    memset(target, 0x5a, bytes);
    memset(expected, 0x5a, bytes);
    for (uint64_t z = part.start[0]; z < part.start[0] + part.shape[0]; z++)
        for (uint64_t y = part.start[1]; y < part.start[1] + part.shape[1]; y++)
            for (uint64_t x = part.start[2]; x < part.start[2] + part.shape[2]; x++)
                memcpy(expected + place(to, z, y, x) * element, source + place(from, z, y, x) * element, element);
    pw_region_copy(&part, from, source, to, target, element);
    cr_assert(memcmp(target, expected, bytes) == 0);
    free(source);
    free(target);
    free(expected);
}

Test(region, copies_into_small_and_large_arrays)
{
    const struct pw_region chunk = {3, {8, 70, 130}, {8, 64, 333}};
    for (size_t element = 1; element <= 8; element *= 2) {
        check_copy(&chunk, &(struct pw_region){3, {9, 75, 131}, {5, 41, 300}}, element);
        check_copy(&chunk, &(struct pw_region){3, {4, 60, 100}, {9, 100, 400}}, element);
        check_copy(&chunk, &(struct pw_region){3, {10, 0, 0}, {4, 1211, 3463}}, element); /* 17 MB of bytes */
        check_copy(&chunk, &(struct pw_region){3, {0, 70, 130}, {800, 64, 333}}, element);
    }
}
