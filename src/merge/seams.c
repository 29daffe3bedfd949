#include "merge/seams.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* Largest strip of the grid: rows and width over the three kinds of faces. */
struct strip_size {
    uint64_t rows, width, voxels, coded_bytes, line;
};

static void find_strip_size(const struct pw_grid *grid, struct strip_size *size)
{
    memset(size, 0, sizeof *size);
    for (int axis = 0; axis < 3; axis++) {
        uint64_t shape[3];
        if (grid->count[axis] == 1)
            continue; /* no seam along it */
        pw_strip_shape(grid->tile, PW_FACE(axis, 0), shape);
        size->rows = pw_max_u64(size->rows, shape[Y]);
        size->width = pw_max_u64(size->width, shape[X]);
        size->voxels = pw_max_u64(size->voxels, shape[Y] * shape[X]);
        /* A run takes at most three numbers of 5 bytes and a value of 10, a row one more number. */
        size->coded_bytes = pw_max_u64(size->coded_bytes, shape[Y] * shape[X] * 25 + shape[Y] * 5);
    }
    for (int axis = 0; axis < 3; axis++)
        size->line = pw_max_u64(size->line, grid->tile[axis]);
}

static uint64_t strip_bytes(const struct strip_size *size)
{
    return size->voxels * (sizeof(struct pw_run) + sizeof(uint64_t) + sizeof(uint32_t)) +
           (size->rows + 3) * sizeof(uint64_t);
}

uint64_t pw_seams_memory_bytes(const struct pw_grid *grid)
{
    struct strip_size size;
    find_strip_size(grid, &size);
    return 2 * strip_bytes(&size) + 2 * (size.line + 2) * sizeof(struct pw_line_voxel) + size.coded_bytes;
}

/* Lays the arrays of one strip out in memory from at on; 64-bit arrays first. */
static unsigned char *lay_out(struct pw_runs *runs, const struct strip_size *size, unsigned char *at)
{
    runs->row = (void *)at;
    at += (size->rows + 2) * sizeof(uint64_t);
    runs->value = (void *)at;
    at += size->voxels * sizeof(uint64_t);
    runs->run = (void *)at;
    at += size->voxels * sizeof(struct pw_run);
    runs->label = (void *)at;
    at += size->voxels * sizeof(uint32_t);
    runs->capacity = size->voxels;
    return at + (size->voxels % 2) * sizeof(uint32_t); /* keep what follows aligned */
}

enum pw_status pw_seams_init(struct pw_seams *seams, const struct pw_grid *grid, const struct pw_stage *stage,
                             struct pw_edge_file *edges, int connectivity, struct pw_error *error)
{
    struct strip_size size;
    find_strip_size(grid, &size);
    memset(seams, 0, sizeof *seams);
    seams->grid = grid;
    seams->stage = stage;
    seams->edges = edges;
    seams->connectivity = connectivity;
    enum pw_status status = pw_buffer_init(&seams->memory, pw_seams_memory_bytes(grid), "seam strips", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = lay_out(&seams->mine, &size, seams->memory.data);
    at = lay_out(&seams->theirs, &size, at);
    for (int i = 0; i < 2; i++) {
        seams->line[i] = (void *)at;
        at += (size.line + 2) * sizeof(struct pw_line_voxel);
    }
    seams->bytes = at;
    seams->bytes_capacity = size.coded_bytes;
    return PW_OK;
}

void pw_seams_release(struct pw_seams *seams)
{
    pw_buffer_release(&seams->memory);
}

void pw_seams_faces(const struct pw_grid *grid, uint64_t tile, int has_neighbour[PW_FACES])
{
    for (int axis = 0; axis < 3; axis++)
        for (int side = 0; side < 2; side++) {
            int offset[3] = {0, 0, 0};
            uint64_t neighbour;
            offset[axis] = side ? 1 : -1;
            has_neighbour[PW_FACE(axis, side)] = pw_grid_neighbour(grid, tile, offset, &neighbour);
        }
}

/* ---- strips ------------------------------------------------------------ */

static enum pw_status decode_own(const struct pw_seams *seams, const unsigned char *record,
                                 const struct pw_record_header *header, int face, struct pw_runs *out,
                                 struct pw_error *error)
{
    uint64_t shape[3];
    struct pw_box core = pw_grid_core(seams->grid, header->tile);
    pw_strip_shape(core.shape, face, shape);
    return pw_strip_decode(record + header->strip[face], (size_t)(header->strip[face + 1] - header->strip[face]),
                           header->with_values != 0, shape, out, error);
}

static enum pw_status read_theirs(struct pw_seams *seams, uint64_t tile, const struct pw_record_header *header,
                                  int face, struct pw_runs *out, struct pw_error *error)
{
    uint64_t shape[3], n = header->strip[face + 1] - header->strip[face];
    struct pw_box core = pw_grid_core(seams->grid, tile);
    if (n > seams->bytes_capacity)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: a strip of %llu bytes", (unsigned long long)tile,
                       (unsigned long long)n);
    enum pw_status status = pw_stage_read(seams->stage, tile, header->strip[face], seams->bytes, (size_t)n, error);
    if (status != PW_OK)
        return status;
    pw_strip_shape(core.shape, face, shape);
    return pw_strip_decode(seams->bytes, (size_t)n, header->with_values != 0, shape, out, error);
}

/* ---- matching ---------------------------------------------------------- */

struct pair {
    struct pw_seams *seams;
    uint32_t tile_mine, tile_theirs;
};

static enum pw_status add(const struct pair *pair, uint32_t mine, uint32_t theirs, struct pw_error *error)
{
    struct pw_edge edge = {pair->tile_mine, mine, pair->tile_theirs, theirs};
    return pw_edge_file_add(pair->seams->edges, &edge, error);
}

/* Run i of mine touches run j of theirs: one object, unless values keep them apart. */
static enum pw_status join_runs(const struct pair *pair, uint64_t i, uint64_t j, struct pw_error *error)
{
    const struct pw_runs *a = &pair->seams->mine, *b = &pair->seams->theirs;
    return a->value[i] == b->value[j] ? add(pair, a->label[i], b->label[j], error) : PW_OK;
}

/* Runs of row r of mine against row s of theirs that overlap when grown by reach along the row. */
static enum pw_status match_rows(const struct pair *pair, uint64_t r, uint64_t s, uint32_t reach,
                                 struct pw_error *error)
{
    const struct pw_runs *a = &pair->seams->mine, *b = &pair->seams->theirs;
    uint64_t i = a->row[r], i_end = a->row[r + 1], j = b->row[s], j_end = b->row[s + 1];
    while (i < i_end && j < j_end) {
        if ((uint64_t)a->run[i].end + reach <= b->run[j].start) {
            i++;
            continue;
        }
        if ((uint64_t)b->run[j].end + reach <= a->run[i].start) {
            j++;
            continue;
        }
        enum pw_status status = join_runs(pair, i, j, error);
        if (status != PW_OK)
            return status;
        if (a->run[i].end < b->run[j].end) {
            i++; /* ends before the other, so it cannot reach the other's next run */
            continue;
        }
        /* Both end together: the next of mine may still touch this one of theirs diagonally. */
        if (reach > 0 && i + 1 < i_end && a->run[i + 1].start < b->run[j].end + reach) {
            status = join_runs(pair, i + 1, j, error);
            if (status != PW_OK)
                return status;
        }
        j++;
    }
    return PW_OK;
}

/* Two faces that lie against each other.  A step across the seam uses up one axis of the connectivity. */
static enum pw_status match_faces(const struct pair *pair, struct pw_error *error)
{
    const struct pw_runs *a = &pair->seams->mine, *b = &pair->seams->theirs;
    int connectivity = pair->seams->connectivity;
    uint64_t rows = a->shape[Y];
    for (uint64_t r = 0; r < rows; r++) {
        if (a->row[r] == a->row[r + 1])
            continue;
        for (int d = -1; d <= 1; d++) {
            if ((d < 0 && r == 0) || (d > 0 && r + 1 == rows) || (d != 0 && connectivity < 2))
                continue;
            uint64_t s = d < 0 ? r - 1 : r + (uint64_t)d;
            int left = connectivity - 1 - (d != 0);
            if (b->row[s] == b->row[s + 1])
                continue;
            enum pw_status status = match_rows(pair, r, s, left > 0 ? 1 : 0, error);
            if (status != PW_OK)
                return status;
        }
    }
    return PW_OK;
}

static struct pw_line_voxel voxel_of(const struct pw_runs *runs, uint64_t i)
{
    return (struct pw_line_voxel){runs->value[i], runs->label[i]};
}

static struct pw_line_voxel voxel_at(const struct pw_runs *runs, uint64_t row, uint64_t x)
{
    for (uint64_t i = runs->row[row]; i < runs->row[row + 1] && runs->run[i].start <= x; i++)
        if (x < runs->run[i].end)
            return voxel_of(runs, i);
    return (struct pw_line_voxel){0, 0};
}

/*
 * The labels of a strip along the border that faces offset: of a face of face_axis, cut
 * at the side of the second axis that differs (and the third, for a corner).  Returns their number.
 */
static uint64_t take_line(const struct pw_runs *strip, int face_axis, const int offset[3], int sign,
                          struct pw_line_voxel *line)
{
    int row_axis = face_axis == Z ? Y : Z, x_axis = face_axis == X ? Y : X;
    uint64_t rows = strip->shape[Y], width = strip->shape[X];
    int row_side = offset[row_axis] * sign, x_side = offset[x_axis] * sign;
    uint64_t r0 = row_side > 0 ? rows - 1 : 0, r1 = row_side < 0 ? 1 : rows;
    uint64_t x0 = x_side > 0 ? width - 1 : 0, x1 = x_side < 0 ? 1 : width;
    uint64_t n = 0;
    for (uint64_t r = r0; r < r1; r++) {
        if (x1 - x0 == 1) {
            line[n++] = voxel_at(strip, r, x0);
            continue;
        }
        memset(line + n, 0, (size_t)(x1 - x0) * sizeof *line);
        for (uint64_t i = strip->row[r]; i < strip->row[r + 1]; i++)
            for (uint64_t x = strip->run[i].start; x < strip->run[i].end; x++)
                line[n + x] = voxel_of(strip, i);
        n += x1 - x0;
    }
    return n;
}

static enum pw_status match_lines(const struct pair *pair, uint64_t n, int reach, struct pw_error *error)
{
    const struct pw_line_voxel *a = pair->seams->line[0], *b = pair->seams->line[1];
    for (uint64_t i = 0; i < n; i++) {
        uint64_t from = reach && i > 0 ? i - 1 : i, to = reach && i + 1 < n ? i + 1 : i;
        for (uint64_t j = from; a[i].label != 0 && j <= to; j++)
            if (b[j].label != 0 && a[i].value == b[j].value) {
                enum pw_status status = add(pair, a[i].label, b[j].label, error);
                if (status != PW_OK)
                    return status;
            }
    }
    return PW_OK;
}

static enum pw_status match_neighbour(struct pw_seams *seams, const unsigned char *record,
                                      const struct pw_record_header *mine, uint64_t neighbour, const int offset[3],
                                      struct pw_error *error)
{
    struct pw_record_header theirs;
    struct pair pair = {seams, (uint32_t)mine->tile, (uint32_t)neighbour};
    int axes = 0, face_axis = -1;
    for (int i = 2; i >= 0; i--)
        if (offset[i] != 0) {
            axes++;
            face_axis = i;
        }
    int high = offset[face_axis] > 0;
    enum pw_status status = pw_stage_read_header(seams->stage, neighbour, &theirs, error);
    if (status != PW_OK || theirs.n_labels == 0)
        return status;
    status = decode_own(seams, record, mine, PW_FACE(face_axis, high), &seams->mine, error);
    if (status != PW_OK || seams->mine.n_runs == 0)
        return status;
    status = read_theirs(seams, neighbour, &theirs, PW_FACE(face_axis, !high), &seams->theirs, error);
    if (status != PW_OK || seams->theirs.n_runs == 0)
        return status;
    if (axes == 1)
        return match_faces(&pair, error);
    uint64_t n = take_line(&seams->mine, face_axis, offset, 1, seams->line[0]);
    (void)take_line(&seams->theirs, face_axis, offset, -1, seams->line[1]);
    return match_lines(&pair, n, axes < seams->connectivity, error);
}

enum pw_status pw_seams_match(struct pw_seams *seams, const unsigned char *record, struct pw_error *error)
{
    struct pw_record_header header;
    enum pw_status status = pw_record_header_read(record, &header, error);
    if (status != PW_OK || header.n_labels == 0)
        return status;
    for (int i = 0; i < 27 && status == PW_OK; i++) {
        const int offset[3] = {i / 9 - 1, i / 3 % 3 - 1, i % 3 - 1};
        int axes = (offset[0] != 0) + (offset[1] != 0) + (offset[2] != 0);
        uint64_t neighbour;
        if (axes == 0 || axes > seams->connectivity ||
            !pw_grid_neighbour(seams->grid, header.tile, offset, &neighbour) || !pw_stage_has(seams->stage, neighbour))
            continue;
        status = match_neighbour(seams, record, &header, neighbour, offset, error);
    }
    return status;
}
