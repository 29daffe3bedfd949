#include "tile/tile_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    WORD = 64
};

static uint64_t words(uint64_t n_tiles)
{
    return n_tiles / WORD + 1;
}

enum pw_status pw_tile_set_init(struct pw_tile_set *set, uint64_t n_tiles, struct pw_error *error)
{
    set->n_tiles = set->n_left = n_tiles;
    set->out = pw_alloc(words(n_tiles), sizeof *set->out, error);
    return set->out != NULL ? PW_OK : PW_E_NOMEM;
}

void pw_tile_set_release(struct pw_tile_set *set)
{
    free(set->out);
    memset(set, 0, sizeof *set);
}

uint64_t pw_tile_set_memory_bytes(uint64_t n_tiles)
{
    return words(n_tiles) * sizeof(uint64_t);
}

void pw_tile_set_leave_out(struct pw_tile_set *set, uint64_t tile)
{
    uint64_t bit = UINT64_C(1) << tile % WORD;
    if (set->out[tile / WORD] & bit)
        return;
    set->out[tile / WORD] |= bit;
    set->n_left--;
}

int pw_tile_set_has(const struct pw_tile_set *set, uint64_t tile)
{
    return set == NULL || !(set->out[tile / WORD] >> tile % WORD & 1);
}

uint64_t pw_tile_set_next(const struct pw_tile_set *set, uint64_t tile)
{
    if (set == NULL || tile >= set->n_tiles)
        return tile;
    uint64_t word = tile / WORD, in = ~set->out[word] >> tile % WORD << tile % WORD;
    while (in == 0 && ++word < words(set->n_tiles))
        in = ~set->out[word];
    return in != 0 ? word * WORD + (uint64_t)__builtin_ctzll(in) : set->n_tiles;
}
