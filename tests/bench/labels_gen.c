/*
 * labels_gen ZxYxX - writes a label volume to the standard output as npy (uint32): balls with a radius of 2 to 6
 * voxels, one in each cell of 16 x 16 x 16, numbered by their cells in raster order from 1 on.
 *
 *   labels_gen 1280x2048x2048 | pw-stream convert - labels.zarr --pyramid none
 *
 * Extents are multiples of 16, so that every ball is whole and their number is that of the cells.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL = 16,
    HEADER_BYTES = 128
};

static uint64_t mix(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

/* The part of the ball of a cell that lies in the row z, y (within the cell). */
static void paint_ball(uint64_t cell, int z, int y, uint32_t *row)
{
    uint64_t random = mix(cell);
    int at[3] = {7 + (int)(random % 2), 7 + (int)(random >> 8) % 2, 7 + (int)(random >> 16) % 2};
    int radius = 2 + (int)(random >> 24) % 5;
    int rest = radius * radius - (z - at[0]) * (z - at[0]) - (y - at[1]) * (y - at[1]);
    if (rest < 0)
        return;
    int reach = 0;
    while ((reach + 1) * (reach + 1) <= rest)
        reach++;
    for (int x = at[2] - reach; x <= at[2] + reach; x++)
        row[x] = (uint32_t)(cell + 1);
}

static void write_out(const void *data, size_t bytes)
{
    if (fwrite(data, 1, bytes, stdout) != bytes) {
        perror("labels_gen");
        exit(1);
    }
}

static void write_header(const uint64_t shape[3])
{
    char header[HEADER_BYTES];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    int used = snprintf(header + 10, sizeof header - 10,
                        "{'descr': '<u4', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu64 ", %" PRIu64 "), }",
                        shape[0], shape[1], shape[2]);
    header[10 + used] = ' '; /* instead of the end of the string */
    header[sizeof header - 1] = '\n';
    write_out(header, sizeof header);
}

int main(int argc, char **argv)
{
    uint64_t shape[3];
    char after;
    if (argc != 2 ||
        sscanf(argv[1], "%" SCNu64 "x%" SCNu64 "x%" SCNu64 "%c", &shape[0], &shape[1], &shape[2], &after) != 3 ||
        shape[0] % CELL != 0 || shape[1] % CELL != 0 || shape[2] % CELL != 0 || shape[2] == 0) {
        fprintf(stderr, "usage: labels_gen ZxYxX, multiples of %d\n", CELL);
        return 64;
    }
    uint32_t *row = calloc(shape[2], sizeof *row);
    if (row == NULL) {
        perror("labels_gen");
        return 1;
    }
    write_header(shape);
    uint64_t across = shape[2] / CELL;
    for (uint64_t z = 0; z < shape[0]; z++)
        for (uint64_t y = 0; y < shape[1]; y++) {
            uint64_t first = (z / CELL * (shape[1] / CELL) + y / CELL) * across;
            memset(row, 0, (size_t)shape[2] * sizeof *row);
            for (uint64_t i = 0; i < across; i++)
                paint_ball(first + i, (int)(z % CELL), (int)(y % CELL), row + i * CELL);
            write_out(row, (size_t)shape[2] * sizeof *row);
        }
    free(row);
    return fflush(stdout) != 0;
}
