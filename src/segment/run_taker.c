#include "segment/run_taker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int refuse(struct pw_run_taker *taker, uint64_t z, uint64_t y, uint64_t start, uint64_t end, const char *why)
{
    if (!taker->refused)
        (void)snprintf(taker->tile->message, taker->tile->message_bytes,
                       "run %" PRIu64 "..%" PRIu64 " of row (%" PRIu64 ", %" PRIu64 ") %s", start, end, z, y, why);
    taker->refused = 1;
    return 1;
}

/* The rows after the last one up to row begin where the next run will stand. */
static void open_rows(struct pw_run_taker *taker, uint64_t row)
{
    struct pw_runs *runs = taker->runs;
    while (taker->row < row)
        runs->row[++taker->row] = runs->n_runs;
}

static void append(struct pw_runs *runs, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    struct pw_run *last = runs->n_runs > runs->row[row] ? &runs->run[runs->n_runs - 1] : NULL;
    if (last != NULL && last->end == start && runs->label[runs->n_runs - 1] == label) {
        last->end = end;
        return;
    }
    runs->run[runs->n_runs] = (struct pw_run){start, end};
    runs->label[runs->n_runs++] = label;
}

static int add(struct pw_run_writer *writer, uint64_t z, uint64_t y, uint64_t start, uint64_t end, uint32_t label)
{
    struct pw_run_taker *taker = writer->host;
    struct pw_runs *runs = taker->runs;
    if (taker->refused)
        return 1;
    if (z >= runs->shape[0] || y >= runs->shape[1] || end > runs->shape[2])
        return refuse(taker, z, y, start, end, "leaves the window");
    if (start >= end)
        return refuse(taker, z, y, start, end, "has no voxel");
    if (label == 0)
        return refuse(taker, z, y, start, end, "has the label 0, which is background");
    uint64_t row = z * runs->shape[1] + y;
    if (row < taker->row)
        return refuse(taker, z, y, start, end, "comes after a later row");
    open_rows(taker, row);
    if (runs->n_runs > runs->row[row] && start < runs->run[runs->n_runs - 1].end)
        return refuse(taker, z, y, start, end, "begins before the end of the one before it");
    append(runs, row, (uint32_t)start, (uint32_t)end, label);
    return 0;
}

void pw_run_taker_begin(struct pw_run_taker *taker, struct pw_runs *runs, const struct pw_tile *tile)
{
    memset(taker, 0, sizeof *taker);
    taker->writer.struct_size = sizeof taker->writer;
    taker->writer.add = add;
    taker->writer.host = taker;
    taker->runs = runs;
    taker->tile = tile;
    memcpy(runs->shape, tile->shape, sizeof runs->shape);
    runs->n_runs = 0;
    runs->n_labels = 0;
    runs->row[0] = 0;
}

int pw_run_taker_end(struct pw_run_taker *taker)
{
    open_rows(taker, taker->runs->shape[0] * taker->runs->shape[1]);
    return taker->refused;
}
