#include <criterion/criterion.h>

#include "tile/tile_set.h"

Test(tile_set, next_skips_what_was_left_out)
{
    const uint64_t sizes[] = {1, 63, 64, 65, 200};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct pw_tile_set set = {0};
        struct pw_error error = {0};
        uint64_t n = sizes[s], left = n, seen = 0;
        cr_assert(pw_tile_set_init(&set, n, &error) == PW_OK);
        for (uint64_t t = 0; t < n; t++)
            if (t % 3 == 0 || (t >= 70 && t < 190)) {
                pw_tile_set_leave_out(&set, t);
                pw_tile_set_leave_out(&set, t);
                left--;
            }
        cr_assert(set.n_left == left);
        uint64_t before = 0;
        for (uint64_t t = pw_tile_set_next(&set, 0); t < n; t = pw_tile_set_next(&set, t + 1), seen++) {
            for (; before < t; before++)
                cr_assert(!pw_tile_set_has(&set, before));
            cr_assert(pw_tile_set_has(&set, t));
            before = t + 1;
        }
        for (; before < n; before++)
            cr_assert(!pw_tile_set_has(&set, before));
        cr_assert(seen == left);
        pw_tile_set_release(&set);
    }
}

Test(tile_set, no_set_is_all_tiles)
{
    cr_assert(pw_tile_set_has(NULL, 5) && pw_tile_set_next(NULL, 5) == 5);
}
