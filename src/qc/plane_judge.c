#include "qc/plane_judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

/* ---- buffers ----------------------------------------------------------- */

/* Voxels of the largest face that lies at a seam. */
static uint64_t face_voxels(const struct pw_grid *grid)
{
    uint64_t most = 1;
    for (int axis = 0; axis < 3; axis++)
        if (grid->count[axis] > 1)
            most = pw_max_u64(most, grid->tile[0] * grid->tile[1] * grid->tile[2] / grid->tile[axis]);
    return most;
}

static uint64_t layer_bytes(uint64_t voxels)
{
    return (voxels + 2) * (2 * sizeof(uint64_t) + sizeof(struct pw_run) + 2 * sizeof(uint32_t));
}

/* As many labels as voxels, 8 bytes each; a run as stored takes at most three numbers of 5 bytes and one of 10. */
static uint64_t buffer_bytes(uint64_t voxels)
{
    return 2 * layer_bytes(voxels) + 2 * voxels * sizeof(uint64_t) + 30 * voxels;
}

uint64_t pw_plane_judge_memory_bytes(const struct pw_grid *grid)
{
    uint64_t voxels = face_voxels(grid);
    return buffer_bytes(voxels) + pw_contacts_memory_bytes(pw_contacts_capacity(voxels));
}

/* A row may be one voxel: there are as many rows as voxels then. */
static unsigned char *lay_out(struct pw_runs *runs, uint64_t voxels, unsigned char *at)
{
    unsigned char *end = at + layer_bytes(voxels);
    runs->row = (void *)at;
    at += (voxels + 2) * sizeof *runs->row;
    runs->value = (void *)at;
    at += voxels * sizeof *runs->value;
    runs->run = (void *)at;
    at += voxels * sizeof *runs->run;
    runs->label = (void *)at;
    runs->capacity = voxels;
    return end;
}

enum pw_status pw_plane_judge_init(struct pw_plane_judge *judge, const struct pw_grid *grid, struct pw_error *error)
{
    uint64_t voxels = face_voxels(grid);
    memset(judge, 0, sizeof *judge);
    enum pw_status status = pw_buffer_init(&judge->memory, buffer_bytes(voxels), "planes", error);
    if (status != PW_OK)
        return status;
    unsigned char *at = lay_out(&judge->low, voxels, judge->memory.data);
    at = lay_out(&judge->high, voxels, at);
    for (int side = 0; side < 2; side++) {
        judge->object[side] = (void *)at;
        at += voxels * sizeof *judge->object[side];
    }
    judge->bytes = at;
    judge->bytes_capacity = 30 * voxels;
    return pw_contacts_init(&judge->contacts, pw_contacts_capacity(voxels), error);
}

void pw_plane_judge_release(struct pw_plane_judge *judge)
{
    pw_buffer_release(&judge->memory);
    pw_contacts_release(&judge->contacts);
    memset(judge, 0, sizeof *judge);
}

/* ---- layers ------------------------------------------------------------ */

struct collector {
    struct pw_runs *runs;
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
    if (c->runs->n_runs == c->runs->capacity) {
        c->full = 1;
        return;
    }
    begin_rows(c, row);
    c->runs->run[c->runs->n_runs] = (struct pw_run){start, end};
    c->runs->label[c->runs->n_runs++] = label;
}

enum pw_status pw_plane_take_layer(const struct pw_record_reader *reader, const struct pw_box *layer,
                                   struct pw_runs *runs, struct pw_error *error)
{
    struct collector c = {.runs = runs};
    runs->n_runs = 0;
    runs->row[0] = 0;
    enum pw_status status = pw_record_reader_visit(reader, layer, collect, &c, error);
    if (status == PW_OK && c.full)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: more runs in a layer than voxels",
                       (unsigned long long)reader->header.tile);
    runs->shape[0] = 1;
    runs->shape[1] = layer->shape[0] * layer->shape[1];
    runs->shape[2] = layer->shape[2];
    begin_rows(&c, runs->shape[1]);
    return status;
}

enum pw_status pw_plane_take_face(struct pw_plane_judge *judge, const struct pw_grid *grid,
                                  const struct pw_stage *stage, uint64_t tile, int face, struct pw_runs *runs,
                                  struct pw_error *error)
{
    struct pw_record_header header;
    struct pw_box core = pw_grid_core(grid, tile);
    enum pw_status status = pw_stage_read_header(stage, tile, &header, error);
    if (status != PW_OK)
        return status;
    pw_strip_shape(core.shape, face, runs->shape);
    if (header.n_labels == 0) {
        runs->n_runs = 0;
        memset(runs->row, 0, (runs->shape[1] + 1) * sizeof *runs->row);
        return PW_OK;
    }
    uint64_t n = header.strip[face + 1] - header.strip[face];
    if (n > judge->bytes_capacity)
        return pw_fail(error, PW_E_FORMAT, "stage log: tile %llu: a strip of %llu bytes", (unsigned long long)tile,
                       (unsigned long long)n);
    status = pw_stage_read(stage, tile, header.strip[face], judge->bytes, (size_t)n, error);
    if (status != PW_OK)
        return status;
    return pw_strip_decode(judge->bytes, (size_t)n, header.with_values != 0, runs->shape, runs, error);
}

/* ---- figures ----------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The objects of each side's labels, sorted; and what pairs have in common. */
static void collect_contacts(struct pw_plane_judge *judge, const uint64_t *low_id, const uint64_t *high_id,
                             uint64_t n[2], struct pw_plane_figures *f)
{
    const struct pw_contacts *contacts = &judge->contacts;
    n[0] = n[1] = 0;
    for (uint32_t i = 0; i < contacts->n; i++) {
        const struct pw_contact *c = &contacts->contact[i];
        uint64_t a = c->mine != 0 ? low_id[c->mine - 1] : 0, b = c->theirs != 0 ? high_id[c->theirs - 1] : 0;
        if (c->theirs == 0 || c->mine == 0) {
            f->voxels_either += c->n;
            if (a != 0)
                judge->object[0][n[0]++] = a;
            if (b != 0)
                judge->object[1][n[1]++] = b;
            continue;
        }
        f->voxels_both += c->n;
        f->n_contacts++;
        if (a == 0 || a != b)
            continue;
        uint64_t sizes = (uint64_t)pw_contacts_size(contacts, c->mine, 0) + pw_contacts_size(contacts, 0, c->theirs);
        f->n_joined++;
        f->agreement_sum += (double)c->n / (double)(sizes - c->n);
    }
    f->voxels_either -= f->voxels_both;
    for (int side = 0; side < 2; side++)
        qsort(judge->object[side], (size_t)n[side], sizeof *judge->object[side], by_value);
}

/* How often the sorted list has object from *at on, which is moved behind it. */
static uint64_t take_object(const uint64_t *list, uint64_t n, uint64_t *at, uint64_t object)
{
    uint64_t first = *at;
    while (*at < n && list[*at] == object)
        ++*at;
    return *at - first;
}

static void count_objects(const struct pw_plane_judge *judge, const uint64_t n[2], struct pw_plane_figures *f)
{
    const uint64_t *low = judge->object[0], *high = judge->object[1];
    uint64_t i = 0, j = 0;
    while (i < n[0] || j < n[1]) {
        uint64_t object = i == n[0] ? high[j] : j == n[1] ? low[i] : pw_min_u64(low[i], high[j]);
        uint64_t here = take_object(low, n[0], &i, object), there = take_object(high, n[1], &j, object);
        int crosses = here > 0 && there > 0;
        f->n_objects++;
        f->n_cut += !crosses;
        f->n_labels += here + there;
        f->n_matched += crosses ? here + there : 0;
        f->n_fused += (here > 1 ? here : 0) + (there > 1 ? there : 0);
    }
}

enum pw_status pw_plane_judge(struct pw_plane_judge *judge, const uint64_t *low_id, const uint64_t *high_id,
                              struct pw_plane_figures *figures, struct pw_error *error)
{
    uint64_t n[2];
    memset(figures, 0, sizeof *figures);
    figures->n_planes = 1;
    pw_contacts_clear(&judge->contacts);
    pw_contacts_add_plane(&judge->contacts, &judge->low, &judge->high, judge->low.shape[1]);
    if (judge->contacts.overflowed)
        return pw_fail(error, PW_E_BUDGET, "more than %u pairs of labels meet at a plane, more than are planned for",
                       judge->contacts.capacity / 3);
    collect_contacts(judge, low_id, high_id, n, figures);
    count_objects(judge, n, figures);
    return PW_OK;
}

void pw_plane_figures_add(struct pw_plane_figures *sum, const struct pw_plane_figures *figures)
{
    sum->n_planes += figures->n_planes;
    sum->n_labels += figures->n_labels;
    sum->n_matched += figures->n_matched;
    sum->n_fused += figures->n_fused;
    sum->n_contacts += figures->n_contacts;
    sum->n_joined += figures->n_joined;
    sum->agreement_sum += figures->agreement_sum;
    sum->voxels_both += figures->voxels_both;
    sum->voxels_either += figures->voxels_either;
    sum->n_objects += figures->n_objects;
    sum->n_cut += figures->n_cut;
}

void pw_overlap_figures_add(struct pw_overlap_figures *sum, const struct pw_overlap_figures *figures)
{
    sum->n_overlaps += figures->n_overlaps;
    sum->n_labels += figures->n_labels;
    sum->n_matched += figures->n_matched;
    sum->agreement_sum += figures->agreement_sum;
    sum->voxels_both += figures->voxels_both;
    sum->voxels_either += figures->voxels_either;
}
