#include "merge/witness.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "ext/sorter.h"
#include "merge/label_extent.h"
#include "merge/record_reader.h"

/*
 * A label that other tiles may know of, as it goes through the sorter: objects with their labels in order.
 */
struct member {
    uint64_t object, label;
    uint64_t core_voxels;
    uint64_t is_whole; /* touches no artificial face of its tile's box */
    uint64_t tile;
};

enum {
    MEMBER_WORDS = sizeof(struct member) / sizeof(uint64_t),
    EXTENT_WORDS = 7 /* object, then low and high in the volume */
};

struct choice {
    const struct pw_grid *grid;
    const struct pw_stage *stage;
    const struct pw_rule *rule;
    const struct pw_id_map *map;
    struct pw_record_reader reader;
    struct pw_sorter members; /* by object and label */
    struct pw_sorter extents; /* by object: the bounding box of all its labels */
    struct pw_sorter owned;   /* by label: its owner; private labels are left out */

    /* of the tile at hand */
    struct pw_label_extent *extent; /* in its box */
    struct pw_label_fact *fact;
    uint64_t *object;
};

static uint64_t label_bytes(void)
{
    return sizeof(struct pw_label_extent) + sizeof(struct pw_label_fact) + sizeof(uint64_t);
}

uint64_t pw_witness_memory_bytes(const struct pw_record_limits *limits)
{
    return pw_record_bytes_max(limits) + pw_record_labels_max(limits) * label_bytes();
}

void pw_owners_release(struct pw_owners *owners)
{
    if (owners->offset == NULL)
        return;
    pw_scratch_close(&owners->file);
    owners->offset = NULL;
}

enum pw_status pw_owners_read(const struct pw_owners *owners, uint64_t tile, uint64_t *owner, uint64_t n,
                              struct pw_error *error)
{
    return pw_file_read_exactly(owners->file.fd, owner, (size_t)n * sizeof *owner, owners->offset[tile] * sizeof *owner,
                                owners->file.name, error);
}

/* ---- the labels of a tile ---------------------------------------------- */

static enum pw_status read_tile(struct choice *c, uint64_t tile, struct pw_error *error)
{
    enum pw_status status = pw_record_reader_load(&c->reader, tile, error);
    const struct pw_record_header *header = &c->reader.header;
    if (status != PW_OK)
        return status;
    status = pw_table_decode(c->reader.record + header->table, (size_t)(header->planes - header->table),
                             header->n_labels, c->fact, error);
    if (status == PW_OK)
        status = pw_id_map_read(c->map, tile, c->object, header->n_labels, error);
    return status == PW_OK ? pw_label_extents(&c->reader, &c->reader.box, c->extent, error) : status;
}

/* How far into the core of tile its neighbours see, at each face, and which faces of its box are artificial. */
struct margins {
    uint64_t low[3], high[3]; /* the part of the box that no neighbour sees: [low, high) */
    int low_is_artificial[3], high_is_artificial[3];
};

static void find_margins(const struct choice *c, uint64_t tile, struct margins *m)
{
    const struct pw_grid *grid = c->grid;
    struct pw_box core = pw_grid_core(grid, tile), box = c->reader.box;
    for (int i = 0; i < 3; i++) {
        uint64_t rim = core.start[i] - box.start[i], reach = grid->halo[i];
        m->low_is_artificial[i] = !pw_grid_is_low_border(grid, i, box.start[i]);
        m->high_is_artificial[i] = !pw_grid_is_high_border(grid, i, box.start[i] + box.shape[i]);
        m->low[i] = pw_grid_is_low_border(grid, i, core.start[i]) ? 0 : rim + reach;
        m->high[i] = box.shape[i];
        if (!pw_grid_is_high_border(grid, i, core.start[i] + core.shape[i]))
            m->high[i] = core.shape[i] > reach ? rim + core.shape[i] - reach : 0;
    }
}

static int is_private(const struct pw_label_extent *e, const struct margins *m)
{
    for (int i = 0; i < 3; i++)
        if (e->low[i] < m->low[i] || e->high[i] > m->high[i])
            return 0;
    return 1;
}

static int is_whole(const struct pw_label_extent *e, const struct margins *m, const struct pw_box *box)
{
    for (int i = 0; i < 3; i++)
        if ((m->low_is_artificial[i] && e->low[i] == 0) || (m->high_is_artificial[i] && e->high[i] == box->shape[i]))
            return 0;
    return 1;
}

static enum pw_status add_tile(struct choice *c, uint64_t tile, struct pw_error *error)
{
    struct margins margins;
    enum pw_status status = read_tile(c, tile, error);
    if (status != PW_OK)
        return status;
    const struct pw_box *box = &c->reader.box;
    find_margins(c, tile, &margins);
    for (uint64_t i = 0; i < c->reader.header.n_labels && status == PW_OK; i++) {
        const struct pw_label_extent *e = &c->extent[i];
        if (is_private(e, &margins) || c->object[i] == 0)
            continue;
        uint64_t extent[EXTENT_WORDS] = {c->object[i]};
        for (int a = 0; a < 3; a++) {
            extent[1 + a] = box->start[a] + e->low[a];
            extent[4 + a] = box->start[a] + e->high[a];
        }
        struct member member = {c->object[i], c->map->offset[tile] + i, c->fact[i].voxels,
                                (uint64_t)is_whole(e, &margins, box), tile};
        status = pw_sorter_add(&c->extents, extent, error);
        if (status == PW_OK)
            status = pw_sorter_add(&c->members, &member.object, error);
    }
    return status;
}

static void join_extents(uint64_t *into, const uint64_t *from, void *context)
{
    (void)context;
    for (int i = 1; i <= 3; i++)
        into[i] = pw_min_u64(into[i], from[i]);
    for (int i = 4; i <= 6; i++)
        into[i] = pw_max_u64(into[i], from[i]);
}

/* ---- the objects ------------------------------------------------------- */

/* The labels of one object that wait for its owner. */
struct group {
    uint64_t *label;
    uint64_t n, capacity;
};

static enum pw_status add_label(struct group *group, uint64_t label, struct pw_error *error)
{
    if (group->n == group->capacity) {
        uint64_t capacity = group->capacity == 0 ? 64 : 2 * group->capacity;
        uint64_t *grown = realloc(group->label, capacity * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: %llu labels of one object", (unsigned long long)capacity);
        group->label = grown;
        group->capacity = capacity;
    }
    group->label[group->n++] = label;
    return PW_OK;
}

static enum pw_status own(struct choice *c, uint64_t label, uint64_t owner, struct pw_error *error)
{
    uint64_t record[2] = {label, owner};
    return pw_sorter_add(&c->owned, record, error);
}

/* Whether member is a witness of an object of the given extent. */
static int is_witness(const struct choice *c, const struct member *member, const struct pw_box *object)
{
    struct pw_box seen = pw_grid_reach(c->grid, member->tile, c->rule->context);
    return member->is_whole && pw_box_contains(&seen, object);
}

/* Whether any tile could see all of the object: only then do its labels have to wait for a witness. */
static int fits_a_tile(const struct choice *c, const struct pw_box *object)
{
    uint64_t window[3];
    pw_grid_window_max(c->grid, window);
    return object->shape[0] <= window[0] && object->shape[1] <= window[1] && object->shape[2] <= window[2];
}

/*
 * Takes the labels of one object, the first of which is *member, from the sorter, leaving in *member the first of the
 * next object; *status is PW_EMPTY after the last.
 */
static enum pw_status choose_owner(struct choice *c, const struct pw_box *extent, struct group *group,
                                   struct member *member, enum pw_status *next, struct pw_error *error)
{
    struct member best = {0};
    uint64_t object = member->object;
    int waits = fits_a_tile(c, extent), found = 0;
    enum pw_status status = PW_OK;
    group->n = 0;
    while (*next == PW_OK && member->object == object && status == PW_OK) {
        if (waits && is_witness(c, member, extent) && (!found || member->core_voxels > best.core_voxels)) {
            best = *member;
            found = 1;
        }
        status = waits ? add_label(group, member->label, error) : own(c, member->label, PW_OWNER_PIECES, error);
        if (status == PW_OK)
            *next = pw_sorter_next(&c->members, &member->object, error);
    }
    if (status == PW_OK && *next < 0)
        return *next;
    for (uint64_t i = 0; i < group->n && status == PW_OK; i++)
        status = own(c, group->label[i], found ? PW_OWNER_FIRST + best.label : PW_OWNER_PIECES, error);
    return status;
}

static enum pw_status choose_owners(struct choice *c, struct pw_error *error)
{
    struct member member = {0};
    struct group group = {0};
    enum pw_status next = pw_sorter_next(&c->members, &member.object, error), status = next < 0 ? next : PW_OK;
    while (next == PW_OK && status == PW_OK) {
        uint64_t extent[EXTENT_WORDS] = {0};
        struct pw_box box;
        status = pw_sorter_next(&c->extents, extent, error);
        if (status == PW_OK && extent[0] != member.object)
            status =
                pw_fail(error, PW_E_INTERNAL, "witness: object %llu has no extent", (unsigned long long)member.object);
        for (int i = 0; i < 3; i++) {
            box.start[i] = extent[1 + i];
            box.shape[i] = extent[4 + i] - extent[1 + i];
        }
        if (status == PW_OK)
            status = choose_owner(c, &box, &group, &member, &next, error);
    }
    free(group.label);
    return status == PW_OK ? pw_sorter_finish(&c->owned, error) : status;
}

/* Owners in the order of labels; what is not written reads as 0, private. */
static enum pw_status write_owners(struct choice *c, struct pw_owners *owners, struct pw_error *error)
{
    enum {
        BUFFERED = 8192
    };
    uint64_t *buffer = pw_alloc(BUFFERED, sizeof *buffer, error), record[2] = {0}, n_labels;
    n_labels = c->map->offset[c->grid->n_tiles];
    if (buffer == NULL)
        return PW_E_NOMEM;
    enum pw_status next = pw_sorter_next(&c->owned, record, error), status = next < 0 ? next : PW_OK;
    for (uint64_t at = 0; at < n_labels && status == PW_OK; at += BUFFERED) {
        uint64_t n = pw_min_u64(BUFFERED, n_labels - at);
        memset(buffer, 0, BUFFERED * sizeof *buffer);
        while (next == PW_OK && record[0] < at + n) {
            buffer[record[0] - at] = record[1];
            next = pw_sorter_next(&c->owned, record, error);
        }
        status = next < 0 ? next
                          : pw_file_write(owners->file.fd, buffer, (size_t)n * sizeof *buffer, at * sizeof *buffer,
                                          owners->file.name, error);
    }
    free(buffer);
    return status;
}

static enum pw_status choose(struct choice *c, uint64_t memory_bytes, const char *scratch_dir, struct pw_owners *owners,
                             struct pw_error *error)
{
    static const struct pw_sorter_form member_form = {.words = MEMBER_WORDS, .key_words = 2};
    static const struct pw_sorter_form extent_form = {.words = EXTENT_WORDS, .key_words = 1, .combine = join_extents};
    static const struct pw_sorter_form owner_form = {.words = 2, .key_words = 1};
    enum pw_status status = pw_sorter_init(&c->members, &member_form, memory_bytes / 3, scratch_dir, error);
    if (status == PW_OK)
        status = pw_sorter_init(&c->extents, &extent_form, memory_bytes / 3, scratch_dir, error);
    if (status == PW_OK)
        status = pw_sorter_init(&c->owned, &owner_form, memory_bytes / 3, scratch_dir, error);
    for (uint64_t tile = 0; tile < c->grid->n_tiles && status == PW_OK; tile++)
        if (c->stage->entry[tile].n_labels > 0)
            status = add_tile(c, tile, error);
    if (status == PW_OK)
        status = pw_sorter_finish(&c->members, error);
    if (status == PW_OK)
        status = pw_sorter_finish(&c->extents, error);
    if (status == PW_OK)
        status = choose_owners(c, error);
    if (status == PW_OK)
        status = pw_scratch_open(&owners->file, scratch_dir, "owners of objects", error);
    return status == PW_OK ? write_owners(c, owners, error) : status;
}

enum pw_status pw_witness_choose(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_rule *rule,
                                 const struct pw_id_map *map, uint64_t memory_bytes, const char *scratch_dir,
                                 struct pw_owners *owners, struct pw_error *error)
{
    struct choice c = {.grid = grid, .stage = stage, .rule = rule, .map = map};
    uint64_t labels = pw_max_u64(pw_stage_most_labels(stage), 1);
    memset(owners, 0, sizeof *owners);
    owners->file.fd = -1;
    owners->offset = map->offset;
    c.extent = pw_alloc(labels, sizeof *c.extent, error);
    c.fact = pw_alloc(labels, sizeof *c.fact, error);
    c.object = pw_alloc(labels, sizeof *c.object, error);
    enum pw_status status = c.extent == NULL || c.fact == NULL || c.object == NULL ? PW_E_NOMEM : PW_OK;
    if (status == PW_OK)
        status = pw_record_reader_init(&c.reader, grid, stage, error);
    if (status == PW_OK)
        status = choose(&c, memory_bytes, scratch_dir, owners, error);
    pw_record_reader_release(&c.reader);
    pw_sorter_destroy(&c.members);
    pw_sorter_destroy(&c.extents);
    pw_sorter_destroy(&c.owned);
    free(c.extent);
    free(c.fact);
    free(c.object);
    if (status != PW_OK)
        pw_owners_release(owners);
    return status;
}
