/*
 * label/raster - runs that come piece by piece, put into raster order.
 *
 *     struct pw_raster raster;
 *     pw_raster_init(&raster, memory, capacity, rows);         pw_raster_bytes(capacity, rows) of memory
 *     pw_raster_clear(&raster);                                for each block
 *     pw_raster_put(&raster, row, start, end, value) ...       0 when it is full
 *     pw_raster_sort(&raster, rows);
 *     pw_raster_join(&raster, rows);                           where runs of one value may touch
 *     pw_raster_block(&raster, shape, &block);
 *
 * Pieces come with x growing: a row's runs keep the order in which they came.
 *
 * Memory: the caller's.  Threads: a raster belongs to one.
 */
#ifndef PW_LABEL_RASTER_H
#define PW_LABEL_RASTER_H

#include "label/runs.h"

struct pw_raster {
    /* as they came */
    struct pw_run *run;
    uint64_t *value;
    uint32_t *run_row;
    uint64_t n, capacity;
    /* and in raster order */
    struct pw_run *sorted_run;
    uint64_t *sorted_value;
    uint64_t *row;
};

uint64_t pw_raster_bytes(uint64_t capacity, uint64_t rows);

/* memory: aligned for 64-bit numbers.  Returns where it ends that was taken. */
void *pw_raster_init(struct pw_raster *raster, void *memory, uint64_t capacity, uint64_t rows);

/* The most runs for which memory of bytes is enough; 0: it is too little. */
uint64_t pw_raster_capacity(uint64_t bytes, uint64_t rows);

static inline void pw_raster_clear(struct pw_raster *raster)
{
    raster->n = 0;
}

static inline int pw_raster_put(struct pw_raster *raster, uint32_t row, uint32_t start, uint32_t end, uint64_t value)
{
    if (raster->n == raster->capacity)
        return 0;
    raster->run[raster->n] = (struct pw_run){start, end};
    raster->value[raster->n] = value;
    raster->run_row[raster->n++] = row;
    return 1;
}

void pw_raster_sort(struct pw_raster *raster, uint64_t rows);

/* Joins runs of one value that touch, after sorting. */
void pw_raster_join(struct pw_raster *raster, uint64_t rows);

/* Valid until the raster is cleared. */
void pw_raster_block(const struct pw_raster *raster, const uint64_t shape[3], struct pw_label_block *block);

#endif
