/*
 * The candidates of overlap and witness: in the box that two windows have in common, less the rims of context, how
 * many voxels two labels share and how many each has.  Plane by plane, both sides' runs of the box side by side.
 */
#include <endian.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/seam.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

void pw_overlap_size(const struct pw_grid *grid, struct pw_overlap_size *size)
{
    uint64_t window[3];
    pw_grid_window_max(grid, window);
    memset(size, 0, sizeof *size);
    for (int i = 1; i < 8; i++) { /* axes along which the two tiles differ */
        uint64_t shape[3];
        for (int a = 0; a < 3; a++)
            shape[a] = i >> a & 1 ? (grid->count[a] > 1 ? 2 * grid->halo[a] : 0) : window[a];
        for (int a = 0; a < 3; a++)
            shape[a] = pw_min_u64(shape[a], window[a]);
        size->voxels = pw_max_u64(size->voxels, shape[Z] * shape[Y] * shape[X]);
        if (shape[Z] == 0)
            continue;
        size->rows = pw_max_u64(size->rows, shape[Y]);
        size->plane_voxels = pw_max_u64(size->plane_voxels, shape[Y] * shape[X]);
    }
}

/* Takes the runs of one plane of a side, cut to the box, into runs. */
struct collector {
    struct pw_runs *runs;
    uint64_t first_row; /* of the box, in rows of the record's plane */
    uint32_t x0;
    uint64_t row; /* begun last */
    int full;
};

static void begin_rows(struct collector *c, uint64_t row)
{
    while (c->row < row)
        c->runs->row[++c->row] = c->runs->n_runs;
}

static void collect(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    struct collector *c = context;
    struct pw_runs *runs = c->runs;
    if (runs->n_runs == runs->capacity) {
        c->full = 1;
        return;
    }
    begin_rows(c, row - c->first_row);
    runs->run[runs->n_runs] = (struct pw_run){start - c->x0, end - c->x0};
    runs->label[runs->n_runs++] = label;
}

/* The stored bytes of plane z of a side's record: where they are in memory, and how many. */
static enum pw_status plane_bytes(struct pw_seam *seam, const struct pw_seam_side *side, uint64_t z,
                                  const unsigned char **bytes, size_t *n, struct pw_error *error)
{
    struct pw_seams *seams = seam->seams;
    uint64_t bound[2], index = side->header.planes + z * sizeof(uint64_t);
    enum pw_status status = PW_OK;
    if (side->record != NULL)
        memcpy(bound, side->record + index, sizeof bound);
    else
        status = pw_stage_read(seams->stage, side->tile, index, bound, sizeof bound, error);
    if (status != PW_OK)
        return status;
    uint64_t from = le64toh(bound[0]), to = le64toh(bound[1]);
    if (from > to || to > side->header.strip[0] - side->header.runs)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: plane %llu is not in the record",
                       (unsigned long long)side->tile, (unsigned long long)z);
    *n = (size_t)(to - from);
    *bytes = side->record != NULL ? side->record + side->header.runs + from : seams->bytes;
    if (side->record != NULL)
        return PW_OK;
    if (*n > seams->bytes_capacity)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: a plane of %llu bytes",
                       (unsigned long long)side->tile, (unsigned long long)*n);
    return pw_stage_read(seams->stage, side->tile, side->header.runs + from, seams->bytes, *n, error);
}

/* Plane z (of the volume) of box, as a side has it, into runs. */
static enum pw_status decode_plane(struct pw_seam *seam, const struct pw_seam_side *side, const struct pw_box *box,
                                   uint64_t z, struct pw_runs *runs, struct pw_error *error)
{
    struct pw_box own = pw_record_box(seam->seams->grid, &side->header);
    struct collector c = {.runs = runs, .first_row = box->start[Y] - own.start[Y]};
    const unsigned char *bytes = NULL;
    size_t n = 0;
    enum pw_status status = plane_bytes(seam, side, z - own.start[Z], &bytes, &n, error);
    if (status != PW_OK)
        return status;
    c.x0 = (uint32_t)(box->start[X] - own.start[X]);
    runs->n_runs = 0;
    runs->row[0] = 0;
    status =
        pw_plane_decode(bytes, n, c.first_row, box->shape[Y], c.x0, c.x0 + (uint32_t)box->shape[X], collect, &c, error);
    if (status == PW_OK && c.full)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: more runs in a plane than voxels",
                       (unsigned long long)side->tile);
    begin_rows(&c, box->shape[Y]);
    return status;
}

enum pw_status pw_seam_count_overlap(struct pw_seam *seam, struct pw_error *error)
{
    struct pw_seams *seams = seam->seams;
    struct pw_box mine = pw_grid_reach(seams->grid, seam->mine.tile, seams->rule->context);
    struct pw_box theirs = pw_grid_reach(seams->grid, seam->theirs.tile, seams->rule->context);
    struct pw_box box = pw_box_intersect(&mine, &theirs);
    enum pw_status status = PW_OK;
    pw_contacts_clear(&seams->contacts);
    if (pw_box_voxels(&box) == 0)
        return PW_OK;
    for (uint64_t z = box.start[Z]; z < box.start[Z] + box.shape[Z] && status == PW_OK; z++) {
        status = decode_plane(seam, &seam->mine, &box, z, &seams->mine, error);
        if (status == PW_OK)
            status = decode_plane(seam, &seam->theirs, &box, z, &seams->theirs, error);
        if (status == PW_OK)
            pw_contacts_add_plane(&seams->contacts, &seams->mine, &seams->theirs, box.shape[Y]);
    }
    return status;
}

enum pw_status pw_seam_overlap(struct pw_seam *seam, struct pw_error *error)
{
    struct pw_seams *seams = seam->seams;
    enum pw_status status = pw_seam_count_overlap(seam, error);
    return status != PW_OK ? status
                           : pw_contacts_log(&seams->contacts, (uint32_t)seam->mine.tile, (uint32_t)seam->theirs.tile,
                                             seams->edges, error);
}
