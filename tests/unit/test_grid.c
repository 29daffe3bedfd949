#include <criterion/criterion.h>
#include <string.h>

#include "tile/grid.h"

static struct pw_grid make(const uint64_t volume[3], const uint64_t tile[3], const uint64_t halo[3])
{
    struct pw_grid grid;
    struct pw_error error = {0};
    cr_assert(pw_grid_init(&grid, volume, tile, halo, &error) == PW_OK, "%s", error.message);
    return grid;
}

Test(grid, cores_tile_the_volume_in_raster_order)
{
    struct pw_grid grid = make((uint64_t[]){1, 4, 5}, (uint64_t[]){1, 2, 2}, (uint64_t[]){0, 0, 0});
    cr_assert(grid.n_tiles == 6);
    struct pw_box first = pw_grid_core(&grid, 0), last = pw_grid_core(&grid, 5);
    cr_assert(first.start[1] == 0 && first.start[2] == 0 && first.shape[1] == 2 && first.shape[2] == 2);
    cr_assert(last.start[1] == 2 && last.start[2] == 4 && last.shape[1] == 2 && last.shape[2] == 1);
}

Test(grid, every_voxel_is_in_one_core)
{
    const uint64_t volume[3] = {5, 7, 11};
    struct pw_grid grid = make(volume, (uint64_t[]){2, 3, 4}, (uint64_t[]){1, 1, 1});
    int seen[5][7][11];
    memset(seen, 0, sizeof seen);
    for (uint64_t t = 0; t < grid.n_tiles; t++) {
        struct pw_box core = pw_grid_core(&grid, t), window = pw_grid_window(&grid, t);
        struct pw_box whole = {{0, 0, 0}, {5, 7, 11}};
        cr_assert(pw_box_contains(&window, &core) && pw_box_contains(&whole, &window));
        for (uint64_t z = 0; z < core.shape[0]; z++)
            for (uint64_t y = 0; y < core.shape[1]; y++)
                for (uint64_t x = 0; x < core.shape[2]; x++)
                    seen[core.start[0] + z][core.start[1] + y][core.start[2] + x]++;
    }
    for (int z = 0; z < 5; z++)
        for (int y = 0; y < 7; y++)
            for (int x = 0; x < 11; x++)
                cr_assert(seen[z][y][x] == 1);
}

Test(grid, halo_is_clipped_and_absent_on_thin_axes)
{
    struct pw_grid grid = make((uint64_t[]){4, 10, 10}, (uint64_t[]){1, 5, 10}, (uint64_t[]){3, 2, 2});
    struct pw_box window = pw_grid_window(&grid, 1);
    cr_assert(grid.halo[0] == 0, "a tile 1 thick has no halo");
    cr_assert(grid.halo[2] == 0, "an axis of one tile has no halo");
    cr_assert(window.start[1] == 3 && window.shape[1] == 7);
}

Test(grid, neighbours_end_at_the_border)
{
    struct pw_grid grid = make((uint64_t[]){2, 4, 6}, (uint64_t[]){1, 2, 2}, (uint64_t[]){0, 0, 0});
    uint64_t neighbour;
    cr_assert(grid.n_tiles == 12);
    cr_assert(!pw_grid_neighbour(&grid, 0, (int[]){0, 0, -1}, &neighbour));
    cr_assert(pw_grid_neighbour(&grid, 0, (int[]){1, 1, 1}, &neighbour) && neighbour == 10);
    cr_assert(!pw_grid_neighbour(&grid, 11, (int[]){0, 0, 1}, &neighbour));
    cr_assert(pw_grid_neighbour(&grid, 11, (int[]){-1, -1, -1}, &neighbour) && neighbour == 1);
}

/* A part of a volume is cut like a volume of its shape, only elsewhere. */
Test(grid, a_part_is_cut_like_a_volume_of_its_shape)
{
    const uint64_t volume[3] = {9, 40, 50}, tile[3] = {2, 7, 16}, halo[3] = {1, 3, 5}, context[3] = {1, 1, 2};
    const struct pw_box part = {{2, 5, 11}, {5, 33, 39}};
    struct pw_grid grid, alone = make(part.shape, tile, halo);
    struct pw_error error = {0};
    cr_assert(pw_grid_init_part(&grid, volume, &part, tile, halo, &error) == PW_OK, "%s", error.message);
    cr_assert(grid.n_tiles == alone.n_tiles);
    struct pw_box all = pw_grid_part(&grid);
    cr_assert(pw_box_equal(&all, &part));
    uint64_t most[3], most_alone[3];
    pw_grid_window_max(&grid, most);
    pw_grid_window_max(&alone, most_alone);
    cr_assert(memcmp(most, most_alone, sizeof most) == 0);
    for (uint64_t t = 0; t < grid.n_tiles; t++) {
        struct pw_box got[3] = {pw_grid_core(&grid, t), pw_grid_window(&grid, t), pw_grid_reach(&grid, t, context)};
        struct pw_box want[3] = {pw_grid_core(&alone, t), pw_grid_window(&alone, t), pw_grid_reach(&alone, t, context)};
        for (int b = 0; b < 3; b++)
            for (int i = 0; i < 3; i++)
                cr_assert(got[b].start[i] == want[b].start[i] + part.start[i] && got[b].shape[i] == want[b].shape[i]);
    }
    const struct pw_box beyond = {{0, 8, 0}, {9, 33, 50}}, empty = {{0, 0, 0}, {9, 0, 50}};
    cr_assert(pw_grid_init_part(&grid, volume, &beyond, tile, halo, &error) == PW_E_ARGUMENT);
    cr_assert(pw_grid_init_part(&grid, volume, &empty, tile, halo, &error) == PW_E_ARGUMENT);
}

Test(grid, refuses_nonsense)
{
    struct pw_grid grid;
    struct pw_error error = {0};
    const uint64_t none[3] = {0, 0, 0}, volume[3] = {1, 9, 9}, huge[3] = {1, 1 << 20, 1 << 20}, one[3] = {1, 1, 1};
    cr_assert(pw_grid_init(&grid, volume, none, none, &error) == PW_E_ARGUMENT);
    cr_assert(pw_grid_init(&grid, none, one, none, &error) == PW_E_ARGUMENT);
    cr_assert(pw_grid_init(&grid, huge, one, none, &error) == PW_E_ARGUMENT);
    cr_assert(strstr(error.message, "too many") != NULL);
}
