#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "label/occupied.h"

enum {
    DEPTH = 2,
    HEIGHT = 3,
    WIDTH = 5000 /* more than one piece */
};

/* One voxel that counts, anywhere, among others that do not: found; and not when it lies beside the block. */
Test(occupied, one_voxel_anywhere)
{
    static float block[DEPTH][HEIGHT][WIDTH + 1];
    const size_t stride[3] = {sizeof block[0], sizeof block[0][0], sizeof block[0][0][0]};
    const uint64_t shape[3] = {DEPTH, HEIGHT, WIDTH};
    struct pw_threshold level;
    pw_threshold_init(&level, PW_F32, 2.5);
    for (int i = 0; i < DEPTH * HEIGHT * (WIDTH + 1); i++)
        (&block[0][0][0])[i] = 2.5F;
    cr_assert(!pw_is_occupied(&level, block, stride, shape));
    const int at[][3] = {{0, 0, 0}, {1, 2, WIDTH - 1}, {0, 1, 4095}, {1, 0, 4096}, {0, 2, 63}};
    const float value[] = {2.6F, NAN, INFINITY};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++)
        for (size_t v = 0; v < 3; v++) {
            float *voxel = &block[at[i][0]][at[i][1]][at[i][2]];
            *voxel = value[v];
            cr_assert(pw_is_occupied(&level, block, stride, shape));
            *voxel = -INFINITY;
            cr_assert(!pw_is_occupied(&level, block, stride, shape));
        }
    block[0][1][WIDTH] = 9;
    cr_assert(!pw_is_occupied(&level, block, stride, shape));
}

Test(occupied, nan_of_every_width)
{
    const size_t stride[3] = {0, 0, 0};
    const uint64_t shape[3] = {1, 1, 3};
    struct pw_threshold level;
    const uint16_t half[3] = {0, 0xfe00, 0}, infinite[3] = {0, 0xfc00, 0};
    const double wide[3] = {0, -(double)NAN, 0};
    pw_threshold_init(&level, PW_F16, 9);
    cr_assert(pw_is_occupied(&level, half, stride, shape) && !pw_is_occupied(&level, infinite, stride, shape));
    pw_threshold_init(&level, PW_F64, 9);
    cr_assert(pw_is_occupied(&level, wide, stride, shape));
}
