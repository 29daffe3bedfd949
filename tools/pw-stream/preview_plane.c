#include "preview_plane.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum pw_status fail(struct pw_error *error, enum pw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum pw_status fail(struct pw_error *error, enum pw_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->status = status;
    (void)vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return status;
}

/* The axis called name; else the last one that could be it, counted back from the end; -1 without one. */
static int find_axis(const struct pw_image_info *info, const char *name, int from_end)
{
    for (int i = 0; i < info->rank; i++)
        if (strcmp(info->axis[i].name, name) == 0)
            return i;
    for (int i = info->rank - 1; i >= 0; i--) {
        if (info->axis[i].kind == 'c' || info->axis[i].kind == 't')
            continue;
        if (from_end-- == 0)
            return info->axis[i].name[0] == '\0' ? i : -1;
    }
    return -1;
}

/* The coarsest level that still has picture_side voxels along its longer side; 0 when none has. */
static int choose_level(const struct pw_image_info *info, int y_axis, int x_axis, uint64_t picture_side)
{
    int level = 0;
    for (int i = 1; i < info->n_levels; i++) {
        uint64_t y = info->level_shape[i][y_axis], x = info->level_shape[i][x_axis];
        if ((y > x ? y : x) >= picture_side)
            level = i;
    }
    return level;
}

/* Where the plane lies along one axis other than y and x.  Indices are of level 0 and are scaled to the open one. */
static enum pw_status place_on_axis(const struct pw_preview_choice *choice, const struct pw_image_info *info, int axis,
                                    int z_axis, uint64_t *start, struct pw_error *error)
{
    uint64_t full = info->n_levels > 1 ? info->level_shape[0][axis] : info->shape[axis];
    const char *what = "z";
    int64_t wanted = choice->z < 0 ? (int64_t)(full / 2) : choice->z;
    if (axis != z_axis) {
        what = info->axis[axis].kind == 't' ? "time" : "channel";
        wanted = info->axis[axis].kind == 't' ? choice->time : choice->channel;
        wanted = wanted < 0 ? 0 : wanted;
    }
    if ((uint64_t)wanted >= full)
        return fail(error, PW_E_RANGE, "%s: --%s %" PRId64 ": the image has 0..%" PRIu64, choice->path, what, wanted,
                    full - 1);
    *start = (uint64_t)((double)wanted * ((double)info->shape[axis] / (double)full));
    if (*start >= info->shape[axis])
        *start = info->shape[axis] - 1;
    return PW_OK;
}

static enum pw_status open_level(const struct pw_preview_choice *choice, int level, struct pw_preview_plane *plane,
                                 struct pw_error *error)
{
    struct pw_open_options options = choice->open;
    options.level = level;
    pw_image_close(plane->image);
    plane->image = NULL;
    enum pw_status status = pw_image_open(choice->path, &options, &plane->image, error);
    if (status == PW_OK)
        plane->info = pw_image_describe(plane->image);
    return status;
}

enum pw_status pw_preview_open(const struct pw_preview_choice *choice, struct pw_preview_plane *plane,
                               struct pw_error *error)
{
    memset(plane, 0, sizeof *plane);
    enum pw_status status = open_level(choice, 0, plane, error);
    if (status != PW_OK)
        return status;
    plane->y_axis = find_axis(plane->info, "y", 1);
    plane->x_axis = find_axis(plane->info, "x", 0);
    int z_axis = find_axis(plane->info, "z", 2);
    if (plane->y_axis < 0 || plane->x_axis < 0 || plane->y_axis >= plane->x_axis)
        return fail(error, PW_E_UNSUPPORTED, "%s: no y axis followed by an x axis to look at", choice->path);
    plane->full_height = plane->info->shape[plane->y_axis];
    plane->full_width = plane->info->shape[plane->x_axis];
    if (plane->full_height == 0 || plane->full_width == 0)
        return fail(error, PW_E_RANGE, "%s: the image has no voxels", choice->path);

    int level = choose_level(plane->info, plane->y_axis, plane->x_axis, choice->picture_side);
    if (choice->level >= plane->info->n_levels)
        return fail(error, PW_E_RANGE, "%s: --level %" PRId64 ": the image has 0..%d", choice->path, choice->level,
                    plane->info->n_levels - 1);
    if (choice->level >= 0)
        level = (int)choice->level;
    if (level > 0)
        status = open_level(choice, level, plane, error);
    for (int i = 0; i < plane->info->rank && status == PW_OK; i++)
        if (i != plane->y_axis && i != plane->x_axis)
            status = place_on_axis(choice, plane->info, i, z_axis, &plane->start[i], error);
    return status;
}

void pw_preview_close(struct pw_preview_plane *plane)
{
    pw_image_close(plane->image);
    memset(plane, 0, sizeof *plane);
}

/* The voxel at the middle of picture pixel i, of size pixels over length voxels. */
static uint64_t nearest(uint64_t i, uint64_t size, uint64_t length)
{
    uint64_t voxel = (uint64_t)(((double)i + 0.5) * (double)length / (double)size);
    return voxel < length ? voxel : length - 1;
}

/* The first pixel whose voxel is at or after voxel. */
static uint64_t first_pixel(uint64_t voxel, uint64_t size, uint64_t length)
{
    uint64_t low = 0, high = size;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (nearest(middle, size, length) < voxel)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Hands on the pixels whose voxels lie in a block, which was read from (y0, x0). */
static void put_block(const struct pw_preview_plane *plane, const uint64_t picture_shape[2], const uint64_t at[2],
                      const uint64_t shape[2], const unsigned char *voxels, pw_preview_put put, void *picture)
{
    uint64_t length[2] = {plane->info->shape[plane->y_axis], plane->info->shape[plane->x_axis]};
    size_t voxel_bytes = pw_dtype_bytes(plane->info->dtype);
    uint64_t begin[2], end[2];
    for (int i = 0; i < 2; i++) {
        begin[i] = first_pixel(at[i], picture_shape[i], length[i]);
        end[i] = first_pixel(at[i] + shape[i], picture_shape[i], length[i]);
    }
    for (uint64_t row = begin[0]; row < end[0]; row++) {
        const unsigned char *line =
            voxels + (nearest(row, picture_shape[0], length[0]) - at[0]) * shape[1] * voxel_bytes;
        for (uint64_t column = begin[1]; column < end[1]; column++)
            put(picture, row * picture_shape[1] + column, plane->info->dtype,
                line + (nearest(column, picture_shape[1], length[1]) - at[1]) * voxel_bytes);
    }
}

/* The voxels of a block to read: whole chunks in y and x, so that each is decoded once; as many as fit. */
static void choose_block(const struct pw_preview_plane *plane, uint64_t block[2])
{
    int axis[2] = {plane->y_axis, plane->x_axis};
    uint64_t bytes = pw_dtype_bytes(plane->info->dtype);
    for (int i = 0; i < 2; i++) {
        uint64_t chunk = plane->info->chunk[axis[i]], length = plane->info->shape[axis[i]];
        block[i] = chunk == 0 || chunk > length ? length : chunk;
    }
    for (int i = 1; i >= 0; i--) {
        uint64_t length = plane->info->shape[axis[i]];
        uint64_t fits = PW_PREVIEW_BLOCK_BYTES / (block[0] * block[1] * bytes);
        if (fits > 1)
            block[i] = fits >= length / block[i] + 1 ? length : block[i] * fits;
    }
}

enum pw_status pw_preview_sample(struct pw_preview_plane *plane, uint64_t height, uint64_t width, pw_preview_put put,
                                 void *picture, struct pw_error *error)
{
    const struct pw_image_info *info = plane->info;
    uint64_t rows = info->shape[plane->y_axis], columns = info->shape[plane->x_axis], block[2];
    choose_block(plane, block);
    void *voxels = malloc((size_t)(block[0] * block[1] * pw_dtype_bytes(info->dtype)));
    if (voxels == NULL)
        return fail(error, PW_E_NOMEM, "no memory for a block of %" PRIu64 " x %" PRIu64 " voxels", block[0], block[1]);
    uint64_t start[PW_MAX_RANK], shape[PW_MAX_RANK];
    for (int i = 0; i < info->rank; i++) {
        start[i] = plane->start[i];
        shape[i] = 1;
    }
    enum pw_status status = PW_OK;
    for (uint64_t y = 0; y < rows && status == PW_OK; y += block[0])
        for (uint64_t x = 0; x < columns && status == PW_OK; x += block[1]) {
            uint64_t at[2] = {y, x};
            uint64_t size[2] = {rows - y < block[0] ? rows - y : block[0],
                                columns - x < block[1] ? columns - x : block[1]};
            start[plane->y_axis] = y;
            start[plane->x_axis] = x;
            shape[plane->y_axis] = size[0];
            shape[plane->x_axis] = size[1];
            status = pw_image_read(plane->image, start, shape, voxels, error);
            if (status == PW_OK)
                put_block(plane, (uint64_t[2]){height, width}, at, size, voxels, put, picture);
        }
    free(voxels);
    return status;
}
