/* Frames made from runs decode, with libzstd, to the voxels that the runs stand for. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/dtype.h"
#include "codec/zstd_runs.h"

struct labels {
    struct pw_label_block block;
    struct pw_run *run;
    uint64_t *value;
    uint64_t *row;
};

static uint64_t random_state;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t below(uint64_t n)
{
    return random_u64() % n;
}

static struct labels labels_of(const uint64_t *voxels, const uint64_t shape[3])
{
    uint64_t rows = shape[0] * shape[1];
    struct labels labels = {.run = malloc((rows * shape[2] + 1) * sizeof(struct pw_run)),
                            .value = malloc((rows * shape[2] + 1) * sizeof(uint64_t)),
                            .row = malloc((rows + 1) * sizeof(uint64_t))};
    uint64_t n = 0;
    for (uint64_t r = 0; r < rows; r++) {
        const uint64_t *v = voxels + r * shape[2];
        labels.row[r] = n;
        for (uint64_t x = 0, end; x < shape[2]; x = end) {
            for (end = x + 1; end < shape[2] && v[end] == v[x];)
                end++;
            if (v[x] != 0) {
                labels.run[n] = (struct pw_run){(uint32_t)x, (uint32_t)end};
                labels.value[n++] = v[x];
            }
        }
    }
    labels.row[rows] = n;
    memcpy(labels.block.shape, shape, sizeof labels.block.shape);
    labels.block.run = labels.run;
    labels.block.value = labels.value;
    labels.block.row = labels.row;
    labels.block.n_runs = n;
    return labels;
}

static void labels_free(struct labels *labels)
{
    free(labels->run);
    free(labels->value);
    free(labels->row);
}

/* The chunk as it must decode: the block at its start, zeros around. */
static unsigned char *painted(const uint64_t *voxels, const uint64_t shape[3], const uint64_t chunk[3], size_t size)
{
    unsigned char *out = calloc(chunk[0] * chunk[1] * chunk[2], size);
    for (uint64_t z = 0; z < shape[0]; z++)
        for (uint64_t y = 0; y < shape[1]; y++)
            for (uint64_t x = 0; x < shape[2]; x++) {
                uint64_t v = voxels[(z * shape[1] + y) * shape[2] + x];
                unsigned char *p = out + ((z * chunk[1] + y) * chunk[2] + x) * size;
                for (size_t b = 0; b < size; b++)
                    p[b] = (unsigned char)(v >> (8 * b));
            }
    return out;
}

/* Encodes, decodes, compares; returns the bytes of the frame. */
static size_t check(struct pw_zstd_runs *encoder, enum pw_dtype dtype, const uint64_t *voxels, const uint64_t shape[3],
                    const uint64_t chunk[3])
{
    size_t bytes = chunk[0] * chunk[1] * chunk[2] * pw_dtype_bytes(dtype);
    size_t capacity = pw_zstd_runs_bound(bytes);
    unsigned char *frame = malloc(capacity);
    unsigned char *decoded = malloc(bytes);
    unsigned char *expected = painted(voxels, shape, chunk, pw_dtype_bytes(dtype));
    struct labels labels = labels_of(voxels, shape);
    struct pw_error error = {0};
    size_t n = capacity;
    enum pw_status status = pw_zstd_runs_encode(encoder, dtype, &labels.block, chunk, frame, &n, &error);
    cr_assert_eq(status, PW_OK, "%s", error.message);
    cr_assert_leq(n, capacity);
    cr_assert_eq(ZSTD_getFrameContentSize(frame, n), bytes);
    cr_assert_eq(ZSTD_findFrameCompressedSize(frame, n), n);
    size_t got = ZSTD_decompress(decoded, bytes, frame, n);
    cr_assert_not(ZSTD_isError(got), "%s for %s %lu %lu %lu", ZSTD_getErrorName(got), pw_dtype_name(dtype),
                  (unsigned long)chunk[0], (unsigned long)chunk[1], (unsigned long)chunk[2]);
    cr_assert_eq(got, bytes);
    cr_assert_eq(memcmp(decoded, expected, bytes), 0, "other voxels for %s %lu %lu %lu", pw_dtype_name(dtype),
                 (unsigned long)chunk[0], (unsigned long)chunk[1], (unsigned long)chunk[2]);
    labels_free(&labels);
    free(expected);
    free(decoded);
    free(frame);
    return n;
}

static struct pw_zstd_runs *new_encoder(void)
{
    struct pw_error error = {0};
    struct pw_zstd_runs *encoder;
    cr_assert_eq(pw_zstd_runs_new(&encoder, &error), PW_OK, "%s", error.message);
    return encoder;
}

/* Round objects with ragged outlines, some of which touch. */
static uint64_t *blobs(const uint64_t shape[3], unsigned count, uint64_t radius, uint64_t largest)
{
    uint64_t *v = calloc(shape[0] * shape[1] * shape[2], sizeof *v);
    for (unsigned i = 0; i < count; i++) {
        uint64_t c[3] = {below(shape[0]), below(shape[1]), below(shape[2])};
        uint64_t value = 1 + below(largest);
        uint64_t r = 1 + below(radius);
        for (uint64_t z = 0; z < shape[0]; z++)
            for (uint64_t y = 0; y < shape[1]; y++)
                for (uint64_t x = 0; x < shape[2]; x++) {
                    int64_t dz = (int64_t)z - (int64_t)c[0];
                    int64_t dy = (int64_t)y - (int64_t)c[1];
                    int64_t dx = (int64_t)x - (int64_t)c[2];
                    if ((uint64_t)(dz * dz + dy * dy + dx * dx) < r * r + below(3))
                        v[(z * shape[1] + y) * shape[2] + x] = value;
                }
    }
    return v;
}

static const enum pw_dtype dtypes[4] = {PW_U8, PW_U16, PW_U32, PW_U64};

Test(zstd_runs, blobs_of_every_type)
{
    struct pw_zstd_runs *encoder = new_encoder();
    random_state = 88172645463325252U;
    static const uint64_t shapes[][3] = {{1, 300, 517}, {16, 64, 64}, {5, 33, 47}, {1, 64, 1}, {64, 1, 1}, {1, 1, 777}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int d = 0; d < 4; d++) {
            uint64_t *v = blobs(shapes[s], 40, 12, pw_dtype_unsigned_max(dtypes[d]));
            check(encoder, dtypes[d], v, shapes[s], shapes[s]);
            free(v);
        }
    pw_zstd_runs_free(encoder);
}

Test(zstd_runs, part_of_a_chunk_is_padded)
{
    struct pw_zstd_runs *encoder = new_encoder();
    random_state = 7;
    const uint64_t shape[3] = {3, 30, 41};
    const uint64_t chunk[3] = {8, 64, 64};
    uint64_t *v = blobs(shape, 20, 9, 1000);
    for (uint64_t r = 0; r < 90; r++)
        v[r * 41 + 40] = r / 7 + 1; /* labels on the last voxel of rows */
    for (int d = 1; d < 4; d++)
        check(encoder, dtypes[d], v, shape, chunk);
    free(v);
    pw_zstd_runs_free(encoder);
}

Test(zstd_runs, empty_and_full_cost_nearly_nothing)
{
    struct pw_zstd_runs *encoder = new_encoder();
    const uint64_t shape[3] = {1, 1024, 1024};
    uint64_t *v = calloc(1024 * 1024, sizeof *v);
    cr_expect_lt(check(encoder, PW_U32, v, shape, shape), 1000);
    for (size_t i = 0; i < 1024 * 1024; i++)
        v[i] = UINT32_MAX;
    cr_expect_lt(check(encoder, PW_U32, v, shape, shape), 1000);
    free(v);
    pw_zstd_runs_free(encoder);
}

Test(zstd_runs, noise_of_every_density)
{
    struct pw_zstd_runs *encoder = new_encoder();
    random_state = 99;
    const uint64_t shape[3] = {4, 100, 333};
    uint64_t *v = calloc(4 * 100 * 333, sizeof *v);
    for (uint64_t percent = 1; percent <= 100; percent += 9)
        for (int d = 0; d < 4; d++) {
            for (size_t i = 0; i < 4 * 100 * 333; i++)
                v[i] = below(100) < percent ? 1 + below(pw_dtype_unsigned_max(dtypes[d])) : 0;
            check(encoder, dtypes[d], v, shape, shape);
        }
    free(v);
    pw_zstd_runs_free(encoder);
}

/* Quiet on the whole, so that runs are encoded, with a patch of noise that no block can hold. */
Test(zstd_runs, a_noisy_patch)
{
    struct pw_zstd_runs *encoder = new_encoder();
    random_state = 5;
    const uint64_t shape[3] = {1, 2048, 1024};
    uint64_t *v = calloc(2048 * 1024, sizeof *v);
    for (size_t i = 0; i < 40 * 1024; i++)
        v[700 * 1024 + i] = random_u64() >> 1 | 1;
    check(encoder, PW_U64, v, shape, shape);
    free(v);
    pw_zstd_runs_free(encoder);
}

/* More sequences than a group holds, more blocks than it holds, and literals in every place. */
Test(zstd_runs, large_chunks)
{
    struct pw_zstd_runs *encoder = new_encoder();
    random_state = 11;
    const uint64_t wide[3] = {1, 3000, 1400};
    uint64_t *v = calloc(3000 * 1400, sizeof *v);
    for (uint64_t y = 0; y < 3000; y++)
        for (uint64_t x = 0; x < 1400; x += 28) {
            uint64_t from = below(6);
            uint64_t to = from + 4 + below(16);
            for (uint64_t i = from; i < to; i++)
                v[y * 1400 + x + i] = 1 + (y / 20) * 50 + x / 28;
        }
    size_t n = check(encoder, PW_U32, v, wide, wide);
    cr_expect_lt(n, sizeof(uint32_t) * 3000 * 1400 / 20);
    free(v);
    const uint64_t quiet[3] = {1, 9000, 2000}; /* 144 MB: over 1024 blocks */
    v = calloc(9000 * 2000, sizeof *v);
    v[123456] = UINT64_MAX;
    cr_expect_lt(check(encoder, PW_U64, v, quiet, quiet), 40000);
    free(v);
    pw_zstd_runs_free(encoder);
}

Test(zstd_runs, same_bytes_whatever_was_encoded_before)
{
    struct pw_zstd_runs *encoder = new_encoder();
    random_state = 3;
    const uint64_t shape[3] = {8, 64, 96};
    uint64_t *v = blobs(shape, 30, 20, 5000);
    struct labels labels = labels_of(v, shape);
    size_t bytes = 8 * 64 * 96 * 4;
    size_t capacity = pw_zstd_runs_bound(bytes);
    unsigned char *first = malloc(capacity);
    unsigned char *second = malloc(capacity);
    size_t n_first = capacity;
    size_t n_second = capacity;
    struct pw_error error = {0};
    cr_assert_eq(pw_zstd_runs_encode(encoder, PW_U32, &labels.block, shape, first, &n_first, &error), PW_OK);
    uint64_t *other = blobs(shape, 60, 9, 77);
    check(encoder, PW_U16, other, shape, shape);
    cr_assert_eq(pw_zstd_runs_encode(encoder, PW_U32, &labels.block, shape, second, &n_second, &error), PW_OK);
    cr_assert_eq(n_first, n_second);
    cr_assert_eq(memcmp(first, second, n_first), 0);
    free(other);
    labels_free(&labels);
    free(first);
    free(second);
    free(v);
    pw_zstd_runs_free(encoder);
}

Test(zstd_runs, refuses_what_does_not_fit)
{
    struct pw_zstd_runs *encoder = new_encoder();
    struct pw_error error = {0};
    const uint64_t row[2] = {0, 0};
    struct pw_label_block block = {.shape = {1, 1, 4}, .row = row};
    const uint64_t small[3] = {1, 1, 3};
    const uint64_t huge[3] = {1 << 20, 1 << 20, 1 << 20};
    unsigned char out[8];
    size_t n = sizeof out;
    cr_assert_eq(pw_zstd_runs_encode(encoder, PW_U32, &block, small, out, &n, &error), PW_E_ARGUMENT);
    cr_assert_eq(pw_zstd_runs_encode(encoder, PW_U32, &block, block.shape, out, &n, &error), PW_E_ARGUMENT);
    cr_assert_eq(pw_zstd_runs_encode(encoder, PW_U64, &block, huge, out, &n, &error), PW_E_RANGE);
    pw_zstd_runs_free(encoder);
}

Test(zstd_runs, fuzz)
{
    struct pw_zstd_runs *encoder = new_encoder();
    random_state = 20260101;
    for (int round = 0; round < 6000; round++) {
        uint64_t chunk[3] = {1 + below(4), 1 + below(40), 1 + below(90)};
        uint64_t shape[3] = {1 + below(chunk[0]), 1 + below(chunk[1]), 1 + below(chunk[2])};
        uint64_t voxels = shape[0] * shape[1] * shape[2];
        uint64_t *v = calloc(voxels, sizeof *v);
        uint64_t alphabet = 1 + below(6);
        uint64_t stretch = 1 + below(60);
        uint64_t faithful = below(100); /* how often a voxel is as the one above */
        for (uint64_t i = 0; i < voxels;) {
            uint64_t value = below(3) == 0 ? 1 + below(alphabet) * 41 : 0;
            for (uint64_t n = 1 + below(stretch); n > 0 && i < voxels; n--, i++)
                v[i] = i >= shape[2] && below(100) < faithful ? v[i - shape[2]] : value;
        }
        check(encoder, dtypes[below(4)], v, shape, chunk);
        free(v);
    }
    pw_zstd_runs_free(encoder);
}
