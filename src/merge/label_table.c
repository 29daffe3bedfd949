#include "merge/label_table.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/varint.h"

enum {
    Z = 0,
    Y = 1,
    X = 2
};

/* ---- counting ---------------------------------------------------------- */

/* A row of the core: how its voxels are numbered, and which of them lie at the border of the volume. */
struct core_row {
    uint32_t x0, x1;    /* of the block */
    uint64_t first;     /* linear index in the core of x0 */
    uint32_t whole;     /* every voxel of the row does */
    uint32_t low, high; /* its first, its last voxel does */
};

static void count_row(const struct pw_runs *runs, uint64_t row, const struct core_row *core,
                      struct pw_label_count *count)
{
    for (uint64_t i = runs->row[row]; i < runs->row[row + 1]; i++) {
        uint32_t start = runs->run[i].start < core->x0 ? core->x0 : runs->run[i].start;
        uint32_t end = runs->run[i].end > core->x1 ? core->x1 : runs->run[i].end;
        struct pw_label_count *c = &count[runs->label[i] - 1];
        if (start >= end)
            continue;
        if (c->voxels == 0)
            c->first = (uint32_t)(core->first + (start - core->x0));
        c->voxels += end - start;
        c->touches_border |= core->whole | (core->low & (start == core->x0)) | (core->high & (end == core->x1));
    }
}

void pw_label_facts_count(const struct pw_runs *runs, const struct pw_box *core, const int at_border[6],
                          struct pw_label_count *count)
{
    struct core_row row = {.x0 = (uint32_t)core->start[X],
                           .x1 = (uint32_t)(core->start[X] + core->shape[X]),
                           .low = at_border[2 * X] != 0,
                           .high = at_border[2 * X + 1] != 0};
    memset(count, 0, runs->n_labels * sizeof *count);
    for (uint64_t z = 0; z < core->shape[Z]; z++)
        for (uint64_t y = 0; y < core->shape[Y]; y++) {
            row.first = (z * core->shape[Y] + y) * core->shape[X];
            row.whole = (at_border[2 * Z] && z == 0) || (at_border[2 * Z + 1] && z + 1 == core->shape[Z]) ||
                        (at_border[2 * Y] && y == 0) || (at_border[2 * Y + 1] && y + 1 == core->shape[Y]);
            count_row(runs, (core->start[Z] + z) * runs->shape[Y] + core->start[Y] + y, &row, count);
        }
}

/* ---- writing ----------------------------------------------------------- */

uint64_t pw_table_bytes_max(uint64_t n_labels, uint64_t n_voxels, int labels_unordered)
{
    /* Counts, and differences of ascending first voxels, add up to the voxels: beyond a byte each they take at most
     * a byte for every 64 voxels, whatever their sizes. */
    uint64_t counts = n_labels + n_voxels / 64 + 8;
    return counts + (labels_unordered ? n_labels * pw_varint_bytes(2 * n_voxels) : counts);
}

unsigned char *pw_table_encode(unsigned char *p, const struct pw_label_count *count, uint64_t n_labels)
{
    int64_t last = 0;
    for (uint64_t i = 0; i < n_labels; i++) {
        p = pw_varint_put(p, (uint64_t)count[i].voxels * 2 + count[i].touches_border);
        if (count[i].voxels == 0)
            continue;
        p = pw_varint_put(p, pw_zigzag((int64_t)count[i].first - last));
        last = count[i].first;
    }
    return p;
}

/* ---- reading ----------------------------------------------------------- */

/* One entry from *p on; *p is NULL when end comes before its. */
static struct pw_label_fact read_entry(struct pw_table_cursor *cursor, const unsigned char **p,
                                       const unsigned char *end)
{
    uint64_t count = pw_varint_get(p, end);
    struct pw_label_fact fact = {UINT64_MAX, count >> 1, (int)(count & 1)};
    if (fact.voxels > 0) {
        fact.first = cursor->last_first + (uint64_t)pw_unzigzag(pw_varint_get(p, end));
        if (*p != NULL)
            cursor->last_first = fact.first;
    }
    return fact;
}

static enum pw_status broken(struct pw_error *error)
{
    return pw_fail(error, PW_E_FORMAT, "stage log: the label table of a tile cannot be read");
}

enum pw_status pw_table_read(struct pw_table_cursor *cursor, const unsigned char **bytes, const unsigned char *end,
                             uint64_t capacity, struct pw_label_fact *facts, uint64_t *n, struct pw_error *error)
{
    for (*n = 0; *n < capacity && *bytes < end; ++*n) {
        const unsigned char *p = *bytes;
        facts[*n] = read_entry(cursor, &p, end);
        if (p == NULL)
            return end - *bytes >= PW_TABLE_ENTRY_BYTES_MAX ? broken(error) : PW_OK;
        *bytes = p;
    }
    return PW_OK;
}

enum pw_status pw_table_decode(const unsigned char *bytes, size_t n, uint64_t n_labels, struct pw_label_fact *facts,
                               struct pw_error *error)
{
    struct pw_table_cursor cursor = {0};
    uint64_t n_read;
    enum pw_status status = pw_table_read(&cursor, &bytes, bytes + n, n_labels, facts, &n_read, error);
    return status == PW_OK && n_read < n_labels ? broken(error) : status;
}
