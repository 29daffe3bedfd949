#include "label/distinct.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "label/changes.h"

static uint64_t words_of(uint64_t capacity)
{
    return pw_ceil_div(capacity, 64);
}

uint64_t pw_distinct_memory_bytes(uint64_t capacity)
{
    return words_of(capacity) * sizeof(uint64_t);
}

enum pw_status pw_distinct_init(struct pw_distinct *set, uint64_t capacity, struct pw_error *error)
{
    memset(set, 0, sizeof *set);
    set->flags = pw_alloc(words_of(capacity), sizeof *set->flags, error);
    set->capacity = 64 * words_of(capacity);
    return set->flags != NULL ? PW_OK : PW_E_NOMEM;
}

void pw_distinct_release(struct pw_distinct *set)
{
    free(set->flags);
    memset(set, 0, sizeof *set);
}

static void raise_flag(struct pw_distinct *set, uint64_t label)
{
    if (label >= set->capacity) {
        atomic_store_explicit(&set->too_large, 1, memory_order_relaxed);
        return;
    }
    /* Most are raised already: looking first keeps the line shared among processors. */
    _Atomic uint64_t *word = &set->flags[label / 64];
    uint64_t flag = (uint64_t)1 << label % 64;
    if (!(atomic_load_explicit(word, memory_order_relaxed) & flag))
        (void)atomic_fetch_or_explicit(word, flag, memory_order_relaxed);
}

static uint64_t label_at(const unsigned char *row, uint64_t x, size_t element_bytes)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    row += x * element_bytes;
    switch (element_bytes) {
    case 1: return *row;
    case 2: memcpy(&two, row, 2); return two;
    case 4: memcpy(&four, row, 4); return four;
    default: memcpy(&eight, row, 8); return eight;
    }
}

void pw_distinct_add(struct pw_distinct *set, size_t element_bytes, const void *voxels, size_t stride_bytes,
                     uint64_t rows, uint64_t width)
{
    pw_changes_fn changes = pw_changes(element_bytes);
    for (uint64_t y = 0; y < rows; y++) {
        const unsigned char *row = (const unsigned char *)voxels + y * stride_bytes;
        for (uint64_t w = 0; 64 * w < width; w++) {
            uint64_t change = pw_changes_word(changes, row, element_bytes, width, w);
            for (; change != 0; change &= change - 1) {
                uint64_t label = label_at(row, 64 * w + (uint64_t)__builtin_ctzll(change), element_bytes);
                if (label != 0)
                    raise_flag(set, label);
            }
        }
    }
}

int pw_distinct_count(const struct pw_distinct *set, uint64_t *count)
{
    *count = 0;
    for (uint64_t i = 0; i < set->capacity / 64; i++)
        *count += (uint64_t)__builtin_popcountll(atomic_load_explicit(&set->flags[i], memory_order_relaxed));
    return !atomic_load_explicit(&set->too_large, memory_order_relaxed);
}
