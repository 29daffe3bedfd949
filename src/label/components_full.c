#include "label/components_full.h"

#include <string.h>

/* Bundles [z][y]; their runs are numbered over the whole block. */
struct bundles {
    const uint64_t *bits; /* of the block's rows */
    uint64_t shape[3], words;
    uint64_t n_z, n_y;
    uint64_t *row;     /* n_z*n_y rows: the ORed bits */
    uint64_t *nothing; /* an empty row: where a bundle at the border has no row */
    uint32_t *rank;    /* of row */
    uint32_t *parent;  /* of each bundle run */
    uint32_t *number;  /* label of each root's component, 0 until its first voxel comes */
};

static uint64_t bundle_count(uint64_t rows)
{
    return (rows + 1) / 2;
}

static uint64_t most_bundle_runs(const uint64_t shape[3])
{
    return bundle_count(shape[0]) * bundle_count(shape[1]) * ((shape[2] + 1) / 2) + PW_RUN_SLACK;
}

size_t pw_components_full_scratch_bytes(const uint64_t shape[3])
{
    size_t words = (size_t)pw_bit_words(shape[2]);
    size_t rows = (size_t)bundle_count(shape[0]) * (size_t)bundle_count(shape[1]);
    return (rows + 1) * words * sizeof(uint64_t) + rows * words * sizeof(uint32_t) +
           2 * (size_t)most_bundle_runs(shape) * sizeof(uint32_t);
}

static void bundles_init(struct bundles *b, const uint64_t *bits, const uint64_t shape[3], void *scratch)
{
    b->bits = bits;
    memcpy(b->shape, shape, sizeof b->shape);
    b->words = pw_bit_words(shape[2]);
    b->n_z = bundle_count(shape[0]);
    b->n_y = bundle_count(shape[1]);
    b->row = scratch;
    b->nothing = b->row + b->n_z * b->n_y * b->words;
    memset(b->nothing, 0, (size_t)b->words * sizeof *b->nothing);
    b->rank = (uint32_t *)(b->nothing + b->words);
    b->parent = b->rank + b->n_z * b->n_y * b->words;
    b->number = b->parent + most_bundle_runs(shape);
}

/* Row dz,dy (0 or 1) of bundle z,y. */
PW_INLINE const uint64_t *real_row(const struct bundles *b, uint64_t z, uint64_t y, uint64_t dz, uint64_t dy)
{
    uint64_t real_z = 2 * z + dz, real_y = 2 * y + dy;
    if (real_z >= b->shape[0] || real_y >= b->shape[1])
        return b->nothing;
    return b->bits + (real_z * b->shape[1] + real_y) * b->words;
}

PW_INLINE struct pw_facing facing(const struct bundles *b, uint64_t z, uint64_t y, const uint64_t *face0,
                                  const uint64_t *face1)
{
    uint64_t at = (z * b->n_y + y) * b->words;
    return (struct pw_facing){b->row + at, b->rank + at, face0, face1};
}

/* ORs a bundle's rows and ranks its runs, each its own parent so far; returns the number after the last. */
PW_INLINE uint64_t bundle_make(const struct bundles *b, uint64_t z, uint64_t y, uint64_t n)
{
    const uint64_t *r00 = real_row(b, z, y, 0, 0), *r01 = real_row(b, z, y, 0, 1);
    const uint64_t *r10 = real_row(b, z, y, 1, 0), *r11 = real_row(b, z, y, 1, 1);
    uint64_t at = (z * b->n_y + y) * b->words, before = 0, end = n;
    for (uint64_t w = 0; w < b->words; w++) {
        uint64_t bits = r00[w] | r01[w] | r10[w] | r11[w];
        b->row[at + w] = bits;
        b->rank[at + w] = (uint32_t)end;
        end += (uint64_t)__builtin_popcountll(pw_starts(bits, before));
        before = bits;
    }
    for (; n < end; n++)
        b->parent[n] = (uint32_t)n;
    return n;
}

/* Unites a bundle's runs with those of the bundles before it. */
PW_INLINE void bundle_unite(const struct bundles *b, uint64_t z, uint64_t y)
{
    const uint64_t *r00 = real_row(b, z, y, 0, 0), *r01 = real_row(b, z, y, 0, 1);
    const uint64_t *r10 = real_row(b, z, y, 1, 0);
    struct pw_facing here, there;
    if (y > 0) {
        here = facing(b, z, y, r00, r10);
        there = facing(b, z, y - 1, real_row(b, z, y - 1, 0, 1), real_row(b, z, y - 1, 1, 1));
        pw_unite_touching(b->parent, &here, &there, b->words);
    }
    if (z == 0)
        return;
    here = facing(b, z, y, r00, r01);
    there = facing(b, z - 1, y, real_row(b, z - 1, y, 1, 0), real_row(b, z - 1, y, 1, 1));
    pw_unite_touching(b->parent, &here, &there, b->words);
    if (y > 0) {
        here = facing(b, z, y, r00, r00);
        there = facing(b, z - 1, y - 1, real_row(b, z - 1, y - 1, 1, 1), b->nothing);
        pw_unite_touching(b->parent, &here, &there, b->words);
    }
    if (y + 1 < b->n_y) {
        here = facing(b, z, y, r01, r01);
        there = facing(b, z - 1, y + 1, real_row(b, z - 1, y + 1, 1, 0), b->nothing);
        pw_unite_touching(b->parent, &here, &there, b->words);
    }
}

PW_INLINE uint64_t unite_all(const struct bundles *b)
{
    uint64_t n = 0;
    for (uint64_t z = 0; z < b->n_z; z++)
        for (uint64_t y = 0; y < b->n_y; y++) {
            uint64_t end = bundle_make(b, z, y, n);
            if (end > n)
                bundle_unite(b, z, y);
            n = end;
        }
    for (uint64_t i = 0; i < n; i++)
        b->parent[i] = b->parent[b->parent[i]];
    return n;
}

/*
 * Real runs in raster order: each takes the number of its bundle run's root,
 * and gives it the next one when it has none.
 */
PW_INLINE void number_all(const struct bundles *b, pw_bit_runs_fn extract, struct pw_runs *out)
{
    uint64_t row = 0, n = 0;
    uint32_t n_labels = 0;
    for (uint64_t z = 0; z < b->shape[0]; z++)
        for (uint64_t y = 0; y < b->shape[1]; y++, row++) {
            uint64_t at = (z / 2 * b->n_y + y / 2) * b->words;
            out->row[row] = n;
            uint64_t end = n + extract(b->bits + row * b->words, b->shape[2], 0, NULL, out->run + n);
            for (; n < end; n++) {
                uint32_t start = out->run[n].start, w = start / 64;
                uint64_t starts = pw_starts(b->row[at + w], w ? b->row[at + w - 1] : 0);
                uint32_t root = b->parent[pw_run_at(starts, b->rank[at + w], start % 64)];
                uint32_t number = b->number[root];
                n_labels += number == 0;
                number = number == 0 ? n_labels : number;
                b->number[root] = number;
                out->label[n] = number;
            }
        }
    out->row[row] = n;
    out->n_runs = n;
    out->n_labels = n_labels;
}

PW_INLINE void label_all(const struct bundles *b, pw_bit_runs_fn extract, struct pw_runs *out)
{
    uint64_t n = unite_all(b);
    memset(b->number, 0, (size_t)n * sizeof *b->number);
    number_all(b, extract, out);
}

static void label_all_portable(const struct bundles *b, pw_bit_runs_fn extract, struct pw_runs *out)
{
    label_all(b, extract, out);
}

#ifdef PW_X86
PW_TARGET_AVX2 static void label_all_avx2(const struct bundles *b, pw_bit_runs_fn extract, struct pw_runs *out)
{
    label_all(b, extract, out);
}
#endif

void pw_components_full(const uint64_t *bits, const uint64_t shape[3], void *scratch, struct pw_runs *out)
{
    struct bundles b;
    bundles_init(&b, bits, shape, scratch);
    memcpy(out->shape, shape, sizeof out->shape);
#ifdef PW_X86
    if (pw_simd_level() >= PW_SIMD_AVX2) {
        label_all_avx2(&b, pw_bit_runs(), out);
        return;
    }
#endif
    label_all_portable(&b, pw_bit_runs(), out);
}
