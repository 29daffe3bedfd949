#include "label/bitrow.h"

static uint64_t runs_portable(const uint64_t *bits, uint64_t width, uint32_t base, uint32_t *rank, struct pw_run *run)
{
    uint32_t *edge = &run->start; /* starts and ends by turns */
    uint64_t words = (width + 63) / 64, n = 0, before = 0;
    for (uint64_t w = 0; w < words; w++) {
        if (rank)
            rank[w] = base + (uint32_t)((n + 1) / 2);
        uint64_t change = bits[w] ^ (bits[w] << 1 | before >> 63);
        before = bits[w];
        while (change) {
            edge[n++] = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(change);
            change &= change - 1;
        }
    }
    if (n & 1)
        edge[n++] = (uint32_t)width;
    return n / 2;
}

pw_bit_runs_fn pw_bit_runs(void)
{
    return runs_portable;
}
