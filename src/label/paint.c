/*
 * Runs to dense rows.
 */
#include "label/runs.h"

#include "label/simd.h"

#include <string.h>

/*
 * Gaps and runs in turn, each to its end.  The loops are plain so that one text
 * serves every width.
 */
#define PAINT_ROW(type)                                                                                              \
    static void paint_##type(type *out, uint64_t width, const struct pw_run *run, const uint64_t *value, uint64_t n) \
    {                                                                                                                \
        uint64_t x = 0;                                                                                              \
        for (uint64_t i = 0; i < n; i++) {                                                                           \
            for (; x < run[i].start; x++)                                                                            \
                out[x] = 0;                                                                                          \
            for (type v = (type)value[i]; x < run[i].end; x++)                                                       \
                out[x] = v;                                                                                          \
        }                                                                                                            \
        for (; x < width; x++)                                                                                       \
            out[x] = 0;                                                                                              \
    }

PAINT_ROW(uint8_t)
PAINT_ROW(uint16_t)
PAINT_ROW(uint32_t)
PAINT_ROW(uint64_t)

void pw_paint_row(enum pw_dtype dtype, void *out, uint64_t width, const struct pw_run *run, const uint64_t *value,
                  uint64_t n)
{
    switch (pw_dtype_bytes(dtype)) {
    case 1: paint_uint8_t(out, width, run, value, n); break;
    case 2: paint_uint16_t(out, width, run, value, n); break;
    case 4: paint_uint32_t(out, width, run, value, n); break;
    case 8: paint_uint64_t(out, width, run, value, n); break;
    default: break;
    }
}

void pw_paint_rows(enum pw_dtype dtype, void *out, const struct pw_label_block *block, uint64_t first_row,
                   uint64_t n_rows)
{
    unsigned char *at = out;
    size_t row_bytes = (size_t)block->shape[2] * pw_dtype_bytes(dtype);
    for (uint64_t row = first_row; row < first_row + n_rows; row++, at += row_bytes) {
        uint64_t first = block->row[row];
        pw_paint_row(dtype, at, block->shape[2], block->run + first, block->value + first,
                     block->row[row + 1] - first);
    }
}
