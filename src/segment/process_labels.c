#include "segment/process_labels.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "label/value_runs.h"

/* The values of a row, then what numbering needs. */
static uint64_t row_bytes(const uint64_t shape[3])
{
    return (shape[2] + 8) / 8 * 8 * sizeof(uint64_t);
}

uint64_t pw_process_labels_bytes(const uint64_t shape[3])
{
    return row_bytes(shape) + pw_runs_number_scratch_bytes(pw_runs_capacity(shape, 1));
}

static int is_signed(enum pw_dtype dtype)
{
    return dtype == PW_I8 || dtype == PW_I16 || dtype == PW_I32 || dtype == PW_I64;
}

static enum pw_status refuse(enum pw_dtype dtype, uint64_t value, const struct pw_tile *tile, uint64_t row, uint64_t x,
                             struct pw_error *error)
{
    uint64_t at[3] = {tile->origin[0] + row / tile->shape[1], tile->origin[1] + row % tile->shape[1],
                      tile->origin[2] + x};
    if (is_signed(dtype) && value >> 63 != 0)
        return pw_fail(error, PW_E_SEGMENTER,
                       "the label %" PRId64 " at voxel (%" PRIu64 ", %" PRIu64 ", %" PRIu64 ") is negative",
                       (int64_t)value, at[0], at[1], at[2]);
    return pw_fail(error, PW_E_SEGMENTER,
                   "the label %" PRIu64 " at voxel (%" PRIu64 ", %" PRIu64 ", %" PRIu64 ") is above %" PRIu32
                   ", the most that a label of one tile can be",
                   value, at[0], at[1], at[2], UINT32_MAX);
}

/* One row of any type but uint32; values of more than 32 bits and negative ones, extended to 64, are refused. */
static enum pw_status take_row(const unsigned char *labels, enum pw_dtype dtype, const struct pw_tile *tile,
                               uint64_t row, uint64_t *value, struct pw_runs *runs, struct pw_error *error)
{
    struct pw_run *run = runs->run + runs->n_runs;
    uint64_t n = pw_value_runs(labels, dtype, tile->shape[2], run, value);
    for (uint64_t i = 0; i < n; i++) {
        if (value[i] > UINT32_MAX)
            return refuse(dtype, value[i], tile, row, run[i].start, error);
        runs->label[runs->n_runs + i] = (uint32_t)value[i];
    }
    runs->n_runs += n;
    return PW_OK;
}

enum pw_status pw_process_labels(const void *labels, enum pw_dtype dtype, const struct pw_tile *tile,
                                 struct pw_runs *runs, void *arena, struct pw_error *error)
{
    uint64_t rows = tile->shape[0] * tile->shape[1], row_size = tile->shape[2] * pw_dtype_bytes(dtype);
    const unsigned char *row = labels;
    void *numbering = (char *)arena + row_bytes(tile->shape);
    if (dtype == PW_U32) {
        pw_runs_from_dense(labels, tile->shape, runs);
        pw_runs_number(runs, numbering);
        return PW_OK;
    }
    memcpy(runs->shape, tile->shape, sizeof runs->shape);
    runs->n_runs = 0;
    for (uint64_t r = 0; r < rows; r++, row += row_size) {
        runs->row[r] = runs->n_runs;
        enum pw_status status = take_row(row, dtype, tile, r, arena, runs, error);
        if (status != PW_OK)
            return status;
    }
    runs->row[rows] = runs->n_runs;
    pw_runs_number(runs, numbering);
    return PW_OK;
}
