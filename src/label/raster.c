#include "label/raster.h"

#include <string.h>

enum {
    RUN_BYTES = 2 * (sizeof(struct pw_run) + sizeof(uint64_t)) + sizeof(uint32_t)
};

uint64_t pw_raster_bytes(uint64_t capacity, uint64_t rows)
{
    return capacity * RUN_BYTES + (rows + 2) * sizeof(uint64_t) + sizeof(uint64_t);
}

uint64_t pw_raster_capacity(uint64_t bytes, uint64_t rows)
{
    uint64_t fixed = pw_raster_bytes(0, rows);
    return bytes > fixed ? (bytes - fixed) / RUN_BYTES : 0;
}

static void *take(unsigned char **at, uint64_t bytes)
{
    void *p = *at;
    *at += bytes;
    return p;
}

void *pw_raster_init(struct pw_raster *raster, void *memory, uint64_t capacity, uint64_t rows)
{
    unsigned char *at = memory;
    raster->value = take(&at, capacity * sizeof(uint64_t));
    raster->sorted_value = take(&at, capacity * sizeof(uint64_t));
    raster->row = take(&at, (rows + 2) * sizeof(uint64_t));
    raster->run = take(&at, capacity * sizeof(struct pw_run));
    raster->sorted_run = take(&at, capacity * sizeof(struct pw_run));
    raster->run_row = take(&at, (capacity + 1) / 2 * 2 * sizeof(uint32_t));
    raster->n = 0;
    raster->capacity = capacity;
    return at;
}

/* Counting sort by row; stable, so that rows come out in order of x. */
void pw_raster_sort(struct pw_raster *raster, uint64_t rows)
{
    uint64_t *row = raster->row;
    memset(row, 0, (size_t)(rows + 2) * sizeof *row);
    for (uint64_t i = 0; i < raster->n; i++)
        row[raster->run_row[i] + 2]++;
    for (uint64_t r = 2; r < rows + 2; r++)
        row[r] += row[r - 1];
    for (uint64_t i = 0; i < raster->n; i++) {
        uint64_t to = row[raster->run_row[i] + 1]++;
        raster->sorted_run[to] = raster->run[i];
        raster->sorted_value[to] = raster->value[i];
    }
}

void pw_raster_join(struct pw_raster *raster, uint64_t rows)
{
    uint64_t kept = 0, begin = 0;
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t end = raster->row[r + 1], first = kept;
        for (uint64_t i = begin; i < end; i++) {
            if (kept > first && raster->sorted_run[kept - 1].end == raster->sorted_run[i].start &&
                raster->sorted_value[kept - 1] == raster->sorted_value[i]) {
                raster->sorted_run[kept - 1].end = raster->sorted_run[i].end;
                continue;
            }
            raster->sorted_run[kept] = raster->sorted_run[i];
            raster->sorted_value[kept++] = raster->sorted_value[i];
        }
        begin = end;
        raster->row[r] = first;
        raster->row[r + 1] = kept; /* begin of the next row, whose end is still the old one */
    }
    raster->n = kept;
}

void pw_raster_block(const struct pw_raster *raster, const uint64_t shape[3], struct pw_label_block *block)
{
    memcpy(block->shape, shape, sizeof block->shape);
    block->run = raster->sorted_run;
    block->value = raster->sorted_value;
    block->row = raster->row;
    block->n_runs = raster->n;
}
