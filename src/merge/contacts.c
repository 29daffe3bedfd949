#include "merge/contacts.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

/* Small seams get an entry for every voxel, so that nothing can be too much for them. */
#define SMALL_SEAM ((uint64_t)1 << 16)
#define VOXELS_OF_A_LABEL ((uint64_t)16)

uint32_t pw_contacts_capacity(uint64_t voxels)
{
    uint64_t pairs = pw_min_u64(voxels, pw_max_u64(SMALL_SEAM, voxels / VOXELS_OF_A_LABEL));
    return (uint32_t)pw_min_u64(3 * pairs + 3, UINT32_MAX / 4); /* a pair and its two sizes */
}

static uint32_t slots_for(uint32_t capacity)
{
    uint32_t slots = 16;
    while (slots < 2 * capacity)
        slots *= 2;
    return slots;
}

uint64_t pw_contacts_memory_bytes(uint32_t capacity)
{
    return (uint64_t)capacity * sizeof(struct pw_contact) + (uint64_t)slots_for(capacity) * sizeof(uint32_t);
}

enum pw_status pw_contacts_init(struct pw_contacts *contacts, uint32_t capacity, struct pw_error *error)
{
    memset(contacts, 0, sizeof *contacts);
    contacts->capacity = capacity;
    contacts->n_slots = slots_for(capacity);
    enum pw_status status =
        pw_buffer_init(&contacts->memory, pw_contacts_memory_bytes(capacity), "contacts of a seam", error);
    if (status != PW_OK)
        return status;
    contacts->contact = contacts->memory.data;
    contacts->slot = (void *)(contacts->contact + capacity);
    memset(contacts->slot, 0, contacts->n_slots * sizeof *contacts->slot);
    return PW_OK;
}

void pw_contacts_release(struct pw_contacts *contacts)
{
    pw_buffer_release(&contacts->memory);
    memset(contacts, 0, sizeof *contacts);
}

static uint32_t first_slot(const struct pw_contacts *contacts, uint32_t mine, uint32_t theirs)
{
    uint64_t hash = ((uint64_t)mine << 32 | theirs) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32) & (contacts->n_slots - 1);
}

/* The slot of a pair, or the free one where it would go. */
static uint32_t find(const struct pw_contacts *contacts, uint32_t mine, uint32_t theirs)
{
    uint32_t s = first_slot(contacts, mine, theirs);
    while (contacts->slot[s] != 0) {
        const struct pw_contact *c = &contacts->contact[contacts->slot[s] - 1];
        if (c->mine == mine && c->theirs == theirs)
            break;
        s = (s + 1) & (contacts->n_slots - 1);
    }
    return s;
}

void pw_contacts_clear(struct pw_contacts *contacts)
{
    /* Emptied entry by entry: a large table is mostly free. */
    for (uint32_t i = contacts->n; i-- > 0;)
        contacts->slot[find(contacts, contacts->contact[i].mine, contacts->contact[i].theirs)] = 0;
    contacts->n = 0;
    contacts->overflowed = 0;
}

void pw_contacts_add(struct pw_contacts *contacts, uint32_t mine, uint32_t theirs, uint32_t n)
{
    uint32_t s = find(contacts, mine, theirs);
    if (contacts->slot[s] != 0) {
        contacts->contact[contacts->slot[s] - 1].n += n;
        return;
    }
    if (contacts->n == contacts->capacity) {
        contacts->overflowed = 1;
        return;
    }
    contacts->contact[contacts->n] = (struct pw_contact){.mine = mine, .theirs = theirs, .n = n};
    contacts->slot[s] = ++contacts->n;
}

static void add_row(struct pw_contacts *contacts, const struct pw_runs *a, const struct pw_runs *b, uint64_t row)
{
    uint64_t i = a->row[row], j = b->row[row];
    while (i < a->row[row + 1] && j < b->row[row + 1]) {
        uint64_t from = pw_max_u64(a->run[i].start, b->run[j].start);
        uint64_t to = pw_min_u64(a->run[i].end, b->run[j].end);
        if (from < to)
            pw_contacts_add(contacts, a->label[i], b->label[j], (uint32_t)(to - from));
        if (a->run[i].end < b->run[j].end)
            i++;
        else
            j++;
    }
}

void pw_contacts_add_plane(struct pw_contacts *contacts, const struct pw_runs *mine, const struct pw_runs *theirs,
                           uint64_t rows)
{
    for (uint64_t i = 0; i < mine->n_runs; i++)
        pw_contacts_add(contacts, mine->label[i], 0, mine->run[i].end - mine->run[i].start);
    for (uint64_t j = 0; j < theirs->n_runs; j++)
        pw_contacts_add(contacts, 0, theirs->label[j], theirs->run[j].end - theirs->run[j].start);
    for (uint64_t row = 0; row < rows; row++)
        add_row(contacts, mine, theirs, row);
}

static void note_partner(struct pw_contact *size, uint32_t partner, uint32_t n)
{
    if (n > size->best_n || (n == size->best_n && partner < size->best)) {
        size->best = partner;
        size->best_n = n;
    }
}

static struct pw_contact *size_of(const struct pw_contacts *contacts, uint32_t mine, uint32_t theirs)
{
    return &contacts->contact[contacts->slot[find(contacts, mine, theirs)] - 1];
}

uint32_t pw_contacts_size(const struct pw_contacts *contacts, uint32_t mine, uint32_t theirs)
{
    return size_of(contacts, mine, theirs)->n;
}

enum pw_status pw_contacts_log(struct pw_contacts *contacts, uint32_t tile_mine, uint32_t tile_theirs,
                               struct pw_edge_file *edges, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (contacts->overflowed)
        return pw_fail(
            error, PW_E_BUDGET,
            "tiles %u and %u: more than %u pairs of labels meet at their seam, more than are planned for; use "
            "--merge touch, or a segmenter with fewer and larger labels",
            tile_mine, tile_theirs, contacts->capacity / 3);
    for (uint32_t i = 0; i < contacts->n; i++) {
        const struct pw_contact *c = &contacts->contact[i];
        if (c->mine == 0 || c->theirs == 0)
            continue;
        note_partner(size_of(contacts, c->mine, 0), c->theirs, c->n);
        note_partner(size_of(contacts, 0, c->theirs), c->mine, c->n);
    }
    for (uint32_t i = 0; i < contacts->n && status == PW_OK; i++) {
        const struct pw_contact *c = &contacts->contact[i];
        if (c->mine == 0 || c->theirs == 0)
            continue;
        const struct pw_contact *a = size_of(contacts, c->mine, 0), *b = size_of(contacts, 0, c->theirs);
        int best = a->best == c->theirs && b->best == c->mine;
        struct pw_edge edge = {tile_mine, c->mine, tile_theirs, c->theirs, c->n, a->n, b->n, best ? PW_EDGE_BEST : 0};
        status = pw_edge_file_add(edges, &edge, error);
    }
    return status;
}
