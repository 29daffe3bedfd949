/* Counting different labels by flags: every width, ends of rows, and labels beyond the flags. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "label/distinct.h"

Test(distinct, every_element_size_and_rows_that_lie_apart)
{
    enum {
        WIDTH = 150,
        STRIDE = 160,
        ROWS = 3
    };
    static uint8_t u8[ROWS * STRIDE];
    static uint16_t u16[ROWS * STRIDE];
    static uint32_t u32[ROWS * STRIDE];
    static uint64_t u64[ROWS * STRIDE];
    const void *voxels[] = {u8, u16, u32, u64};
    for (int i = 0; i < ROWS * STRIDE; i++) {
        /* 200 lies in the gap behind each row; 7 at a row's first voxel only, 9 at its last. */
        int x = i % STRIDE, value = x >= WIDTH ? 200 : x == 0 ? 7 : x == WIDTH - 1 ? 9 : x / 40 * 3;
        u8[i] = (uint8_t)value;
        u16[i] = (uint16_t)value;
        u32[i] = (uint32_t)value;
        u64[i] = (uint64_t)value;
    }
    for (int k = 0; k < 4; k++) {
        struct pw_distinct set;
        uint64_t count;
        size_t bytes = (size_t)1 << k;
        cr_assert_eq(pw_distinct_init(&set, 201, NULL), PW_OK);
        pw_distinct_add(&set, bytes, voxels[k], STRIDE * bytes, ROWS, WIDTH);
        cr_assert(pw_distinct_count(&set, &count));
        cr_assert_eq(count, 4, "%zu bytes: %llu", bytes, (unsigned long long)count); /* 3 and 6; 7 and 9; not 0 */
        pw_distinct_release(&set);
    }
}

Test(distinct, labels_beyond_the_flags_are_told)
{
    static const uint64_t labels[] = {1, 127, 128, 5};
    struct pw_distinct set;
    uint64_t count;
    cr_assert_eq(pw_distinct_init(&set, 100, NULL), PW_OK);
    pw_distinct_add(&set, 8, labels, sizeof labels, 1, 2);
    cr_assert(pw_distinct_count(&set, &count));
    cr_assert_eq(count, 2);
    pw_distinct_add(&set, 8, labels, sizeof labels, 1, 4);
    cr_assert_not(pw_distinct_count(&set, &count));
    pw_distinct_release(&set);
}
