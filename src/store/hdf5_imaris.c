/*
 * Imaris: a dataset for each resolution, time point and channel, padded to whole chunks; the true sizes are in
 * attributes that are arrays of characters.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/hdf5_image.h"

enum {
    PATH_BYTES = 256
};

static void place(char *out, uint64_t level, uint64_t time, uint64_t channel)
{
    (void)snprintf(out, PATH_BYTES, "/DataSet/ResolutionLevel %llu/TimePoint %llu/Channel %llu",
                   (unsigned long long)level, (unsigned long long)time, (unsigned long long)channel);
}

static int has(hid_t file, uint64_t level, uint64_t time, uint64_t channel)
{
    char path[PATH_BYTES];
    place(path, level, time, channel);
    return pw_hdf5_exists(file, path);
}

int pw_hdf5_is_imaris(hid_t file)
{
    return has(file, 0, 0, 0);
}

/* z y x of a level: what the attributes say, at most what the dataset has. */
static enum pw_status size_of(hid_t file, const char *path, int level, uint64_t size[3], enum pw_dtype *dtype,
                              struct pw_error *error)
{
    static const char *const names[3] = {"ImageSizeZ", "ImageSizeY", "ImageSizeX"};
    char channel[PATH_BYTES], data[PATH_BYTES + 8];
    uint64_t stored[PW_MAX_RANK];
    int rank;
    place(channel, (uint64_t)level, 0, 0);
    (void)snprintf(data, sizeof data, "%s/Data", channel);
    enum pw_status status = pw_hdf5_dataset(file, path, data, &rank, stored, dtype, error);
    if (status != PW_OK)
        return status;
    if (rank != 3)
        return pw_fail(error, PW_E_FORMAT, "%s: %s: %d axes, Imaris has 3", path, data, rank);
    for (int i = 0; i < 3; i++) {
        double told = pw_hdf5_number_at(file, channel, names[i], (double)stored[i]);
        size[i] = told >= 1 && told <= (double)stored[i] ? (uint64_t)told : stored[i];
    }
    return PW_OK;
}

/* The physical length of an axis: ExtMin0 and ExtMax0 are of x. */
static double length_of(hid_t file, int axis)
{
    char name[2][16];
    (void)snprintf(name[0], sizeof name[0], "ExtMin%d", 2 - axis);
    (void)snprintf(name[1], sizeof name[1], "ExtMax%d", 2 - axis);
    return pw_hdf5_number_at(file, "/DataSetInfo/Image", name[1], 0) -
           pw_hdf5_number_at(file, "/DataSetInfo/Image", name[0], 0);
}

static enum pw_status name_channels(hid_t file, uint64_t n, struct pw_hdf5_image *image, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint64_t c = 0; c < n && status == PW_OK; c++) {
        char path[PATH_BYTES], name[PW_NAME_MAX] = "";
        (void)snprintf(path, sizeof path, "/DataSetInfo/Channel %llu", (unsigned long long)c);
        (void)pw_hdf5_text_at(file, path, "Name", name, sizeof name);
        status = pw_names_add(&image->channels, name, error);
    }
    return status;
}

static enum pw_status list_datasets(hid_t file, const char *path, int level, uint64_t n_times, uint64_t n_channels,
                                    struct pw_hdf5_image *image, struct pw_error *error)
{
    char data[PATH_BYTES];
    enum pw_status status = PW_OK;
    for (uint64_t t = 0; t < n_times && status == PW_OK; t++)
        for (uint64_t c = 0; c < n_channels && status == PW_OK; c++) {
            place(data, (uint64_t)level, t, c);
            if (!pw_hdf5_exists(file, data))
                return pw_fail(error, PW_E_FORMAT, "%s: has no %s", path, data);
            (void)snprintf(data + strlen(data), sizeof data - strlen(data), "/Data");
            status = pw_names_add(&image->datasets, data, error);
        }
    return status;
}

enum pw_status pw_hdf5_imaris(hid_t file, const char *path, int level, struct pw_hdf5_image *image,
                              struct pw_error *error)
{
    struct pw_image_info *info = &image->info;
    uint64_t n_times = 1, n_channels = 1, size[PW_MAX_LEVELS][3];
    char unit[32] = "";
    int n_levels = 1;
    while (has(file, 0, n_times, 0))
        n_times++;
    while (has(file, 0, 0, n_channels))
        n_channels++;
    while (n_levels < PW_MAX_LEVELS && has(file, (uint64_t)n_levels, 0, 0))
        n_levels++;
    if (level >= n_levels)
        return pw_fail(error, PW_E_ARGUMENT, "%s: there is no level %d; the last is %d", path, level, n_levels - 1);
    enum pw_status status = PW_OK;
    for (int i = 0; i < n_levels && status == PW_OK; i++)
        status = size_of(file, path, i, size[i], &info->dtype, error);
    if (status != PW_OK)
        return status;
    (void)pw_hdf5_text_at(file, "/DataSetInfo/Image", "Unit", unit, sizeof unit);
    if (n_times > 1)
        pw_hdf5_axis(image, 't', n_times, 0, "");
    if (n_channels > 1)
        pw_hdf5_axis(image, 'c', n_channels, 0, "");
    image->n_lead = info->rank;
    for (int i = 0; i < 3; i++)
        pw_hdf5_axis(image, "zyx"[i], size[0][i], length_of(file, i) / (double)size[0][i],
                     unit[0] != '\0' ? unit : "um");
    info->n_levels = n_levels;
    for (int l = 1; l < n_levels; l++) {
        memcpy(info->level_shape[l], info->level_shape[0], sizeof info->level_shape[0]);
        memcpy(info->level_scale[l], info->level_scale[0], sizeof info->level_scale[0]);
        for (int i = 0; i < 3; i++) {
            int a = image->n_lead + i;
            info->level_shape[l][a] = size[l][i];
            info->level_scale[l][a] *= (double)size[0][i] / (double)size[l][i];
        }
    }
    status = list_datasets(file, path, level, n_times, n_channels, image, error);
    return status == PW_OK ? name_channels(file, n_channels, image, error) : status;
}
