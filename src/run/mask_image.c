#include "run/mask_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"

enum {
    PATH_BYTES = 4096
};

/* ---- which image ----------------------------------------------------------- */

static int is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* "@2" at the end is a level; "store.zarr:labels/x" is a path in a store. */
static enum pw_status parse(const char *text, char path[PATH_BYTES], int *level, struct pw_error *error)
{
    char *at, *colon, *end;
    struct stat st;
    *level = 0;
    if ((size_t)snprintf(path, PATH_BYTES, "%s", text) >= PATH_BYTES)
        return pw_fail(error, PW_E_ARGUMENT, "--mask: a path of more than %d characters", PATH_BYTES - 1);
    if (stat(path, &st) == 0)
        return PW_OK;
    at = strrchr(path, '@');
    if (at != NULL && at[1] >= '0' && at[1] <= '9') {
        unsigned long number = strtoul(at + 1, &end, 10);
        if (*end == '\0' && number < PW_MAX_LEVELS) {
            *level = (int)number;
            *at = '\0';
        }
    }
    if (stat(path, &st) == 0)
        return PW_OK;
    colon = strrchr(path, ':');
    if (colon == NULL)
        return PW_OK;
    *colon = '\0';
    *colon = is_directory(path) ? '/' : ':';
    return PW_OK;
}

/* ---- how it lies on the image ------------------------------------------------- */

static int is_rounded(const struct pw_mask_axis *axis, uint64_t factor, int up)
{
    return (up ? pw_ceil_div(axis->image, factor) : axis->image / factor) == axis->mask;
}

/* The least whole number that makes one extent the other; 0 when there is none. */
static uint64_t whole_factor(const struct pw_mask_axis *axis, int up)
{
    uint64_t factor = up ? pw_ceil_div(axis->image, axis->mask) : axis->image / (axis->mask + 1) + 1;
    return is_rounded(axis, factor, up) ? factor : 0;
}

static void find_factor(struct pw_mask_axis *axis)
{
    for (int up = 1; up >= 0; up--)
        for (uint64_t two = 1; two <= 2 * axis->image; two *= 2)
            if (is_rounded(axis, two, up)) {
                axis->factor = two;
                return;
            }
    axis->factor = whole_factor(axis, 1);
    if (axis->factor == 0)
        axis->factor = whole_factor(axis, 0);
}

static uint64_t to_mask(const struct pw_mask_axis *axis, uint64_t i)
{
    if (axis->factor == 0)
        return (2 * i + 1) * axis->mask / (2 * axis->image);
    return pw_min_u64(i / axis->factor, axis->mask - 1);
}

/* The first voxel of the image that lies in voxel m of the mask or behind it; m may be the mask's extent. */
static uint64_t to_image(const struct pw_mask_axis *axis, uint64_t m)
{
    if (m >= axis->mask)
        return axis->image;
    if (axis->factor != 0)
        return m * axis->factor;
    uint64_t end = 2 * axis->image * m;
    return end <= axis->mask ? 0 : pw_ceil_div(end - axis->mask, 2 * axis->mask);
}

static enum pw_status fit(struct pw_mask *mask, struct pw_error *error)
{
    const uint64_t *mine = mask->volume.shape, *image = mask->image->shape;
    for (int i = 0; i < 3; i++) {
        mask->axis[i] = (struct pw_mask_axis){image[i], mine[i], 0};
        if (mine[i] > image[i] || image[i] > UINT32_MAX / 2)
            return pw_fail(error, PW_E_ARGUMENT,
                           "--mask %s: %llux%llux%llu voxels (z y x) do not lie on the image's %llux%llux%llu; a mask "
                           "has its shape, or that of a smaller level",
                           mask->source->path, (unsigned long long)mine[0], (unsigned long long)mine[1],
                           (unsigned long long)mine[2], (unsigned long long)image[0], (unsigned long long)image[1],
                           (unsigned long long)image[2]);
        find_factor(&mask->axis[i]);
    }
    uint64_t times = pw_volume_image_times(mask->image);
    if (mask->volume.times != 1 && mask->volume.times != times)
        return pw_fail(error, PW_E_ARGUMENT, "--mask %s: %llu time points, and the image has %llu", mask->source->path,
                       (unsigned long long)mask->volume.times, (unsigned long long)times);
    return PW_OK;
}

enum pw_status pw_mask_open(struct pw_mask *mask, const char *text, const struct pw_volume *image,
                            const char *scratch_dir, struct pw_error *error)
{
    struct pw_open_options open = {0};
    char path[PATH_BYTES];
    mask->image = image;
    enum pw_status status = parse(text, path, &open.level, error);
    if (status == PW_OK && strcmp(path, "-") == 0)
        status = pw_fail(error, PW_E_ARGUMENT, "--mask -: a mask is read more than once, and cannot come from a pipe");
    if (status == PW_OK)
        status = pw_source_open(path, &open, scratch_dir, &mask->source, error);
    if (status == PW_OK)
        status = pw_volume_init(&mask->volume, mask->source, -1, -1, error);
    return status == PW_OK ? fit(mask, error) : status;
}

void pw_mask_close(struct pw_mask *mask)
{
    if (mask->source != NULL)
        pw_source_close(mask->source);
    mask->source = NULL;
}

enum pw_status pw_mask_prepare(struct pw_mask *mask, struct pw_error *error)
{
    if (mask->source == NULL || !(mask->source->capabilities & PW_SOURCE_STREAM))
        return PW_OK;
    return mask->source->ops->await(mask->source, UINT64_MAX, error);
}

/* ---- reading --------------------------------------------------------------------- */

/* The most voxels of the mask along an axis that extent voxels of the image lie in. */
static uint64_t most_under(const struct pw_mask_axis *axis, uint64_t extent)
{
    if (axis->factor == 1)
        return pw_min_u64(extent, axis->mask);
    uint64_t n = axis->factor != 0 ? extent / axis->factor : extent * axis->mask / axis->image;
    return pw_min_u64(n + 2, axis->mask);
}

static void shape_under(const struct pw_mask *mask, const uint64_t shape[3], uint64_t under[3])
{
    for (int i = 0; i < 3; i++)
        under[i] = most_under(&mask->axis[i], shape[i]);
}

/* Every other voxel of a row can begin a stretch. */
static uint64_t runs_bytes(const uint64_t under[3])
{
    return (under[2] / 2 + 2) * sizeof(struct pw_run);
}

uint64_t pw_mask_reader_bytes(const struct pw_mask *mask, const uint64_t shape[3])
{
    uint64_t under[3];
    shape_under(mask, shape, under);
    return pw_stored_labels_memory_bytes(&mask->volume, under[0] * under[1] * under[2], under[2]) + runs_bytes(under);
}

enum pw_status pw_mask_reader_init(struct pw_mask_reader *reader, const struct pw_mask *mask, const uint64_t shape[3],
                                   struct pw_error *error)
{
    uint64_t under[3];
    shape_under(mask, shape, under);
    reader->mask = mask;
    enum pw_status status =
        pw_stored_labels_init(&reader->voxels, &mask->volume, under[0] * under[1] * under[2], under[2], error);
    reader->voxels.as_bits = 1;
    if (status == PW_OK)
        status = pw_buffer_init(&reader->memory, runs_bytes(under), "a row of the mask", error);
    reader->run = reader->memory.data;
    return status;
}

void pw_mask_reader_release(struct pw_mask_reader *reader)
{
    if (reader->mask == NULL)
        return;
    pw_stored_labels_release(&reader->voxels);
    pw_buffer_release(&reader->memory);
}

/* Where the window's time point begins in the stack of the mask's. */
static uint64_t time_start(const struct pw_mask *mask, const struct pw_box *window)
{
    const struct pw_volume *image = mask->image;
    return mask->volume.times > 1 ? (image->first_time + window->start[0] / image->shape[0]) * mask->volume.shape[0]
                                  : 0;
}

enum pw_status pw_mask_reader_begin(struct pw_mask_reader *reader, const struct pw_box *window, struct pw_error *error)
{
    const struct pw_mask *mask = reader->mask;
    reader->window = *window;
    reader->window.start[0] %= mask->image->shape[0];
    for (int i = 0; i < 3; i++) {
        uint64_t start = reader->window.start[i], last = start + window->shape[i] - 1;
        reader->under.start[i] = to_mask(&mask->axis[i], start);
        reader->under.shape[i] = to_mask(&mask->axis[i], last) - reader->under.start[i] + 1;
    }
    reader->under.start[0] += time_start(mask, window);
    reader->row_z = reader->row_y = UINT64_MAX;
    reader->n_runs = 0;
    return pw_stored_labels_begin(&reader->voxels, &reader->under, error);
}

/* The bits of what is zero, of an element type: those of 0, and of a negative one. */
static int is_zero(enum pw_dtype dtype, uint64_t bits)
{
    return pw_dtype_is_float(dtype) && bits == UINT64_C(1) << (8 * pw_dtype_bytes(dtype) - 1);
}

/* Adds voxels start..end-1 of the row of the mask, in the window's coordinates, to the last stretch where they touch. */
static void add_stretch(struct pw_mask_reader *reader, uint64_t start, uint64_t end)
{
    const struct pw_mask_axis *axis = &reader->mask->axis[2];
    uint64_t first = reader->window.start[2], width = reader->window.shape[2], n = reader->n_runs;
    uint64_t from = to_image(axis, reader->under.start[2] + start), to = to_image(axis, reader->under.start[2] + end);
    from = from > first ? from - first : 0;
    to = pw_min_u64(to - first, width);
    if (n > 0 && reader->run[n - 1].end == from)
        n--;
    else
        reader->run[n].start = (uint32_t)from;
    reader->run[n].end = (uint32_t)to;
    reader->n_runs = n + 1;
}

static enum pw_status read_row(struct pw_mask_reader *reader, uint64_t z, uint64_t y, struct pw_error *error)
{
    struct pw_box row = {{z, y, reader->under.start[2]}, {1, 1, reader->under.shape[2]}};
    struct pw_label_block block;
    enum pw_dtype dtype = reader->mask->source->info.dtype;
    enum pw_status status = pw_stored_labels_pull(&reader->voxels, &row, &block, error);
    reader->row_z = z;
    reader->row_y = y;
    reader->n_runs = 0;
    for (uint64_t i = 0; status == PW_OK && i < block.n_runs; i++)
        if (!is_zero(dtype, block.value[i]))
            add_stretch(reader, block.run[i].start, block.run[i].end);
    return status;
}

enum pw_status pw_mask_reader_row(struct pw_mask_reader *reader, uint64_t z, uint64_t y, struct pw_error *error)
{
    const struct pw_mask_axis *axis = reader->mask->axis;
    uint64_t first = to_mask(&axis[0], reader->window.start[0]);
    uint64_t at_z = reader->under.start[0] + to_mask(&axis[0], reader->window.start[0] + z) - first;
    uint64_t at_y = to_mask(&axis[1], reader->window.start[1] + y);
    return at_z == reader->row_z && at_y == reader->row_y ? PW_OK : read_row(reader, at_z, at_y, error);
}

enum pw_status pw_mask_reader_any(struct pw_mask_reader *reader, int *any, struct pw_error *error)
{
    const struct pw_box *under = &reader->under;
    enum pw_status status = PW_OK;
    *any = 0;
    for (uint64_t z = 0; z < under->shape[0]; z++)
        for (uint64_t y = 0; y < under->shape[1] && status == PW_OK && !*any; y++) {
            status = read_row(reader, under->start[0] + z, under->start[1] + y, error);
            *any = reader->n_runs > 0;
        }
    return status;
}
