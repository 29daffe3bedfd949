#include "label/runs.h"

#include <string.h>

/*
 * From the last row to the first: a row of the larger block has a number that is not below its own in the smaller,
 * so that no entry is written before it has been read.
 */
void pw_runs_embed(struct pw_runs *runs, const uint64_t start[3], const uint64_t shape[3])
{
    const uint64_t inner[3] = {runs->shape[0], runs->shape[1], runs->shape[2]};
    uint64_t rows = inner[0] * inner[1], at = shape[0] * shape[1];
    uint64_t end = runs->row[rows];
    while (at-- > 0) {
        uint64_t z = at / shape[1] - start[0], y = at % shape[1] - start[1]; /* wrap to large numbers before */
        runs->row[at + 1] = end;
        if (z < inner[0] && y < inner[1])
            end = runs->row[z * inner[1] + y];
    }
    runs->row[0] = 0;
    for (uint64_t i = 0; i < runs->n_runs; i++) {
        runs->run[i].start += (uint32_t)start[2];
        runs->run[i].end += (uint32_t)start[2];
    }
    memcpy(runs->shape, shape, sizeof runs->shape);
}
