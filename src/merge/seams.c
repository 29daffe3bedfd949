#include "merge/seams.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/seam.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* ---- buffers ----------------------------------------------------------- */

/* What the buffers have to hold. */
struct sizes {
    uint64_t rows, voxels; /* of a strip or a plane of an overlap */
    uint64_t coded_bytes;  /* of the same, as stored */
    uint64_t line;
    uint32_t contacts;
};

/* The largest strip over the three kinds of faces. */
static void size_strips(const struct pw_grid *grid, struct sizes *size)
{
    for (int axis = 0; axis < 3; axis++) {
        uint64_t shape[3];
        if (grid->count[axis] == 1)
            continue; /* no seam along it */
        pw_strip_shape(grid->tile, PW_FACE(axis, 0), shape);
        size->rows = pw_max_u64(size->rows, shape[Y]);
        size->voxels = pw_max_u64(size->voxels, shape[Y] * shape[X]);
        /* A run takes at most three numbers of 5 bytes and a value of 10, a row one more number. */
        size->coded_bytes = pw_max_u64(size->coded_bytes, shape[Y] * shape[X] * 25 + shape[Y] * 5);
    }
    for (int axis = 0; axis < 3; axis++)
        size->line = pw_max_u64(size->line, grid->tile[axis]);
}

static void size_buffers(const struct pw_grid *grid, const struct pw_record_limits *limits, const struct pw_rule *rule,
                         struct sizes *size)
{
    enum pw_rule_family family = pw_rule_family(rule);
    struct pw_overlap_size overlap;
    memset(size, 0, sizeof *size);
    if (grid->n_tiles == 1)
        return;
    if (family != PW_FAMILY_OVERLAP) {
        size_strips(grid, size);
        size->contacts = family == PW_FAMILY_FACE ? pw_contacts_capacity(size->voxels) : 0;
        return;
    }
    pw_overlap_size(grid, &overlap);
    size->rows = overlap.rows;
    size->voxels = overlap.plane_voxels;
    size->coded_bytes = pw_record_plane_bytes_max(limits);
    size->contacts = pw_contacts_capacity(overlap.voxels);
}

static uint64_t runs_bytes(const struct sizes *size)
{
    return (size->voxels + 1) * (sizeof(struct pw_run) + sizeof(uint64_t) + sizeof(uint32_t)) +
           (size->rows + 3) * sizeof(uint64_t);
}

static uint64_t buffer_bytes(const struct sizes *size)
{
    return 2 * runs_bytes(size) + 2 * (size->line + 2) * sizeof(struct pw_line_voxel) + size->coded_bytes;
}

uint64_t pw_seams_memory_bytes(const struct pw_grid *grid, const struct pw_record_limits *limits,
                               const struct pw_rule *rule)
{
    struct sizes size;
    size_buffers(grid, limits, rule, &size);
    return buffer_bytes(&size) + (size.contacts > 0 ? pw_contacts_memory_bytes(size.contacts) : 0);
}

/* Lays the arrays of runs out in memory from at on; 64-bit arrays first. */
static unsigned char *lay_out(struct pw_runs *runs, const struct sizes *size, unsigned char *at)
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

enum pw_status pw_seams_init(struct pw_seams *seams, const struct pw_grid *grid, const struct pw_record_limits *limits,
                             const struct pw_stage *stage, const struct pw_rule *rule, struct pw_edge_file *edges,
                             struct pw_error *error)
{
    struct sizes size;
    size_buffers(grid, limits, rule, &size);
    memset(seams, 0, sizeof *seams);
    seams->grid = grid;
    seams->stage = stage;
    seams->rule = rule;
    seams->edges = edges;
    enum pw_status status = pw_buffer_init(&seams->memory, buffer_bytes(&size), "seams", error);
    if (status == PW_OK && size.contacts > 0)
        status = pw_contacts_init(&seams->contacts, size.contacts, error);
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
    pw_contacts_release(&seams->contacts);
    memset(seams, 0, sizeof *seams);
}

/* ---- strips ------------------------------------------------------------ */

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

enum pw_status pw_seam_strip(struct pw_seam *seam, const struct pw_seam_side *side, int face, struct pw_runs *runs,
                             struct pw_error *error)
{
    struct pw_seams *seams = seam->seams;
    uint64_t shape[3], at = side->header.strip[face], n = side->header.strip[face + 1] - at;
    struct pw_box core = pw_grid_core(seams->grid, side->tile);
    const unsigned char *bytes = side->record != NULL ? side->record + at : seams->bytes;
    if (side->record == NULL) {
        if (n > seams->bytes_capacity)
            return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: a strip of %llu bytes",
                           (unsigned long long)side->tile, (unsigned long long)n);
        enum pw_status status = pw_stage_read(seams->stage, side->tile, at, seams->bytes, (size_t)n, error);
        if (status != PW_OK)
            return status;
    }
    pw_strip_shape(core.shape, face, shape);
    return pw_strip_decode(bytes, (size_t)n, side->header.with_values != 0, shape, runs, error);
}

/* ---- matching ---------------------------------------------------------- */

static enum pw_status match_seam(struct pw_seam *seam, struct pw_error *error)
{
    enum pw_status status = pw_stage_read_header(seam->seams->stage, seam->theirs.tile, &seam->theirs.header, error);
    if (status != PW_OK || seam->theirs.header.n_labels == 0)
        return status;
    switch (pw_rule_family(seam->seams->rule)) {
    case PW_FAMILY_FACE: return pw_seam_face(seam, error);
    case PW_FAMILY_OVERLAP: return pw_seam_overlap(seam, error);
    case PW_FAMILY_TOUCH: break;
    }
    return pw_seam_touch(seam, error);
}

/* Tiles meet along how many axes they differ in: faces 1, edges 2, corners 3. */
static int most_axes(const struct pw_rule *rule)
{
    switch (pw_rule_family(rule)) {
    case PW_FAMILY_FACE: return 1;
    case PW_FAMILY_OVERLAP: return 3;
    case PW_FAMILY_TOUCH: break;
    }
    return rule->connectivity;
}

enum pw_status pw_seams_match(struct pw_seams *seams, const unsigned char *record, struct pw_error *error)
{
    struct pw_seam seam = {.seams = seams, .mine.record = record};
    enum pw_status status = pw_record_header_read(record, &seam.mine.header, error);
    if (status != PW_OK || seam.mine.header.n_labels == 0)
        return status;
    seam.mine.tile = seam.mine.header.tile;
    for (int i = 0; i < 27 && status == PW_OK; i++) {
        const int offset[3] = {i / 9 - 1, i / 3 % 3 - 1, i % 3 - 1};
        seam.axes = (offset[0] != 0) + (offset[1] != 0) + (offset[2] != 0);
        if (seam.axes == 0 || seam.axes > most_axes(seams->rule) ||
            !pw_grid_neighbour(seams->grid, seam.mine.tile, offset, &seam.theirs.tile) ||
            !pw_stage_has(seams->stage, seam.theirs.tile) || seams->stage->entry[seam.theirs.tile].n_labels == 0)
            continue;
        memcpy(seam.offset, offset, sizeof seam.offset);
        seam.face_axis = offset[Z] != 0 ? Z : offset[Y] != 0 ? Y : X;
        status = match_seam(&seam, error);
    }
    return status;
}
