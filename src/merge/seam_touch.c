/*
 * The touch rule: two labels are one object when some voxel of one is adjacent, under the
 * connectivity, to some voxel of the other.  Connectivity 1 joins across faces; 2 and 3 also
 * diagonally across faces, and across the edges and corners where tiles meet only diagonally.
 */
#include <string.h>

#include "merge/seam.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

static enum pw_status add(const struct pw_seam *seam, uint32_t mine, uint32_t theirs, struct pw_error *error)
{
    struct pw_edge edge = {
        .tile_a = (uint32_t)seam->mine.tile, .label_a = mine, .tile_b = (uint32_t)seam->theirs.tile, .label_b = theirs};
    return pw_edge_file_add(seam->seams->edges, &edge, error);
}

/* Run i of mine touches run j of theirs: one object, unless values keep them apart. */
static enum pw_status join_runs(const struct pw_seam *seam, uint64_t i, uint64_t j, struct pw_error *error)
{
    const struct pw_runs *a = &seam->seams->mine, *b = &seam->seams->theirs;
    return a->value[i] == b->value[j] ? add(seam, a->label[i], b->label[j], error) : PW_OK;
}

/* Runs of row r of mine against row s of theirs that overlap when grown by reach along the row. */
static enum pw_status match_rows(const struct pw_seam *seam, uint64_t r, uint64_t s, uint32_t reach,
                                 struct pw_error *error)
{
    const struct pw_runs *a = &seam->seams->mine, *b = &seam->seams->theirs;
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
        enum pw_status status = join_runs(seam, i, j, error);
        if (status != PW_OK)
            return status;
        if (a->run[i].end < b->run[j].end) {
            i++; /* ends before the other, so it cannot reach the other's next run */
            continue;
        }
        /* Both end together: the next of mine may still touch this one of theirs diagonally. */
        if (reach > 0 && i + 1 < i_end && a->run[i + 1].start < b->run[j].end + reach) {
            status = join_runs(seam, i + 1, j, error);
            if (status != PW_OK)
                return status;
        }
        j++;
    }
    return PW_OK;
}

/* Two faces that lie against each other.  A step across the seam uses up one axis of the connectivity. */
static enum pw_status match_faces(const struct pw_seam *seam, struct pw_error *error)
{
    const struct pw_runs *a = &seam->seams->mine, *b = &seam->seams->theirs;
    int connectivity = seam->seams->rule->connectivity;
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
            enum pw_status status = match_rows(seam, r, s, left > 0 ? 1 : 0, error);
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

static enum pw_status match_lines(const struct pw_seam *seam, uint64_t n, int reach, struct pw_error *error)
{
    const struct pw_line_voxel *a = seam->seams->line[0], *b = seam->seams->line[1];
    for (uint64_t i = 0; i < n; i++) {
        uint64_t from = reach && i > 0 ? i - 1 : i, to = reach && i + 1 < n ? i + 1 : i;
        for (uint64_t j = from; a[i].label != 0 && j <= to; j++)
            if (b[j].label != 0 && a[i].value == b[j].value) {
                enum pw_status status = add(seam, a[i].label, b[j].label, error);
                if (status != PW_OK)
                    return status;
            }
    }
    return PW_OK;
}

enum pw_status pw_seam_touch(struct pw_seam *seam, struct pw_error *error)
{
    struct pw_seams *seams = seam->seams;
    int high = seam->offset[seam->face_axis] > 0;
    enum pw_status status = pw_seam_strip(seam, &seam->mine, PW_FACE(seam->face_axis, high), &seams->mine, error);
    if (status != PW_OK || seams->mine.n_runs == 0)
        return status;
    status = pw_seam_strip(seam, &seam->theirs, PW_FACE(seam->face_axis, !high), &seams->theirs, error);
    if (status != PW_OK || seams->theirs.n_runs == 0)
        return status;
    if (seam->axes == 1)
        return match_faces(seam, error);
    uint64_t n = take_line(&seams->mine, seam->face_axis, seam->offset, 1, seams->line[0]);
    (void)take_line(&seams->theirs, seam->face_axis, seam->offset, -1, seams->line[1]);
    return match_lines(seam, n, seam->axes < seams->rule->connectivity, error);
}
