#include <criterion/criterion.h>
#include <string.h>

#include "tile/volume.h"

/* A source that is only described; what reads it is not under test here. */
static void describe(struct pw_source *source, const char *axes, const uint64_t *shape)
{
    memset(source, 0, sizeof *source);
    memcpy(source->path, "image", sizeof "image");
    source->info.dtype = PW_U16;
    source->info.rank = (int)strlen(axes);
    for (int a = 0; a < source->info.rank; a++) {
        struct pw_axis *axis = &source->info.axis[a];
        axis->name[0] = axes[a] == '?' ? '\0' : axes[a];
        axis->kind = axes[a];
        if (strchr("zyx", axes[a]) != NULL)
            axis->kind = 's';
        axis->scale = 1.0 + a;
        source->info.shape[a] = shape[a];
        source->info.chunk[a] = (shape[a] + 1) / 2;
    }
}

static enum pw_status make(struct pw_volume *volume, struct pw_source *source, const char *axes, const uint64_t *shape,
                           int64_t time, int64_t channel, struct pw_error *error)
{
    memset(error, 0, sizeof *error);
    describe(source, axes, shape);
    return pw_volume_init(volume, source, time, channel, error);
}

static int is(const uint64_t shape[3], uint64_t z, uint64_t y, uint64_t x)
{
    return shape[0] == z && shape[1] == y && shape[2] == x;
}

Test(volume, axes_are_found_by_name_in_any_order)
{
    struct pw_source source;
    struct pw_volume v;
    struct pw_error error;
    cr_assert(make(&v, &source, "czyx", (uint64_t[]){1, 3, 4, 5}, -1, -1, &error) == PW_OK, "%s", error.message);
    cr_assert(is(v.shape, 3, 4, 5) && is(v.chunk, 2, 2, 3) && v.rank == 3);
    cr_assert(v.axis[0] == 1 && v.axis[1] == 2 && v.axis[2] == 3);
    cr_assert(v.space[0].scale == 2.0 && v.space[2].scale == 4.0);
    cr_assert(make(&v, &source, "xyz", (uint64_t[]){5, 4, 3}, -1, -1, &error) == PW_OK);
    cr_assert(is(v.shape, 3, 4, 5) && v.axis[0] == 2 && v.axis[2] == 0);
    cr_assert(strcmp(v.space[0].name, "z") == 0 && v.space[0].scale == 3.0);
}

Test(volume, without_a_z_axis_it_is_one_thick)
{
    struct pw_source source;
    struct pw_volume v;
    struct pw_error error;
    cr_assert(make(&v, &source, "yxc", (uint64_t[]){4, 5, 3}, -1, 2, &error) == PW_OK, "%s", error.message);
    cr_assert(is(v.shape, 1, 4, 5) && v.rank == 2 && v.axis[0] == -1 && v.channel[0] == 2);
    cr_assert(v.space[0].scale == 1.0);
    struct pw_region region;
    pw_volume_region(&v, &(struct pw_box){{0, 1, 2}, {1, 2, 3}}, &region);
    cr_assert(region.rank == 3 && region.start[0] == 1 && region.start[1] == 2 && region.start[2] == 2);
    cr_assert(region.shape[0] == 2 && region.shape[1] == 3 && region.shape[2] == 1);
}

Test(volume, axes_without_names_are_the_last_ones)
{
    struct pw_source source;
    struct pw_volume v;
    struct pw_error error;
    cr_assert(make(&v, &source, "??", (uint64_t[]){4, 5}, -1, -1, &error) == PW_OK);
    cr_assert(is(v.shape, 1, 4, 5) && v.rank == 2);
    cr_assert(make(&v, &source, "????", (uint64_t[]){1, 3, 4, 5}, -1, -1, &error) == PW_OK);
    cr_assert(is(v.shape, 3, 4, 5) && v.axis[0] == 1);
    cr_assert(make(&v, &source, "????", (uint64_t[]){2, 3, 4, 5}, -1, -1, &error) == PW_E_UNSUPPORTED);
    cr_assert(make(&v, &source, "?", (uint64_t[]){7}, -1, -1, &error) == PW_E_UNSUPPORTED);
}

Test(volume, time_and_channel_are_chosen_or_refused)
{
    struct pw_source source;
    struct pw_volume v;
    struct pw_error error;
    const uint64_t shape[] = {2, 3, 4, 5, 6};
    cr_assert(make(&v, &source, "tczyx", shape, 1, 2, &error) == PW_OK);
    cr_assert(v.first_time == 1 && v.times == 1 && !v.keeps_time && v.channel[0] == 2);
    cr_assert(make(&v, &source, "tczyx", shape, -1, 0, &error) == PW_OK, "all of them");
    cr_assert(v.first_time == 0 && v.times == 2 && v.keeps_time);
    cr_assert(make(&v, &source, "tczyx", shape, 0, -1, &error) == PW_E_ARGUMENT);
    cr_assert(strstr(error.message, "--channel 0..2") != NULL, "%s", error.message);
    cr_assert(make(&v, &source, "tczyx", shape, 2, 0, &error) == PW_E_ARGUMENT);
    cr_assert(make(&v, &source, "tczyx", shape, 0, 3, &error) == PW_E_ARGUMENT);
    cr_assert(make(&v, &source, "zyx", shape, -1, 1, &error) == PW_E_ARGUMENT, "there is no channel 1");
    cr_assert(make(&v, &source, "zyx", shape, 1, -1, &error) == PW_E_ARGUMENT);
    cr_assert(make(&v, &source, "zyx", shape, 0, 0, &error) == PW_OK, "the one there is");
}

Test(volume, an_axis_without_entries_is_refused)
{
    struct pw_source source;
    struct pw_volume v;
    struct pw_error error;
    cr_assert(make(&v, &source, "cyx", (uint64_t[]){0, 4, 5}, -1, -1, &error) == PW_E_ARGUMENT);
    cr_assert(make(&v, &source, "cyx", (uint64_t[]){0, 4, 5}, -1, 0, &error) == PW_E_ARGUMENT);
}

/* The element of a chunk that stands for voxel z y x, by the definition of its layout. */
static uint16_t element(const struct pw_volume *v, const struct pw_region *chunk, const uint16_t *voxels, uint64_t z,
                        uint64_t y, uint64_t x)
{
    uint64_t at = 0;
    const uint64_t voxel[3] = {z, y, x};
    for (int a = 0; a < chunk->rank; a++) {
        uint64_t index = a == v->time_axis                     ? v->first_time
                         : v->source->info.axis[a].kind == 'c' ? pw_volume_channel_index(v, v->channel[0], a)
                                                               : 0;
        for (int i = 0; i < 3; i++)
            if (v->axis[i] == a)
                index = voxel[i];
        at = at * chunk->shape[a] + (index - chunk->start[a]);
    }
    return voxels[at];
}

static int contains(const struct pw_volume *v, const struct pw_region *chunk, const uint64_t voxel[3])
{
    for (int i = 0; i < 3; i++)
        if (v->axis[i] >= 0 &&
            (voxel[i] < chunk->start[v->axis[i]] || voxel[i] >= chunk->start[v->axis[i]] + chunk->shape[v->axis[i]]))
            return 0;
    return 1;
}

static void check_copies(const char *axes, const uint64_t *shape, int64_t channel)
{
    struct pw_source source;
    struct pw_volume v;
    struct pw_error error;
    uint16_t voxels[600], window[600];
    cr_assert(make(&v, &source, axes, shape, -1, channel, &error) == PW_OK, "%s", error.message);
    source.fill = 7;
    for (int i = 0; i < 600; i++)
        voxels[i] = (uint16_t)(1000 + i);
    struct pw_region chunk = {.rank = source.info.rank};
    for (int a = 0; a < chunk.rank; a++) {
        chunk.start[a] = shape[a] > 3 ? 2 : 0;
        chunk.shape[a] = shape[a] > 3 ? 3 : shape[a];
    }
    const struct pw_box box = {{0, 1, 1}, {v.shape[0], v.shape[1] - 1, v.shape[2] - 2}};
    for (int fill = 0; fill <= 1; fill++) {
        memset(window, 0xff, sizeof window);
        if (fill)
            pw_volume_fill_chunk(&v, &chunk, &box, window);
        else
            pw_volume_copy_chunk(&v, &chunk, voxels, &box, window);
        uint64_t i = 0;
        for (uint64_t z = box.start[0]; z < box.start[0] + box.shape[0]; z++)
            for (uint64_t y = box.start[1]; y < box.start[1] + box.shape[1]; y++)
                for (uint64_t x = box.start[2]; x < box.start[2] + box.shape[2]; x++) {
                    uint16_t expected = UINT16_MAX;
                    if (contains(&v, &chunk, (uint64_t[]){z, y, x}))
                        expected = fill ? 7 : element(&v, &chunk, voxels, z, y, x);
                    cr_assert(window[i++] == expected, "%s fill %d", axes, fill);
                }
    }
}

Test(volume, chunks_of_any_axis_order_are_copied)
{
    check_copies("zyx", (uint64_t[]){6, 7, 8}, -1);
    check_copies("xyz", (uint64_t[]){8, 7, 6}, -1);
    check_copies("yzx", (uint64_t[]){7, 5, 8}, -1);
    check_copies("czyx", (uint64_t[]){3, 4, 5, 6}, 1);
    check_copies("yxc", (uint64_t[]){9, 8, 3}, 2);
    check_copies("yx", (uint64_t[]){9, 8}, -1);
}

Test(volume, a_chunk_that_is_the_window_is_recognised)
{
    struct pw_source source;
    struct pw_volume v;
    struct pw_error error;
    struct pw_region chunk = {.rank = 3, .start = {0, 4, 5}, .shape = {2, 4, 5}};
    const struct pw_box same = {{0, 4, 5}, {2, 4, 5}}, other = {{0, 4, 6}, {2, 4, 5}}, part = {{0, 4, 5}, {2, 4, 4}};
    cr_assert(make(&v, &source, "zyx", (uint64_t[]){4, 8, 10}, -1, -1, &error) == PW_OK);
    cr_assert(pw_volume_chunk_is_window(&v, &chunk, &same));
    cr_assert(!pw_volume_chunk_is_window(&v, &chunk, &other));
    cr_assert(!pw_volume_chunk_is_window(&v, &chunk, &part));
    /* The same box, but its voxels in another order. */
    struct pw_region turned = {.rank = 3, .start = {5, 4, 0}, .shape = {5, 4, 2}};
    cr_assert(make(&v, &source, "xyz", (uint64_t[]){10, 8, 4}, -1, -1, &error) == PW_OK);
    cr_assert(!pw_volume_chunk_is_window(&v, &turned, &same));
}
