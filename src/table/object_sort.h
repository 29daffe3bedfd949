/*
 * table/object_sort - from the records of labels in tiles to whole objects, in the order of their ids.
 *
 *     pw_object_sort_init(&sort, &form, &grid, memory_bytes, scratch_dir, error)
 *     pw_object_sort_take(&sort, &log, ids, context, error)           all records of a log
 *     pw_object_sort_finish(&sort, error)
 *     while (pw_object_sort_next(&sort, &object, error) == PW_OK) ...
 *     pw_object_sort_release(&sort)
 *
 * A label that is there at several time points is an object at each, and places are those in its time point.
 *
 * Records are sorted by (id, tile) in external memory; those of one label in one tile are added on the way.  A record
 * of very many channels is sorted as several.
 *
 * Memory: at most memory_bytes, reserved at init (at least pw_object_sort_memory_least()).  Threads: one.
 */
#ifndef PW_TABLE_OBJECT_SORT_H
#define PW_TABLE_OBJECT_SORT_H

#include "ext/sorter.h"
#include "label/measure_total.h"
#include "table/object_log.h"
#include "tile/grid.h"

/*
 * Replaces n labels of tile by the ids of their objects; 0: of no object.  NULL stands for labels that
 * are ids.
 */
typedef enum pw_status (*pw_object_ids_fn)(void *context, uint64_t tile, uint64_t *label, uint64_t n,
                                           struct pw_error *error);

/* One object at one time point; valid until the next. */
struct pw_object {
    uint64_t id;
    uint64_t time;    /* counted from the grid's first */
    uint64_t n_tiles; /* that it has voxels in */
    struct pw_measure_total total;
};

struct pw_object_sort {
    const struct pw_measure_form *form;
    const struct pw_grid *grid;
    uint32_t channels_first, channels_more; /* of the first part of a record, and of each further one */
    uint32_t n_parts;
    struct pw_sorter sorter;
    int started; /* the sorter is */
    struct pw_buffer memory;
    uint64_t *label, *words, piece; /* records read from the log at once */
    void *total;                    /* of an object */
    uint64_t next[PW_SORTER_WORDS_MAX];
    int has_next; /* the first record of the next object */
};

uint64_t pw_object_sort_memory_least(const struct pw_measure_form *form);
enum pw_status pw_object_sort_init(struct pw_object_sort *sort, const struct pw_measure_form *form,
                                   const struct pw_grid *grid, uint64_t memory_bytes, const char *scratch_dir,
                                   struct pw_error *error);
enum pw_status pw_object_sort_take(struct pw_object_sort *sort, const struct pw_object_log *log, pw_object_ids_fn ids,
                                   void *context, struct pw_error *error);
enum pw_status pw_object_sort_finish(struct pw_object_sort *sort, struct pw_error *error);

/* PW_EMPTY after the last. */
enum pw_status pw_object_sort_next(struct pw_object_sort *sort, struct pw_object *object, struct pw_error *error);
void pw_object_sort_release(struct pw_object_sort *sort); /* safe on a zeroed one */

#endif
