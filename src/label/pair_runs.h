/*
 * label/pair_runs - two rows of labels, cut where either changes.
 *
 * What is counted over two label volumes is counted by these stretches, of which there
 * are few, not by voxels:
 *
 *     pw_pair_rows_init(&rows, dtype_a, dtype_b)
 *     n = pw_pair_starts(&rows, a, b, width, start)
 *     for each i < n: the stretch from start[i] to start[i+1] (width for the last) holds the labels
 *     pw_label_at(dtype_a, a, start[i]) and pw_label_at(dtype_b, b, start[i])
 *
 * Threads: no shared state.
 */
#ifndef PW_LABEL_PAIR_RUNS_H
#define PW_LABEL_PAIR_RUNS_H

#include <string.h>

#include "label/changes.h"
#include "patchworks.h"

struct pw_pair_rows {
    pw_changes_fn changes[2];
    size_t bytes[2]; /* of an element */
};

void pw_pair_rows_init(struct pw_pair_rows *rows, enum pw_dtype a, enum pw_dtype b);

/* Writes the starts of the stretches, of which there are at most width; returns how many. */
uint64_t pw_pair_starts(const struct pw_pair_rows *rows, const void *a, const void *b, uint64_t width, uint32_t *start);

/* Element i of a row of integers; a negative one is extended to 64 bits, so that its highest bit is set. */
static inline uint64_t pw_label_at(enum pw_dtype dtype, const void *row, uint64_t i)
{
    const unsigned char *p = row;
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: return p[i];
    case PW_I8: return (uint64_t)(int64_t)(int8_t)p[i];
    case PW_U16:
    case PW_I16: {
        uint16_t v;
        memcpy(&v, p + i * sizeof v, sizeof v);
        return dtype == PW_U16 ? v : (uint64_t)(int64_t)(int16_t)v;
    }
    case PW_U32:
    case PW_I32: {
        uint32_t v;
        memcpy(&v, p + i * sizeof v, sizeof v);
        return dtype == PW_U32 ? v : (uint64_t)(int64_t)(int32_t)v;
    }
    default: {
        uint64_t v;
        memcpy(&v, p + i * sizeof v, sizeof v);
        return v;
    }
    }
}

#endif
