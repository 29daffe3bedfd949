#include "relate/relation.h"

#include <string.h>

#include "base/error.h"

const struct pw_column pw_child_columns[PW_CHILD_COLUMNS] = {
    {"child", PW_CELL_UNSIGNED},        {"parent", PW_CELL_UNSIGNED}, {"shared_voxels", PW_CELL_UNSIGNED},
    {"child_voxels", PW_CELL_UNSIGNED}, {"fraction", PW_CELL_REAL},
};
const struct pw_column pw_parent_columns[PW_PARENT_COLUMNS] = {
    {"parent", PW_CELL_UNSIGNED},
    {"children", PW_CELL_UNSIGNED},
    {"parent_voxels", PW_CELL_UNSIGNED},
    {"shared_voxels", PW_CELL_UNSIGNED},
};

/* Words of a record of children, sorted by parent. */
enum {
    KIN_PARENT,
    KIN_CHILDREN,
    KIN_SHARED,
    KIN_WORDS
};

static void add_children(uint64_t *into, const uint64_t *from, void *context)
{
    (void)context;
    into[KIN_CHILDREN] += from[KIN_CHILDREN];
    into[KIN_SHARED] += from[KIN_SHARED];
}

static const struct pw_sorter_form kin_form = {.words = KIN_WORDS, .key_words = 1, .combine = add_children};

struct relation {
    struct pw_pair_sums *sums;
    double min_fraction;
    struct pw_sorter kin;
    struct pw_table *children, *parents;
    struct pw_relate_result *result;
};

/* The child that the walk is at. */
struct child {
    uint64_t label, voxels;
    uint64_t parent, shared; /* the best so far; 0: none */
};

static enum pw_status end_child(struct relation *r, struct child *child, struct pw_error *error)
{
    if (child->label == 0)
        return PW_OK;
    double fraction = (double)child->shared / (double)child->voxels;
    if (fraction < r->min_fraction) {
        child->parent = child->shared = 0;
        fraction = 0;
    }
    r->result->children++;
    r->result->related += child->parent != 0;
    const struct pw_cell row[PW_CHILD_COLUMNS] = {
        {.u = child->label}, {.u = child->parent}, {.u = child->shared}, {.u = child->voxels}, {.real = fraction}};
    enum pw_status status = pw_table_row(r->children, row, error);
    uint64_t kin[KIN_WORDS] = {child->parent, 1, child->shared};
    return status == PW_OK && child->parent != 0 ? pw_sorter_add(&r->kin, kin, error) : status;
}

/* Parents of a child come by ascending id, so that the first of equals is the least. */
static enum pw_status walk_children(struct relation *r, struct pw_error *error)
{
    struct child child = {0};
    for (;;) {
        uint64_t pair[PW_PAIR_WORDS];
        enum pw_status status = pw_sorter_next(&r->sums->pairs, pair, error);
        if (status == PW_EMPTY)
            return end_child(r, &child, error);
        if (status == PW_OK && pair[PW_PAIR_A] != child.label) {
            status = end_child(r, &child, error);
            child = (struct child){.label = pair[PW_PAIR_A]};
        }
        if (status != PW_OK)
            return status;
        child.voxels += pair[PW_PAIR_VOXELS];
        if (pair[PW_PAIR_B] != 0 && pair[PW_PAIR_VOXELS] > child.shared) {
            child.parent = pair[PW_PAIR_B];
            child.shared = pair[PW_PAIR_VOXELS];
        }
    }
}

static enum pw_status write_parent(struct relation *r, const uint64_t size[PW_SIZE_WORDS],
                                   const uint64_t kin[KIN_WORDS], struct pw_error *error)
{
    int has_children = kin[KIN_CHILDREN] != 0 && kin[KIN_PARENT] == size[PW_SIZE_LABEL];
    r->result->parents++;
    r->result->parents_with_children += (uint64_t)has_children;
    if (r->parents == NULL)
        return PW_OK;
    const struct pw_cell row[PW_PARENT_COLUMNS] = {{.u = size[PW_SIZE_LABEL]},
                                                   {.u = has_children ? kin[KIN_CHILDREN] : 0},
                                                   {.u = size[PW_SIZE_VOXELS]},
                                                   {.u = has_children ? kin[KIN_SHARED] : 0}};
    return pw_table_row(r->parents, row, error);
}

/* All parents by their sizes, and beside them those that have children. */
static enum pw_status walk_parents(struct relation *r, struct pw_error *error)
{
    uint64_t kin[KIN_WORDS] = {0};
    for (;;) {
        uint64_t size[PW_SIZE_WORDS];
        enum pw_status status = pw_sorter_next(&r->sums->size[1], size, error);
        if (status != PW_OK)
            return status == PW_EMPTY ? PW_OK : status;
        if (size[PW_SIZE_LABEL] == 0)
            continue;
        if (kin[KIN_PARENT] < size[PW_SIZE_LABEL])
            status = pw_sorter_next(&r->kin, kin, error);
        if (status == PW_EMPTY) /* the last parent with children has been passed */
            memcpy(kin, (const uint64_t[KIN_WORDS]){UINT64_MAX, 0, 0}, sizeof kin);
        else if (status != PW_OK)
            return status;
        status = write_parent(r, size, kin, error);
        if (status != PW_OK)
            return status;
    }
}

enum pw_status pw_relation_make(struct pw_pair_sums *sums, double min_fraction, uint64_t memory_bytes,
                                const char *scratch_dir, struct pw_table *children, struct pw_table *parents,
                                struct pw_relate_result *result, struct pw_error *error)
{
    struct relation r = {
        .sums = sums, .min_fraction = min_fraction, .children = children, .parents = parents, .result = result};
    memset(result, 0, sizeof *result);
    enum pw_status status = pw_sorter_init(&r.kin, &kin_form, memory_bytes, scratch_dir, error);
    if (status == PW_OK)
        status = walk_children(&r, error);
    if (status == PW_OK)
        status = pw_sorter_finish(&r.kin, error);
    if (status == PW_OK)
        status = walk_parents(&r, error);
    pw_sorter_destroy(&r.kin);
    return status;
}
