#include "codec/zstd_runs.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "codec/zstd_frame.h"

/*
 * How a row is told from its reference, the row above (for the first row of a
 * plane the same row of the plane above).  From position x on, in this order:
 *
 *   same      the two rows agree up to their first difference: one match at the
 *             distance of the rows.  It runs on over any number of rows.
 *   repeat    the voxel before has the value wanted: a match at distance 1 voxel
 *             to the end of the segment.  (an object that shrinks on its left
 *             or grows on its right side)
 *   shift     the value wanted begins k voxels further right in the reference: a
 *             match at k voxels less than the distance of the rows, as long as the shifted rows agree.
 *             (an object that grows on its left or shrinks on its right side)
 *   plane     the plane above has the value at x: a match at the distance of planes.
 *   literal   one voxel of a value not seen near: a new object.
 *
 * Runs are compared, never voxels.
 */

enum {
    PIECE_BYTES = 64 << 10, /* painted at once for libzstd */
    DENSE_VOXELS = 20,      /* fewer voxels than this to a run: libzstd is faster */
    SHIFT_SEGMENTS = 3,     /* how many segments of the reference are searched for a value */
    LIBZSTD_BYTES = 3 << 20 /* a level 1 stream context: window 512 KiB and tables, with a margin */
};

static const uint64_t chunk_bytes_max = (uint64_t)2 << 30;

struct pw_zstd_runs {
    struct pw_zstd_frame frame;
    ZSTD_CCtx *libzstd;
    unsigned char *piece;

    /* the chunk at work */
    const struct pw_label_block *block;
    uint64_t shape[3];
    uint32_t element_bytes, width;
    uint32_t row_bytes;
    uint64_t plane_bytes;
};

enum pw_status pw_zstd_runs_new(struct pw_zstd_runs **encoder, struct pw_error *error)
{
    struct pw_zstd_runs *made = pw_alloc(1, sizeof *made, error);
    *encoder = NULL;
    if (made == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_zstd_frame_init(&made->frame, error);
    if (status != PW_OK) {
        free(made);
        return status;
    }
    made->piece = pw_alloc(1, PIECE_BYTES, error);
    made->libzstd = ZSTD_createCCtx();
    if (made->piece == NULL || made->libzstd == NULL) {
        pw_zstd_runs_free(made);
        return pw_fail(error, PW_E_NOMEM, "out of memory for the label encoder");
    }
    *encoder = made;
    return PW_OK;
}

void pw_zstd_runs_free(struct pw_zstd_runs *encoder)
{
    if (encoder == NULL)
        return;
    pw_zstd_frame_release(&encoder->frame);
    ZSTD_freeCCtx(encoder->libzstd);
    free(encoder->piece);
    free(encoder);
}

size_t pw_zstd_runs_memory_bytes(void)
{
    return sizeof(struct pw_zstd_runs) + pw_zstd_frame_memory_bytes() + PIECE_BYTES + LIBZSTD_BYTES;
}

uint64_t pw_zstd_runs_bound(uint64_t chunk_bytes)
{
    uint64_t libzstd = chunk_bytes + chunk_bytes / 256 + 1024; /* ZSTD_compressBound() and a margin */
    return pw_max_u64(pw_zstd_frame_bound(chunk_bytes), libzstd);
}

/* ---- rows ---- */

struct row {
    const struct pw_run *run;
    const uint64_t *value;
    uint32_t n;
};

/* Row y of plane z of the chunk; outside the block there are no runs. */
static inline struct row row_at(const struct pw_zstd_runs *encoder, uint64_t z, uint64_t y)
{
    const struct pw_label_block *block = encoder->block;
    struct row row = {NULL, NULL, 0};
    if (z < block->shape[0] && y < block->shape[1]) {
        uint64_t r = z * block->shape[1] + y;
        row.run = block->run + block->row[r];
        row.value = block->value + block->row[r];
        row.n = (uint32_t)(block->row[r + 1] - block->row[r]);
    }
    return row;
}

/* A stretch of one value, 0 between runs. */
struct segment {
    uint64_t value;
    uint32_t end;
};

/* The segment at x; i is the first run that ends behind x. */
static inline struct segment segment_at(const struct row *row, uint32_t i, uint32_t x, uint32_t width)
{
    if (i >= row->n)
        return (struct segment){0, width};
    if (row->run[i].start <= x)
        return (struct segment){row->value[i], row->run[i].end};
    return (struct segment){0, row->run[i].start};
}

static inline uint32_t skip_to(const struct row *row, uint32_t i, uint32_t x)
{
    while (i < row->n && row->run[i].end <= x)
        i++;
    return i;
}

/*
 * The first x at or after x where row a differs from row b moved left by shift;
 * where b ends that is width - shift.  i and j are the first runs of a and b that
 * end behind x and x + shift.
 */
static inline uint32_t first_difference(const struct row *a, uint32_t i, const struct row *b, uint32_t j, uint32_t x,
                                        uint32_t shift, uint32_t width)
{
    uint32_t limit = width - shift;
    for (;;) {
        uint32_t start_a = i < a->n ? a->run[i].start : width;
        uint32_t start_b = j < b->n ? b->run[j].start : width;
        start_a = start_a > x ? start_a : x;
        start_b = start_b > x + shift ? start_b - shift : x;
        if (start_a != start_b)
            x = start_a < start_b ? start_a : start_b;
        else if (i >= a->n || j >= b->n)
            x = limit; /* both rows are background up to the end; a width that a shift cuts is not compared */
        else if (a->value[i] != b->value[j])
            x = start_a;
        else if (a->run[i].end != b->run[j].end - shift)
            x = a->run[i].end < b->run[j].end - shift ? a->run[i].end : b->run[j].end - shift;
        else {
            x = a->run[i].end;
            i++;
            j++;
            continue;
        }
        return x < limit ? x : limit;
    }
}

/* ---- one row ---- */

/* A row on its way. */
struct cursor {
    struct row current, reference;
    uint32_t offset; /* bytes from the row to its reference; 0 for the first row */
    uint64_t before; /* the voxel before the row */
    int has_before;
    uint64_t z, y;
    uint32_t x, i, j; /* position, and the first runs of both rows that end behind it */
};

static void put_literals(struct pw_zstd_runs *encoder, const struct row *row, uint32_t x, uint32_t n)
{
    uint32_t i = skip_to(row, 0, x);
    for (uint32_t end = x + n; x < end; x++) {
        i = skip_to(row, i, x);
        pw_zstd_frame_literal(&encoder->frame, segment_at(row, i, x, encoder->width).value);
    }
}

/* Copies up to x_end and goes there. */
static inline void copy_to(struct pw_zstd_runs *encoder, struct cursor *at, uint32_t offset, uint32_t x_end)
{
    uint32_t n = x_end - at->x;
    if (!pw_zstd_frame_match(&encoder->frame, offset, (uint64_t)n * encoder->element_bytes))
        put_literals(encoder, &at->current, at->x, n);
    at->x = x_end;
}

/* The value of the voxel before x equals wanted. */
static inline int follows(const struct cursor *at, uint64_t wanted)
{
    const struct row *row = &at->current;
    uint32_t x = at->x;
    uint32_t i = at->i;
    if (x == 0)
        return at->has_before && at->before == wanted;
    if (i < row->n && row->run[i].start < x)
        return 1;
    return (i > 0 && row->run[i - 1].end == x ? row->value[i - 1] : 0) == wanted;
}

/*
 * Where value begins in the reference to the right of x: the run from which a
 * comparison goes on into *run.  Returns the distance, 0 when it is not near.
 */
static inline uint32_t find_shift(const struct cursor *at, uint64_t value, uint32_t width, uint32_t *run)
{
    const struct row *reference = &at->reference;
    uint32_t end = reference->n - at->j < SHIFT_SEGMENTS ? reference->n : at->j + SHIFT_SEGMENTS;
    for (uint32_t j = at->j; j < end; j++) {
        if (value != 0 && reference->value[j] == value && reference->run[j].start > at->x) {
            *run = j;
            return reference->run[j].start - at->x;
        }
        uint32_t next = j + 1 < reference->n ? reference->run[j + 1].start : width;
        if (value == 0 && next > reference->run[j].end) {
            *run = j + 1;
            return reference->run[j].end - at->x;
        }
    }
    return 0;
}

/* Whether the plane above has value at x; copies from it then. */
static int copy_from_plane(struct pw_zstd_runs *encoder, struct cursor *at, uint64_t value)
{
    if (at->z == 0 || at->offset == encoder->plane_bytes)
        return 0;
    struct row above = row_at(encoder, at->z - 1, at->y);
    uint32_t low = 0;
    for (uint32_t high = above.n; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (above.run[middle].end <= at->x)
            low = middle + 1;
        else
            high = middle;
    }
    if (segment_at(&above, low, at->x, encoder->width).value != value)
        return 0;
    copy_to(encoder, at, (uint32_t)encoder->plane_bytes,
            first_difference(&at->current, at->i, &above, low, at->x, 0, encoder->width));
    return 1;
}

/* At x the rows differ: writes the next piece in another way. */
static void put_difference(struct pw_zstd_runs *encoder, struct cursor *at)
{
    uint32_t width = encoder->width;
    struct segment wanted = segment_at(&at->current, at->i, at->x, width);
    if (follows(at, wanted.value)) {
        copy_to(encoder, at, encoder->element_bytes, wanted.end);
        return;
    }
    uint32_t run = 0;
    uint32_t shift = at->offset != 0 ? find_shift(at, wanted.value, width, &run) : 0;
    if (shift != 0) {
        uint32_t end = first_difference(&at->current, at->i, &at->reference, run, at->x, shift, width);
        copy_to(encoder, at, at->offset - shift * encoder->element_bytes, end);
    } else if (!copy_from_plane(encoder, at, wanted.value)) {
        pw_zstd_frame_literal(&encoder->frame, wanted.value);
        at->x++;
    }
    if (at->x >= wanted.end)
        return;
    /* Inside the segment: its rest repeats the voxel before, unless the reference goes at least as far. */
    at->j = skip_to(&at->reference, at->j, at->x);
    struct segment same = segment_at(&at->reference, at->j, at->x, width);
    if (at->offset == 0 || same.value != wanted.value || same.end < wanted.end)
        copy_to(encoder, at, encoder->element_bytes, wanted.end);
}

static void put_row(struct pw_zstd_runs *encoder, struct cursor *at)
{
    uint32_t width = encoder->width;
    at->x = at->i = at->j = 0;
    for (;;) {
        if (at->offset != 0) {
            uint32_t end = first_difference(&at->current, at->i, &at->reference, at->j, at->x, 0, width);
            if (end > at->x)
                copy_to(encoder, at, at->offset, end);
        }
        if (at->x >= width)
            return;
        at->i = skip_to(&at->current, at->i, at->x);
        at->j = skip_to(&at->reference, at->j, at->x);
        put_difference(encoder, at);
        if (at->x >= width)
            return;
        at->i = skip_to(&at->current, at->i, at->x);
        at->j = skip_to(&at->reference, at->j, at->x);
    }
}

/* ---- painting stretches ---- */

static void fill(void *out, uint64_t value, uint64_t n, uint32_t element_bytes)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value) >> (64 - 8 * element_bytes);
#endif
    if (element_bytes == 1) {
        memset(out, (int)(value & 0xff), n);
    } else if (element_bytes == 2) {
        uint16_t *p = out;
        for (uint64_t i = 0; i < n; i++)
            p[i] = (uint16_t)value;
    } else if (element_bytes == 4) {
        uint32_t *p = out;
        for (uint64_t i = 0; i < n; i++)
            p[i] = (uint32_t)value;
    } else {
        uint64_t *p = out;
        for (uint64_t i = 0; i < n; i++)
            p[i] = value;
    }
}

static void paint_part(const struct row *row, uint64_t first, uint64_t n, uint32_t element_bytes, unsigned char *out)
{
    uint64_t end = first + n;
    memset(out, 0, n * element_bytes);
    for (uint32_t i = 0; i < row->n && row->run[i].start < end; i++) {
        uint64_t from = pw_max_u64(row->run[i].start, first);
        uint64_t to = pw_min_u64(row->run[i].end, end);
        if (from < to)
            fill(out + (from - first) * element_bytes, row->value[i], to - from, element_bytes);
    }
}

/* n bytes of the chunk from first_byte on, both multiples of the element size. */
static void paint(const struct pw_zstd_runs *encoder, uint64_t first_byte, size_t n, unsigned char *out)
{
    uint32_t size = encoder->element_bytes;
    uint64_t first = first_byte / size;
    for (uint64_t left = n / size; left > 0;) {
        uint64_t r = first / encoder->width;
        uint64_t x = first % encoder->width;
        uint64_t part = pw_min_u64(left, encoder->width - x);
        struct row row = row_at(encoder, r / encoder->shape[1], r % encoder->shape[1]);
        paint_part(&row, x, part, size, out);
        out += part * size;
        first += part;
        left -= part;
    }
}

/* ---- chunks ---- */

static size_t encode_runs(struct pw_zstd_runs *encoder, uint64_t bytes, void *out)
{
    struct cursor at = {.current = {NULL, NULL, 0}};
    pw_zstd_frame_begin(&encoder->frame, bytes, encoder->element_bytes, out);
    for (at.z = 0; at.z < encoder->shape[0]; at.z++)
        for (at.y = 0; at.y < encoder->shape[1]; at.y++) {
            at.reference = at.current;
            at.offset = at.z + at.y > 0 ? encoder->row_bytes : 0;
            at.current = row_at(encoder, at.z, at.y);
            at.before = 0;
            at.has_before = at.offset != 0;
            if (at.reference.n > 0 && at.reference.run[at.reference.n - 1].end == encoder->width)
                at.before = at.reference.value[at.reference.n - 1];
            if (at.y == 0 && at.z > 0 && at.current.n + at.reference.n > 0) {
                at.reference = row_at(encoder, at.z - 1, 0);
                at.offset = (uint32_t)encoder->plane_bytes;
            }
            put_row(encoder, &at);
        }
    return pw_zstd_frame_end(&encoder->frame);
}

/* Paints piece after piece into a libzstd stream; the whole content is known to it beforehand. */
static enum pw_status encode_dense(struct pw_zstd_runs *encoder, uint64_t bytes, void *out, size_t *n,
                                   struct pw_error *error)
{
    ZSTD_outBuffer target = {out, *n, 0};
    size_t left = ZSTD_CCtx_reset(encoder->libzstd, ZSTD_reset_session_and_parameters);
    if (!ZSTD_isError(left))
        left = ZSTD_CCtx_setParameter(encoder->libzstd, ZSTD_c_compressionLevel, 1);
    if (!ZSTD_isError(left))
        left = ZSTD_CCtx_setPledgedSrcSize(encoder->libzstd, bytes);
    for (uint64_t done = 0; done < bytes && !ZSTD_isError(left);) {
        size_t part = (size_t)pw_min_u64(PIECE_BYTES, bytes - done);
        paint(encoder, done, part, encoder->piece);
        done += part;
        ZSTD_inBuffer source = {encoder->piece, part, 0};
        ZSTD_EndDirective directive = done == bytes ? ZSTD_e_end : ZSTD_e_continue;
        do
            left = ZSTD_compressStream2(encoder->libzstd, &target, &source, directive);
        while (!ZSTD_isError(left) && (source.pos < part || (done == bytes && left > 0 && target.pos < target.size)));
    }
    if (ZSTD_isError(left) || left != 0)
        return pw_fail(error, PW_E_INTERNAL, "zstd cannot encode a chunk of %llu bytes: %s", (unsigned long long)bytes,
                       ZSTD_isError(left) ? ZSTD_getErrorName(left) : "no room");
    *n = target.pos;
    return PW_OK;
}

enum pw_status pw_zstd_runs_encode(struct pw_zstd_runs *encoder, enum pw_dtype dtype,
                                   const struct pw_label_block *block, const uint64_t shape[3], void *out, size_t *n,
                                   struct pw_error *error)
{
    uint64_t voxels;
    uint64_t bytes;
    if (!pw_product_u64(shape, 3, &voxels) || !pw_mul_u64(voxels, pw_dtype_bytes(dtype), &bytes) || bytes == 0 ||
        bytes > chunk_bytes_max)
        return pw_fail(error, PW_E_RANGE, "a chunk of %llu x %llu x %llu %s voxels cannot be encoded (at most 2 GiB)",
                       (unsigned long long)shape[0], (unsigned long long)shape[1], (unsigned long long)shape[2],
                       pw_dtype_name(dtype));
    if (block->shape[0] > shape[0] || block->shape[1] > shape[1] || block->shape[2] > shape[2] ||
        *n < pw_zstd_runs_bound(bytes))
        return pw_fail(error, PW_E_ARGUMENT, "label encoder: the block or its frame does not fit");
    encoder->block = block;
    memcpy(encoder->shape, shape, sizeof encoder->shape);
    encoder->element_bytes = (uint32_t)pw_dtype_bytes(dtype);
    encoder->width = (uint32_t)shape[2];
    encoder->row_bytes = encoder->width * encoder->element_bytes;
    encoder->plane_bytes = shape[1] * encoder->row_bytes;
    size_t frame = block->n_runs <= voxels / DENSE_VOXELS ? encode_runs(encoder, bytes, out) : 0;
    if (frame == 0)
        return encode_dense(encoder, bytes, out, n, error);
    *n = frame;
    return PW_OK;
}
