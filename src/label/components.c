#include "label/components.h"

#include "label/components_full.h"

#include <string.h>

/* Scratch of the general path: the ranks of two planes of rows, used by turns. */
static size_t general_scratch_bytes(const uint64_t shape[3])
{
    return 2 * (size_t)shape[1] * (size_t)pw_bit_words(shape[2]) * sizeof(uint32_t);
}

size_t pw_components_scratch_bytes(const uint64_t shape[3])
{
    size_t general = general_scratch_bytes(shape), full = pw_components_full_scratch_bytes(shape);
    return general > full ? general : full;
}

struct general {
    const uint64_t *bits;
    uint64_t shape[3], words;
    int connectivity;
    uint32_t *rank;
    struct pw_runs *out;
    pw_bit_runs_fn extract;
};

/* Unites the runs of row (z,y) with those of row (z-back,y+dy), diagonally in x too if that is one step in all. */
PW_INLINE void unite_with(const struct general *g, uint64_t z, uint64_t y, uint64_t back, int64_t dy)
{
    uint64_t other_y = y + (uint64_t)dy;
    if (back > z || other_y >= g->shape[1])
        return;
    const uint64_t *a = g->bits + (z * g->shape[1] + y) * g->words;
    const uint64_t *b = g->bits + ((z - back) * g->shape[1] + other_y) * g->words;
    const uint32_t *rank_a = g->rank + ((z & 1) * g->shape[1] + y) * g->words;
    const uint32_t *rank_b = g->rank + (((z - back) & 1) * g->shape[1] + other_y) * g->words;
    int steps = (back != 0) + (dy != 0);
    if (steps > g->connectivity)
        return;
    if (steps == g->connectivity) {
        pw_unite_overlaps(g->out->label, a, rank_a, b, rank_b, g->words);
        return;
    }
    struct pw_facing side_a = {a, rank_a, a, a}, side_b = {b, rank_b, b, b};
    pw_unite_touching(g->out->label, &side_a, &side_b, g->words);
}

/* While it runs, out->label holds the parent of each run. */
PW_INLINE void unite_all(const struct general *g)
{
    struct pw_runs *out = g->out;
    uint64_t row = 0, n = 0;
    for (uint64_t z = 0; z < g->shape[0]; z++)
        for (uint64_t y = 0; y < g->shape[1]; y++, row++) {
            uint32_t *rank = g->rank + ((z & 1) * g->shape[1] + y) * g->words;
            out->row[row] = n;
            uint64_t end = n + g->extract(g->bits + row * g->words, g->shape[2], (uint32_t)n, rank, out->run + n);
            if (end == n)
                continue;
            for (; n < end; n++)
                out->label[n] = (uint32_t)n;
            unite_with(g, z, y, 0, -1);
            unite_with(g, z, y, 1, -1);
            unite_with(g, z, y, 1, 0);
            unite_with(g, z, y, 1, 1);
        }
    out->row[row] = n;
    out->n_runs = n;
}

static void unite_all_portable(const struct general *g)
{
    unite_all(g);
}

#ifdef PW_X86
PW_TARGET_AVX2 static void unite_all_avx2(const struct general *g)
{
    unite_all(g);
}
#endif

/*
 * Parents to labels: a root is the first run of its component, so roots are
 * numbered as they come.  Without a branch, because whether a run is a root is
 * as good as random in noise.
 */
void pw_components_number_roots(struct pw_runs *runs)
{
    uint32_t *label = runs->label, n_labels = 0;
    for (uint64_t i = 0; i < runs->n_runs; i++) {
        uint32_t parent = label[i];
        uint32_t known = label[parent];
        uint32_t root = parent == (uint32_t)i;
        n_labels += root;
        label[i] = root ? n_labels : known;
    }
    runs->n_labels = n_labels;
}

void pw_components_of_bits(const uint64_t *bits, const uint64_t shape[3], int connectivity, void *scratch,
                           struct pw_runs *out)
{
    memcpy(out->shape, shape, sizeof out->shape);
    out->n_runs = 0;
    out->n_labels = 0;
    int axes = 1 + (shape[1] > 1) + (shape[0] > 1);
    if (connectivity > 1 && connectivity >= axes) {
        pw_components_full(bits, shape, scratch, out);
        return;
    }
    struct general g = {.bits = bits,
                        .shape = {shape[0], shape[1], shape[2]},
                        .words = pw_bit_words(shape[2]),
                        .connectivity = connectivity,
                        .rank = scratch,
                        .out = out,
                        .extract = pw_bit_runs()};
#ifdef PW_X86
    if (pw_simd_level() >= PW_SIMD_AVX2)
        unite_all_avx2(&g);
    else
#endif
        unite_all_portable(&g);
    pw_components_number_roots(out);
}
