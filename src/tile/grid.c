#include "tile/grid.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

static const char axis_name[3] = {'z', 'y', 'x'};

enum pw_status pw_grid_init(struct pw_grid *grid, const uint64_t volume[3], const uint64_t tile[3],
                            const uint64_t halo[3], struct pw_error *error)
{
    const struct pw_box whole = {.start = {0, 0, 0}, .shape = {volume[0], volume[1], volume[2]}};
    return pw_grid_init_part(grid, volume, &whole, tile, halo, error);
}

enum pw_status pw_grid_init_part(struct pw_grid *grid, const uint64_t volume[3], const struct pw_box *part,
                                 const uint64_t tile[3], const uint64_t halo[3], struct pw_error *error)
{
    return pw_grid_init_times(grid, volume, 1, part, tile, halo, error);
}

static enum pw_status count_all(struct pw_grid *grid, struct pw_error *error)
{
    uint64_t voxels;
    if (grid->times == 0)
        return pw_fail(error, PW_E_ARGUMENT, "the image has no voxel: it has 0 time points");
    if (!pw_product_u64(grid->volume, 3, &voxels) || !pw_mul_u64(voxels, grid->times, &voxels))
        return pw_fail(error, PW_E_RANGE, "the image has more than 2^64 voxels");
    if (!pw_product_u64(grid->count, 3, &grid->n_tiles) || !pw_mul_u64(grid->n_tiles, grid->times, &grid->n_tiles) ||
        grid->n_tiles > UINT32_MAX)
        return pw_fail(error, PW_E_ARGUMENT, "tile: %llu x %llu x %llu tiles%s are too many; use a larger tile%s",
                       (unsigned long long)grid->count[0], (unsigned long long)grid->count[1],
                       (unsigned long long)grid->count[2], grid->times > 1 ? " for each time point" : "",
                       grid->times > 1 ? ", or fewer time points" : "");
    return PW_OK;
}

enum pw_status pw_grid_init_times(struct pw_grid *grid, const uint64_t volume[3], uint64_t times,
                                  const struct pw_box *given, const uint64_t tile[3], const uint64_t halo[3],
                                  struct pw_error *error)
{
    const struct pw_box whole = {.start = {0, 0, 0}, .shape = {volume[0], volume[1], volume[2]}};
    const struct pw_box *part = given != NULL ? given : &whole;
    memset(grid, 0, sizeof *grid);
    grid->times = times;
    for (int i = 0; i < 3; i++) {
        if (volume[i] == 0)
            return pw_fail(error, PW_E_ARGUMENT, "the image has no voxel: its %c extent is 0", axis_name[i]);
        if (tile[i] == 0)
            return pw_fail(error, PW_E_ARGUMENT, "tile: 0 voxels along %c; use 1 or more, or auto", axis_name[i]);
        if (part->shape[i] == 0 || part->shape[i] > volume[i] || part->start[i] > volume[i] - part->shape[i])
            return pw_fail(error, PW_E_ARGUMENT, "%llu voxels from %llu on along %c do not lie in an image of %llu",
                           (unsigned long long)part->shape[i], (unsigned long long)part->start[i], axis_name[i],
                           (unsigned long long)volume[i]);
        grid->volume[i] = volume[i];
        grid->start[i] = part->start[i];
        grid->end[i] = part->start[i] + part->shape[i];
        grid->tile[i] = pw_min_u64(tile[i], part->shape[i]);
        grid->count[i] = pw_ceil_div(part->shape[i], grid->tile[i]);
        grid->halo[i] = grid->tile[i] == 1 || grid->count[i] == 1 ? 0 : halo[i];
    }
    return count_all(grid, error);
}

struct pw_box pw_grid_part(const struct pw_grid *grid)
{
    struct pw_box part;
    for (int i = 0; i < 3; i++) {
        part.start[i] = grid->start[i];
        part.shape[i] = grid->end[i] - grid->start[i];
    }
    return part;
}

uint64_t pw_grid_time(const struct pw_grid *grid, uint64_t index)
{
    return index / (grid->count[0] * grid->count[1] * grid->count[2]);
}

uint64_t pw_grid_voxels(const struct pw_grid *grid)
{
    return grid->times * grid->volume[0] * grid->volume[1] * grid->volume[2];
}

uint64_t pw_grid_part_voxels(const struct pw_grid *grid)
{
    struct pw_box part = pw_grid_part(grid);
    return grid->times * pw_box_voxels(&part);
}

int pw_grid_is_low_border(const struct pw_grid *grid, int axis, uint64_t at)
{
    return (axis == 0 ? pw_grid_z(grid, at) : at) == grid->start[axis];
}

int pw_grid_is_high_border(const struct pw_grid *grid, int axis, uint64_t at)
{
    return (axis == 0 ? pw_grid_z(grid, at - 1) + 1 : at) == grid->end[axis];
}

/* The box of a time point as a box of the stack. */
static struct pw_box in_stack(const struct pw_grid *grid, uint64_t time, struct pw_box box)
{
    box.start[0] += time * grid->volume[0];
    return box;
}

struct pw_box pw_grid_part_at(const struct pw_grid *grid, uint64_t z)
{
    return in_stack(grid, z / grid->volume[0], pw_grid_part(grid));
}

/* Where tile index begins and ends within its time point. */
static struct pw_box core_in_time(const struct pw_grid *grid, uint64_t index)
{
    struct pw_box core;
    uint64_t position[3];
    pw_grid_position(grid, index, position);
    for (int i = 0; i < 3; i++) {
        core.start[i] = grid->start[i] + position[i] * grid->tile[i];
        core.shape[i] = pw_min_u64(grid->tile[i], grid->end[i] - core.start[i]);
    }
    return core;
}

void pw_grid_position(const struct pw_grid *grid, uint64_t index, uint64_t position[3])
{
    position[2] = index % grid->count[2];
    index /= grid->count[2];
    position[1] = index % grid->count[1];
    position[0] = index / grid->count[1] % grid->count[0];
}

struct pw_box pw_grid_core(const struct pw_grid *grid, uint64_t index)
{
    return in_stack(grid, pw_grid_time(grid, index), core_in_time(grid, index));
}

struct pw_box pw_grid_window(const struct pw_grid *grid, uint64_t index)
{
    struct pw_box window = core_in_time(grid, index);
    for (int i = 0; i < 3; i++) {
        uint64_t end = window.start[i] + window.shape[i];
        uint64_t before = pw_min_u64(grid->halo[i], window.start[i] - grid->start[i]);
        uint64_t after = pw_min_u64(grid->halo[i], grid->end[i] - end);
        window.start[i] -= before;
        window.shape[i] += before + after;
    }
    return in_stack(grid, pw_grid_time(grid, index), window);
}

struct pw_box pw_grid_reach(const struct pw_grid *grid, uint64_t index, const uint64_t context[3])
{
    struct pw_box box = pw_grid_window(grid, index);
    for (int i = 0; i < 3; i++) {
        uint64_t rim = pw_min_u64(context[i], grid->halo[i]);
        uint64_t before = pw_grid_is_low_border(grid, i, box.start[i]) ? 0 : rim;
        uint64_t after = pw_grid_is_high_border(grid, i, box.start[i] + box.shape[i]) ? 0 : rim;
        box.start[i] += before;
        box.shape[i] -= before + after;
    }
    return box;
}

void pw_grid_window_max(const struct pw_grid *grid, uint64_t shape[3])
{
    for (int i = 0; i < 3; i++) {
        uint64_t room =
            grid->end[i] - grid->start[i] - grid->tile[i]; /* a halo may be any number: twice it need not fit 64 bits */
        shape[i] = grid->tile[i] + (grid->halo[i] > room / 2 ? room : 2 * grid->halo[i]);
    }
}

int pw_grid_neighbour(const struct pw_grid *grid, uint64_t index, const int offset[3], uint64_t *neighbour)
{
    uint64_t position[3];
    pw_grid_position(grid, index, position);
    for (int i = 0; i < 3; i++) {
        if ((offset[i] < 0 && position[i] == 0) || (offset[i] > 0 && position[i] + 1 == grid->count[i]))
            return 0;
        position[i] = offset[i] < 0 ? position[i] - 1 : position[i] + (uint64_t)(offset[i] > 0);
    }
    position[0] += pw_grid_time(grid, index) * grid->count[0];
    *neighbour = (position[0] * grid->count[1] + position[1]) * grid->count[2] + position[2];
    return 1;
}
