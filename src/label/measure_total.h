/*
 * label/measure_total - the records of one label in many blocks (label/measure.h) put together: an object.
 *
 *     pw_measure_total_init(&total, &form, memory)
 *     for each object
 *         pw_measure_total_begin(&total)
 *         for each of its records
 *             pw_measure_total_place(&total, record, origin, shape)
 *             pw_measure_total_channel(&total, c, words)          for each channel
 *         pw_measure_total_centroid(&total, centroid), pw_measure_total_intensity(&total, c, &intensity)
 *
 * The order of the records does not matter.  Memory: pw_measure_total_memory_bytes(), lent by the caller.
 * Threads: a total belongs to one thread.
 */
#ifndef PW_LABEL_MEASURE_TOTAL_H
#define PW_LABEL_MEASURE_TOTAL_H

#include "label/measure.h"

struct pw_measure_total {
    const struct pw_measure_form *form;
    uint64_t voxels;
    uint64_t start[3], end[3]; /* of the box [start, end), z y x, in the volume */
    uint64_t first[3];         /* voxel in raster order */
    uint64_t sum[3][3];        /* of the coordinates; wide numbers */
    uint64_t *channel;         /* as in a record, sums and squares one word longer */
};

/* One channel of an object.  Of integers the extremes are in the member that has the sign of the type. */
struct pw_intensity {
    double mean, deviation; /* of the population: divided by the number of voxels */
    double sum;             /* rounded once */
    uint64_t whole_sum[3];  /* integers: exact */
    union pw_extreme {
        uint64_t u;
        int64_t i;
        double f;
    } least, greatest;
};

uint64_t pw_measure_total_memory_bytes(const struct pw_measure_form *form);
void pw_measure_total_init(struct pw_measure_total *total, const struct pw_measure_form *form, void *memory);
void pw_measure_total_begin(struct pw_measure_total *total);

/* Adds the place words of a record of the block of the given shape whose first voxel is at origin. */
void pw_measure_total_place(struct pw_measure_total *total, const uint64_t *record, const uint64_t origin[3],
                            const uint64_t shape[3]);
void pw_measure_total_channel(struct pw_measure_total *total, uint32_t c, const uint64_t *words);

void pw_measure_total_centroid(const struct pw_measure_total *total, double centroid[3]);

/* As numpy does, any NaN makes all NaN; infinities make the mean infinite or NaN, and the deviation NaN. */
void pw_measure_total_intensity(const struct pw_measure_total *total, uint32_t c, struct pw_intensity *intensity);

#endif
