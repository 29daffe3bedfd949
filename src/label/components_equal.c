/*
 * Components of equal voxels.  Runs are cut where the value changes; rows are
 * compared by walking the two lists of runs, since label images are smooth.
 */
#include "label/components.h"
#include "label/changes.h"
#include "label/components_full.h"
#include "label/unite_rows.h"

#include <string.h>

/*
 * A voxel's value as bits such that equal values have equal bits and background
 * is 0.  Integers are their own bits.
 */
PW_INLINE uint64_t key8(const unsigned char *p)
{
    return *p;
}

PW_INLINE uint64_t key16(const unsigned char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

PW_INLINE uint64_t key32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

PW_INLINE uint64_t key64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The sign shifted out: 0 for both zeros, above the infinity for NaN. */
PW_INLINE uint64_t key_f16(const unsigned char *p)
{
    uint64_t v = key16(p), magnitude = v << 1 & 0xffff;
    return magnitude == 0 || magnitude > 0xf800 ? 0 : v;
}

PW_INLINE uint64_t key_f32(const unsigned char *p)
{
    uint32_t v = (uint32_t)key32(p), magnitude = v << 1;
    return magnitude == 0 || magnitude > UINT32_C(0xff000000) ? 0 : v;
}

PW_INLINE uint64_t key_f64(const unsigned char *p)
{
    uint64_t v = key64(p), magnitude = v << 1;
    return magnitude == 0 || magnitude > UINT64_C(0xffe0000000000000) ? 0 : v;
}

typedef uint64_t (*key_fn)(const unsigned char *);

struct equal {
    const unsigned char *voxels;
    size_t stride[2]; /* plane, row */
    uint64_t shape[3];
    int connectivity;
    struct pw_runs *out;
};

/*
 * Stretches of one value that is not background.  Voxels of one key have the
 * same bits unless they are background, so changes of bits are where to look.
 */
PW_INLINE uint64_t cut_row(const unsigned char *voxel, size_t bytes, uint64_t width, pw_changes_fn changes, key_fn key,
                           struct pw_run *run)
{
    uint64_t n = 0;
    int open = 0;
    for (uint64_t w = 0; 64 * w < width; w++) {
        uint64_t change = pw_changes_word(changes, voxel, bytes, width, w);
        for (; change; change &= change - 1) {
            uint64_t x = 64 * w + (uint64_t)__builtin_ctzll(change);
            if (open)
                run[n++].end = (uint32_t)x;
            open = key(voxel + x * bytes) != 0;
            run[n].start = (uint32_t)x;
        }
    }
    if (open)
        run[n++].end = (uint32_t)width;
    return n;
}

/* How the voxels of two runs are compared: each is of one value, that of its first voxel. */
struct values {
    const struct equal *equal;
    size_t bytes;
    key_fn key;
};

PW_INLINE const unsigned char *first_voxel(const struct values *v, uint64_t z, uint64_t y, uint64_t i)
{
    const struct equal *e = v->equal;
    return e->voxels + z * e->stride[0] + y * e->stride[1] + e->out->run[i].start * v->bytes;
}

PW_INLINE int same_value(const void *context, const uint64_t z[2], const uint64_t y[2], uint64_t i, uint64_t j)
{
    const struct values *v = context;
    return v->key(first_voxel(v, z[0], y[0], i)) == v->key(first_voxel(v, z[1], y[1], j));
}

PW_INLINE void label_equal(const struct equal *e, size_t bytes, key_fn key)
{
    struct pw_runs *out = e->out;
    pw_changes_fn changes = pw_changes(bytes);
    struct values values = {e, bytes, key};
    uint64_t row = 0, n = 0;
    out->row[0] = 0;
    for (uint64_t z = 0; z < e->shape[0]; z++)
        for (uint64_t y = 0; y < e->shape[1]; y++) {
            const unsigned char *voxels = e->voxels + z * e->stride[0] + y * e->stride[1];
            uint64_t end = n + cut_row(voxels, bytes, e->shape[2], changes, key, out->run + n);
            out->row[++row] = end;
            if (end == n)
                continue;
            for (; n < end; n++)
                out->label[n] = (uint32_t)n;
            pw_unite_back(out, e->connectivity, z, y, same_value, &values);
        }
    out->n_runs = n;
}

void pw_components_of_equal(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3],
                            const uint64_t shape[3], int connectivity, void *scratch, struct pw_runs *out)
{
    (void)scratch; /* the parents are kept in out->label */
    struct equal e = {.voxels = voxels,
                      .stride = {stride_bytes[0], stride_bytes[1]},
                      .shape = {shape[0], shape[1], shape[2]},
                      .connectivity = connectivity,
                      .out = out};
    memcpy(out->shape, shape, sizeof out->shape);
    out->n_runs = 0;
    switch (dtype) {
    case PW_BOOL:
    case PW_U8:
    case PW_I8: label_equal(&e, 1, key8); break;
    case PW_U16:
    case PW_I16: label_equal(&e, 2, key16); break;
    case PW_U32:
    case PW_I32: label_equal(&e, 4, key32); break;
    case PW_U64:
    case PW_I64: label_equal(&e, 8, key64); break;
    case PW_F16: label_equal(&e, 2, key_f16); break;
    case PW_F32: label_equal(&e, 4, key_f32); break;
    case PW_F64: label_equal(&e, 8, key_f64); break;
    case PW_DTYPE_NONE: memset(out->row, 0, (size_t)(shape[0] * shape[1] + 1) * sizeof *out->row); break;
    }
    pw_components_number_roots(out);
}
