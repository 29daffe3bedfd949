#include "label/pair_runs.h"

void pw_pair_rows_init(struct pw_pair_rows *rows, enum pw_dtype a, enum pw_dtype b)
{
    rows->bytes[0] = pw_dtype_bytes(a);
    rows->bytes[1] = pw_dtype_bytes(b);
    rows->changes[0] = pw_changes(rows->bytes[0]);
    rows->changes[1] = pw_changes(rows->bytes[1]);
}

uint64_t pw_pair_starts(const struct pw_pair_rows *rows, const void *a, const void *b, uint64_t width, uint32_t *start)
{
    uint64_t n = 0;
    for (uint64_t w = 0; w * 64 < width; w++) {
        uint64_t word = pw_changes_word(rows->changes[0], a, rows->bytes[0], width, w) |
                        pw_changes_word(rows->changes[1], b, rows->bytes[1], width, w);
        for (; word != 0; word &= word - 1)
            start[n++] = (uint32_t)(w * 64 + (uint64_t)__builtin_ctzll(word));
    }
    return n;
}
