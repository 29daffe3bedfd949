/*
 * merge/contacts - how many voxels each pair of labels shares at one seam, and how large each label is there.
 *
 *     pw_contacts_clear
 *     pw_contacts_add(mine, theirs, n)   n voxels that are mine on one side and theirs on the other
 *     pw_contacts_add(mine, 0, n)        n voxels of mine, whatever is on the other side; likewise (0, theirs)
 *     pw_contacts_log                    every pair that shares something, with its counts, to the edge file
 *
 * A hash table of fixed capacity, reserved at init.
 * Threads: one table belongs to one thread.
 */
#ifndef PW_MERGE_CONTACTS_H
#define PW_MERGE_CONTACTS_H

#include "base/memory.h"
#include "label/runs.h"
#include "merge/edges.h"

struct pw_contact {
    uint32_t mine, theirs; /* one of them 0: a size */
    uint32_t n;
    uint32_t best, best_n; /* of a size: the partner with the largest n */
};

struct pw_contacts {
    struct pw_buffer memory;
    struct pw_contact *contact; /* capacity entries, n used */
    uint32_t *slot;             /* n_slots entries: 1 + index of a contact, 0 when free */
    uint32_t n, capacity;
    uint32_t n_slots;
    int overflowed; /* something did not fit since the table was cleared */
};

/* Capacity for seams of at most voxels voxels on each side: labels of 16 voxels, or all of a small seam. */
uint32_t pw_contacts_capacity(uint64_t voxels);
uint64_t pw_contacts_memory_bytes(uint32_t capacity);
enum pw_status pw_contacts_init(struct pw_contacts *contacts, uint32_t capacity, struct pw_error *error);
void pw_contacts_release(struct pw_contacts *contacts); /* safe on a zeroed one */

void pw_contacts_clear(struct pw_contacts *contacts);
void pw_contacts_add(struct pw_contacts *contacts, uint32_t mine, uint32_t theirs, uint32_t n);

/*
 * Adds two planes of runs that lie on each other, rows rows of each: the sizes of all labels and what they share.
 */
void pw_contacts_add_plane(struct pw_contacts *contacts, const struct pw_runs *mine, const struct pw_runs *theirs,
                           uint64_t rows);

/* How many voxels a label has: size (mine, 0) or (0, theirs), which has been added. */
uint32_t pw_contacts_size(const struct pw_contacts *contacts, uint32_t mine, uint32_t theirs);

/*
 * Logs the pairs between tiles mine and theirs.  Errors: PW_E_BUDGET when there were more than the table holds.
 */
enum pw_status pw_contacts_log(struct pw_contacts *contacts, uint32_t tile_mine, uint32_t tile_theirs,
                               struct pw_edge_file *edges, struct pw_error *error);

#endif
