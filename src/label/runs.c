#include "label/runs.h"

#include "label/bitrow.h"
#include "label/changes.h"

#include <string.h>

uint64_t pw_runs_capacity(const uint64_t shape[3], int labels_may_touch)
{
    uint64_t in_row = labels_may_touch ? shape[2] : shape[2] / 2 + shape[2] % 2;
    return shape[0] * shape[1] * in_row + PW_RUN_SLACK;
}

/* Runs of one row and their values; returns their number. */
static uint64_t cut_row(const uint32_t *dense, uint64_t width, pw_changes_fn changes, struct pw_run *run,
                        uint32_t *label)
{
    uint64_t n = 0;
    uint32_t value = 0;
    for (uint64_t w = 0; 64 * w < width; w++) {
        uint64_t change = pw_changes_word(changes, (const unsigned char *)dense, sizeof *dense, width, w);
        for (; change; change &= change - 1) {
            uint64_t x = 64 * w + (uint64_t)__builtin_ctzll(change);
            if (value)
                run[n++].end = (uint32_t)x;
            value = dense[x];
            run[n].start = (uint32_t)x;
            label[n] = value;
        }
    }
    if (value)
        run[n++].end = (uint32_t)width;
    return n;
}

void pw_runs_from_dense(const uint32_t *dense, const uint64_t shape[3], struct pw_runs *out)
{
    pw_changes_fn changes = pw_changes(sizeof *dense);
    uint64_t rows = shape[0] * shape[1], width = shape[2], n = 0;
    memcpy(out->shape, shape, sizeof out->shape);
    for (uint64_t row = 0; row < rows; row++, dense += width) {
        out->row[row] = n;
        n += cut_row(dense, width, changes, out->run + n, out->label + n);
    }
    out->row[rows] = n;
    out->n_runs = n;
    out->n_labels = 0;
}

/* First run of row r that ends after x. */
static uint64_t first_after(const struct pw_runs *runs, uint64_t r, uint64_t x)
{
    uint64_t low = runs->row[r], high = runs->row[r + 1];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (runs->run[middle].end > x)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void pw_runs_crop(const struct pw_runs *whole, const uint64_t start[3], const uint64_t shape[3], struct pw_runs *out)
{
    uint64_t left = start[2], right = start[2] + shape[2], n = 0, row = 0;
    memcpy(out->shape, shape, sizeof out->shape);
    for (uint64_t z = 0; z < shape[0]; z++)
        for (uint64_t y = 0; y < shape[1]; y++, row++) {
            uint64_t r = (start[0] + z) * whole->shape[1] + start[1] + y;
            out->row[row] = n;
            for (uint64_t i = first_after(whole, r, left); i < whole->row[r + 1] && whole->run[i].start < right; i++) {
                uint64_t from = whole->run[i].start, to = whole->run[i].end;
                from = from > left ? from - left : 0;
                to = to < right ? to - left : shape[2];
                out->run[n] = (struct pw_run){(uint32_t)from, (uint32_t)to};
                out->label[n++] = whole->label[i];
            }
        }
    out->row[row] = n;
    out->n_runs = n;
    out->n_labels = whole->n_labels;
}

/* A slot of the table that finds the new number of an old label; label 0 is free. */
struct slot {
    uint32_t label, number;
};

/* A power of two, at least twice as many slots as there can be labels. */
static uint64_t slot_count(uint64_t n_runs)
{
    uint64_t count = 16;
    while (count < 2 * n_runs)
        count *= 2;
    return count;
}

size_t pw_runs_number_scratch_bytes(uint64_t n_runs)
{
    return (size_t)slot_count(n_runs) * sizeof(struct slot);
}

/* Labels that are small already index the table themselves. */
static void number_direct(struct pw_runs *runs, uint32_t *number, uint32_t greatest)
{
    memset(number, 0, ((size_t)greatest + 1) * sizeof *number);
    uint32_t n = 0;
    for (uint64_t i = 0; i < runs->n_runs; i++) {
        uint32_t known = number[runs->label[i]];
        n += known == 0;
        known = known == 0 ? n : known;
        number[runs->label[i]] = known;
        runs->label[i] = known;
    }
    runs->n_labels = n;
}

static void number_hashed(struct pw_runs *runs, struct slot *slot, uint64_t count)
{
    memset(slot, 0, (size_t)count * sizeof *slot);
    int shift = 64 - __builtin_ctzll(count);
    uint32_t n = 0;
    for (uint64_t i = 0; i < runs->n_runs; i++) {
        uint32_t label = runs->label[i];
        /* Fibonacci hashing: the high bits of a product with 2^64 over the golden ratio. */
        uint64_t at = label * UINT64_C(0x9e3779b97f4a7c15) >> shift;
        while (slot[at].label != label && slot[at].label != 0)
            at = (at + 1) & (count - 1);
        if (slot[at].label == 0)
            slot[at] = (struct slot){label, ++n};
        runs->label[i] = slot[at].number;
    }
    runs->n_labels = n;
}

void pw_runs_number(struct pw_runs *runs, void *scratch)
{
    uint64_t count = slot_count(runs->n_runs);
    uint32_t greatest = 0;
    for (uint64_t i = 0; i < runs->n_runs; i++)
        greatest = runs->label[i] > greatest ? runs->label[i] : greatest;
    if (greatest < 2 * count)
        number_direct(runs, scratch, greatest);
    else
        number_hashed(runs, scratch, count);
}
