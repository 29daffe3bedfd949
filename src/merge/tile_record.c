#include "merge/tile_record.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "codec/codec.h"
#include "merge/varint.h"

static const uint64_t magic = UINT64_C(0x31454c4954575001); /* "\1PWTILE1" */

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* The last words of the header: the last is a checksum of all before it. */
enum {
    FLAGS_WORD = PW_RECORD_HEADER_WORDS - 2,
    CHECKSUM_WORD = PW_RECORD_HEADER_WORDS - 1
};

/* A value is 64 bits, 7 in a byte. */
enum {
    VALUE_BYTES_MAX = 10
};

/* ---- sizes ------------------------------------------------------------- */

/*
 * Gaps and lengths of a row add up to its width, so beyond one byte each they take at
 * most one byte for every 128 voxels, and so on: width / 64 covers all.
 */
static uint64_t row_coded_max(uint64_t width, int labels_may_touch, uint64_t n_labels)
{
    uint64_t runs = labels_may_touch ? width : width / 2 + 1;
    return pw_varint_bytes(width) + runs * (2 + pw_varint_bytes(2 * n_labels + 2)) + width / 64 + 2;
}

void pw_strip_shape(const uint64_t core[3], int face, uint64_t shape[3])
{
    int axis = face / 2;
    shape[Z] = 1;
    shape[Y] = axis == Z ? core[Y] : core[Z];
    shape[X] = axis == X ? core[Y] : core[X];
}

uint64_t pw_record_labels_max(const struct pw_record_limits *limits)
{
    const uint64_t *shape = limits->shape;
    /* Each voxel an object of its own; components need a gap between two in a row. */
    return shape[Z] * shape[Y] * (limits->labels_may_touch ? shape[X] : shape[X] / 2 + 1);
}

uint64_t pw_record_plane_bytes_max(const struct pw_record_limits *limits)
{
    return limits->shape[Y] * row_coded_max(limits->shape[X], limits->labels_may_touch, pw_record_labels_max(limits));
}

void pw_record_limits_of_cores(const struct pw_grid *grid, int labels_may_touch, struct pw_record_limits *limits)
{
    memset(limits, 0, sizeof *limits);
    memcpy(limits->shape, grid->tile, sizeof limits->shape);
    for (int i = 0; i < 3; i++)
        limits->has_faces[i] = grid->count[i] > 1;
    limits->labels_may_touch = labels_may_touch;
}

uint64_t pw_record_bytes_max(const struct pw_record_limits *limits)
{
    const uint64_t *shape = limits->shape;
    uint64_t labels = pw_record_labels_max(limits);
    uint64_t bytes = PW_RECORD_HEADER_BYTES + (shape[Z] + 1) * sizeof(uint64_t);
    bytes += pw_table_bytes_max(labels, shape[Z] * shape[Y] * shape[X], limits->labels_unordered);
    bytes += shape[Z] * pw_record_plane_bytes_max(limits);
    for (int f = 0; f < PW_FACES; f++) {
        uint64_t strip[3];
        if (!limits->has_faces[f / 2])
            continue;
        pw_strip_shape(shape, f, strip);
        bytes += strip[Y] * (row_coded_max(strip[X], limits->labels_may_touch || f / 2 == X, labels) +
                             (limits->with_values ? strip[X] * VALUE_BYTES_MAX : 0));
    }
    return bytes;
}

/* ---- encoding ---------------------------------------------------------- */

/* Numbers are written as differences from the run before; a plane or strip starts from zero. */
struct coder {
    unsigned char *p;
    uint32_t at; /* end of the run before, in this row */
    uint32_t last_label;
    uint64_t last_value;
};

static void put_run(struct coder *c, uint64_t start, uint64_t end, uint32_t label)
{
    c->p = pw_varint_put(c->p, start - c->at);
    c->p = pw_varint_put(c->p, end - start - 1);
    c->p = pw_varint_put(c->p, pw_zigzag((int64_t)label - (int64_t)c->last_label));
    c->at = (uint32_t)end;
    c->last_label = label;
}

static void put_value(struct coder *c, uint64_t value)
{
    c->p = pw_varint_put(c->p, value ^ c->last_value);
    c->last_value = value;
}

/* A row of the runs; with_values for strips of runs that have them. */
static void put_runs_row(struct coder *c, const struct pw_runs *runs, uint64_t row, int with_values)
{
    c->p = pw_varint_put(c->p, runs->row[row + 1] - runs->row[row]);
    c->at = 0;
    for (uint64_t i = runs->row[row]; i < runs->row[row + 1]; i++) {
        put_run(c, runs->run[i].start, runs->run[i].end, runs->label[i]);
        if (with_values)
            put_value(c, runs->value[i]);
    }
}

/* Whether the core's faces lie at the border of the volume: those without a neighbour, on axes longer than 1. */
static void find_border(const uint64_t core[3], const int has_neighbour[PW_FACES], int at_border[PW_FACES])
{
    for (int axis = Z; axis <= X; axis++) {
        int low = has_neighbour[PW_FACE(axis, 0)], high = has_neighbour[PW_FACE(axis, 1)];
        int is_flat = core[axis] == 1 && !low && !high; /* every voxel would touch both faces */
        at_border[PW_FACE(axis, 0)] = !low && !is_flat;
        at_border[PW_FACE(axis, 1)] = !high && !is_flat;
    }
}

size_t pw_record_scratch_bytes(uint64_t n_labels)
{
    return (size_t)n_labels * sizeof(struct pw_label_count);
}

static unsigned char *put_table(unsigned char *p, const struct pw_runs *runs, const struct pw_box *core,
                                const int has_neighbour[PW_FACES], struct pw_label_count *count, uint64_t *n_voxels)
{
    int at_border[PW_FACES];
    find_border(core->shape, has_neighbour, at_border);
    pw_label_facts_count(runs, core, at_border, count);
    *n_voxels = 0;
    for (uint64_t i = 0; i < runs->n_labels; i++)
        *n_voxels += count[i].voxels;
    return pw_table_encode(p, count, runs->n_labels);
}

static void put_word(unsigned char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_word(const unsigned char *in)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

static unsigned char *put_planes(unsigned char *p, unsigned char *index, const struct pw_runs *runs)
{
    unsigned char *start = p;
    for (uint64_t z = 0; z < runs->shape[Z]; z++) {
        struct coder c = {.p = p};
        put_word(index + 8 * z, (uint64_t)(p - start));
        for (uint64_t y = 0; y < runs->shape[Y]; y++)
            put_runs_row(&c, runs, z * runs->shape[Y] + y, 0);
        p = c.p;
    }
    put_word(index + 8 * runs->shape[Z], (uint64_t)(p - start));
    return p;
}

/* The run at the low or high end of row; UINT64_MAX when none reaches it. */
static uint64_t run_at_end(const struct pw_runs *runs, uint64_t row, int side)
{
    uint64_t first = runs->row[row], end = runs->row[row + 1];
    if (first == end)
        return UINT64_MAX;
    if (side == 0)
        return runs->run[first].start == 0 ? first : UINT64_MAX;
    return runs->run[end - 1].end == runs->shape[X] ? end - 1 : UINT64_MAX;
}

static uint32_t label_of(const struct pw_runs *runs, uint64_t run)
{
    return run == UINT64_MAX ? 0 : runs->label[run];
}

/* A row of an x face runs along y: its runs are made from the ends of the rows of plane z. */
static void put_x_face_row(struct coder *c, const struct pw_runs *runs, uint64_t z, int side)
{
    uint64_t height = runs->shape[Y], n = 0;
    uint32_t previous = 0;
    for (uint64_t y = 0; y < height; y++) {
        uint32_t label = label_of(runs, run_at_end(runs, z * height + y, side));
        n += label != 0 && label != previous;
        previous = label;
    }
    c->p = pw_varint_put(c->p, n);
    c->at = 0;
    for (uint64_t y = 0; n > 0 && y < height;) {
        uint64_t run = run_at_end(runs, z * height + y, side), end = y + 1;
        uint32_t label = label_of(runs, run);
        if (label == 0) {
            y++;
            continue;
        }
        while (end < height && label_of(runs, run_at_end(runs, z * height + end, side)) == label)
            end++;
        put_run(c, y, end, label);
        if (runs->value != NULL)
            put_value(c, runs->value[run]);
        y = end;
        n--;
    }
}

static unsigned char *put_strip(unsigned char *p, const struct pw_runs *runs, int face)
{
    int axis = face / 2, side = face % 2, with_values = runs->value != NULL;
    uint64_t depth = runs->shape[Z], height = runs->shape[Y];
    struct coder c = {.p = p};
    if (axis == Z)
        for (uint64_t y = 0; y < height; y++)
            put_runs_row(&c, runs, (side ? depth - 1 : 0) * height + y, with_values);
    else if (axis == Y)
        for (uint64_t z = 0; z < depth; z++)
            put_runs_row(&c, runs, z * height + (side ? height - 1 : 0), with_values);
    else
        for (uint64_t z = 0; z < depth; z++)
            put_x_face_row(&c, runs, z, side);
    return c.p;
}

static void put_header(unsigned char *out, const struct pw_record_header *h)
{
    const uint64_t word[] = {magic,    h->tile,   h->bytes, h->n_labels, h->n_runs,     h->n_voxels,
                             h->table, h->planes, h->runs,  h->checksum, h->with_values};
    size_t n = sizeof word / sizeof word[0];
    for (size_t i = 0; i < n; i++)
        put_word(out + 8 * i, word[i]);
    for (size_t f = 0; f <= PW_FACES; f++)
        put_word(out + 8 * (n + f), h->strip[f]);
    for (size_t i = 0; i < 3; i++) {
        put_word(out + 8 * (n + PW_FACES + 1 + i), h->rim[i]);
        put_word(out + 8 * (n + PW_FACES + 4 + i), h->shape[i]);
    }
    put_word(out + 8 * FLAGS_WORD, h->flags);
    put_word(out + 8 * CHECKSUM_WORD, pw_crc32c(0, out, 8 * CHECKSUM_WORD));
}

size_t pw_record_encode(uint64_t tile, const struct pw_runs *runs, const struct pw_runs *core, const uint64_t rim[3],
                        const int has_neighbour[PW_FACES], void *scratch, unsigned char *out)
{
    struct pw_box core_box = {{rim[Z], rim[Y], rim[X]}, {core->shape[Z], core->shape[Y], core->shape[X]}};
    struct pw_record_header h = {
        .tile = tile, .n_labels = runs->n_labels, .n_runs = runs->n_runs, .with_values = core->value != NULL};
    unsigned char *p = out + PW_RECORD_HEADER_BYTES;
    memcpy(h.rim, rim, sizeof h.rim);
    memcpy(h.shape, runs->shape, sizeof h.shape);
    h.table = h.planes = h.runs = PW_RECORD_HEADER_BYTES;
    if (runs->n_runs > 0) {
        p = put_table(p, runs, &core_box, has_neighbour, scratch, &h.n_voxels);
        h.planes = (uint64_t)(p - out);
        p += (runs->shape[Z] + 1) * sizeof(uint64_t);
        h.runs = (uint64_t)(p - out);
        p = put_planes(p, out + h.planes, runs);
    }
    for (int f = 0; f < PW_FACES; f++) {
        h.strip[f] = (uint64_t)(p - out);
        if (core->n_runs > 0 && has_neighbour[f])
            p = put_strip(p, core, f);
    }
    h.strip[PW_FACES] = (uint64_t)(p - out);
    h.bytes = (uint64_t)(p - out);
    h.checksum = pw_crc32c(0, out + PW_RECORD_HEADER_BYTES, (size_t)(p - out) - PW_RECORD_HEADER_BYTES);
    put_header(out, &h);
    return (size_t)(p - out);
}

size_t pw_record_encode_empty(uint64_t tile, const uint64_t shape[3], const uint64_t rim[3], unsigned flags,
                              unsigned char *out)
{
    struct pw_record_header h = {.tile = tile, .bytes = PW_RECORD_HEADER_BYTES, .flags = flags};
    memcpy(h.rim, rim, sizeof h.rim);
    memcpy(h.shape, shape, sizeof h.shape);
    h.table = h.planes = h.runs = PW_RECORD_HEADER_BYTES;
    for (int f = 0; f <= PW_FACES; f++)
        h.strip[f] = PW_RECORD_HEADER_BYTES;
    put_header(out, &h);
    return PW_RECORD_HEADER_BYTES;
}

/* ---- decoding ---------------------------------------------------------- */

enum pw_status pw_record_header_read(const unsigned char *bytes, struct pw_record_header *h, struct pw_error *error)
{
    uint64_t *const field[] = {&h->tile,  &h->bytes,  &h->n_labels, &h->n_runs,   &h->n_voxels,
                               &h->table, &h->planes, &h->runs,     &h->checksum, &h->with_values};
    size_t n = sizeof field / sizeof field[0];
    for (size_t i = 0; i < n; i++)
        *field[i] = get_word(bytes + 8 * (i + 1));
    for (size_t f = 0; f <= PW_FACES; f++)
        h->strip[f] = get_word(bytes + 8 * (n + 1 + f));
    for (size_t i = 0; i < 3; i++) {
        h->rim[i] = get_word(bytes + 8 * (n + PW_FACES + 2 + i));
        h->shape[i] = get_word(bytes + 8 * (n + PW_FACES + 5 + i));
    }
    h->flags = get_word(bytes + 8 * FLAGS_WORD);
    int ordered = h->table >= PW_RECORD_HEADER_BYTES && h->table <= h->planes && h->planes <= h->runs &&
                  h->runs <= h->strip[0] && h->strip[PW_FACES] == h->bytes;
    for (size_t f = 0; f < PW_FACES; f++)
        ordered &= h->strip[f] <= h->strip[f + 1];
    int intact = get_word(bytes + 8 * CHECKSUM_WORD) == pw_crc32c(0, bytes, 8 * CHECKSUM_WORD);
    if (get_word(bytes) != magic || !intact || !ordered || h->n_labels > UINT32_MAX)
        return pw_fail(error, PW_E_FORMAT, "stage log: the record of a tile is broken");
    return PW_OK;
}

struct pw_box pw_record_box(const struct pw_grid *grid, const struct pw_record_header *header)
{
    struct pw_box box = pw_grid_core(grid, header->tile);
    for (int i = 0; i < 3; i++) {
        box.start[i] -= pw_min_u64(header->rim[i], box.start[i]);
        box.shape[i] = header->shape[i];
    }
    return box;
}

int pw_record_is_intact(const unsigned char *record, const struct pw_record_header *header)
{
    return header->checksum ==
           pw_crc32c(0, record + PW_RECORD_HEADER_BYTES, (size_t)header->bytes - PW_RECORD_HEADER_BYTES);
}

static enum pw_status broken(struct pw_error *error, const char *what)
{
    return pw_fail(error, PW_E_FORMAT, "stage log: the %s of a tile cannot be read", what);
}

enum pw_status pw_strip_decode(const unsigned char *bytes, size_t n, int with_values, const uint64_t shape[3],
                               struct pw_runs *runs, struct pw_error *error)
{
    const unsigned char *p = bytes, *end = bytes + n;
    uint64_t used = 0, value = 0;
    int64_t label = 0;
    memcpy(runs->shape, shape, sizeof runs->shape);
    for (uint64_t r = 0; r < shape[Y]; r++) {
        uint64_t count = n == 0 ? 0 : pw_varint_get(&p, end), at = 0;
        runs->row[r] = used;
        if (p == NULL || count > runs->capacity - used)
            return broken(error, "strip");
        for (uint64_t i = 0; i < count; i++, used++) {
            uint64_t start = at + pw_varint_get(&p, end);
            uint64_t stop = start + pw_varint_get(&p, end) + 1;
            label += pw_unzigzag(pw_varint_get(&p, end));
            value ^= with_values ? pw_varint_get(&p, end) : 0;
            if (p == NULL || stop > shape[X] || label < 1 || label > UINT32_MAX)
                return broken(error, "strip");
            runs->run[used] = (struct pw_run){(uint32_t)start, (uint32_t)stop};
            runs->label[used] = (uint32_t)label;
            runs->value[used] = value;
            at = stop;
        }
    }
    runs->row[shape[Y]] = used;
    runs->n_runs = used;
    return PW_OK;
}

enum pw_status pw_plane_decode(const unsigned char *bytes, size_t n, uint64_t first, uint64_t count, uint32_t x0,
                               uint32_t x1, pw_take_run_fn take, void *context, struct pw_error *error)
{
    const unsigned char *p = bytes, *end = bytes + n;
    int64_t label = 0;
    for (uint64_t r = 0; r < first + count; r++) {
        uint64_t runs = pw_varint_get(&p, end), at = 0;
        for (uint64_t i = 0; i < runs && p != NULL; i++) {
            uint64_t start = at + pw_varint_get(&p, end);
            uint64_t stop = start + pw_varint_get(&p, end) + 1;
            label += pw_unzigzag(pw_varint_get(&p, end));
            at = stop;
            if (stop > UINT32_MAX || label < 1 || label > UINT32_MAX)
                return broken(error, "plane");
            if (r < first || start >= x1 || stop <= x0)
                continue;
            take(context, r, (uint32_t)start < x0 ? x0 : (uint32_t)start, (uint32_t)stop > x1 ? x1 : (uint32_t)stop,
                 (uint32_t)label);
        }
        if (p == NULL)
            return broken(error, "plane");
    }
    return PW_OK;
}
