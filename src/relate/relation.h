/*
 * relate/relation - from the sums over children and parents to the parent of each child.
 *
 * One walk over the pairs, sorted by child, writes the table of children; the children
 * of each parent are sorted on the way and written beside its size.
 *
 * Memory: memory_bytes beside that of sums.  Threads: one.
 */
#ifndef PW_RELATE_RELATION_H
#define PW_RELATE_RELATION_H

#include "relate/pair_sums.h"
#include "table/table.h"

enum {
    PW_CHILD_COLUMNS = 5,
    PW_PARENT_COLUMNS = 4
};

/* The columns of the two tables. */
extern const struct pw_column pw_child_columns[PW_CHILD_COLUMNS];
extern const struct pw_column pw_parent_columns[PW_PARENT_COLUMNS];

/*
 * sums: finished, of children (a) and parents (b), with the sizes of b; read to their
 * end.  parents may be NULL: no table of parents.
 */
enum pw_status pw_relation_make(struct pw_pair_sums *sums, double min_fraction, uint64_t memory_bytes,
                                const char *scratch_dir, struct pw_table *children, struct pw_table *parents,
                                struct pw_relate_result *result, struct pw_error *error);

#endif
