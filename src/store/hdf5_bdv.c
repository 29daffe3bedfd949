/*
 * BigDataViewer: a dataset for each time point, setup (a channel) and resolution, int16 holding uint16; the steps of the
 * resolutions are a dataset (x y z), the size of a voxel is in the XML file beside it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "store/bdv_xml.h"
#include "store/hdf5_image.h"

enum {
    PATH_BYTES = 128
};

static void place(char *out, uint64_t time, uint64_t setup, int level)
{
    (void)snprintf(out, PATH_BYTES, "/t%05llu/s%02llu/%d/cells", (unsigned long long)time, (unsigned long long)setup,
                   level);
}

static int has(hid_t file, uint64_t time, uint64_t setup, int level)
{
    char path[PATH_BYTES];
    place(path, time, setup, level);
    return pw_hdf5_exists(file, path);
}

int pw_hdf5_is_bdv(hid_t file)
{
    return has(file, 0, 0, 0);
}

/* Every setup has the shape of the first, else there is no one image. */
static enum pw_status check_setups(hid_t file, const char *path, uint64_t n_setups, const uint64_t shape[3],
                                   struct pw_error *error)
{
    for (uint64_t s = 1; s < n_setups; s++) {
        char name[PATH_BYTES];
        uint64_t other[PW_MAX_RANK];
        enum pw_dtype dtype;
        int rank;
        place(name, 0, s, 0);
        enum pw_status status = pw_hdf5_dataset(file, path, name, &rank, other, &dtype, error);
        if (status != PW_OK)
            return status;
        if (rank != 3 || memcmp(other, shape, 3 * sizeof *shape) != 0)
            return pw_fail(error, PW_E_ARGUMENT, "%s: its setups have several shapes; choose one with FILE:%s", path,
                           name);
    }
    return PW_OK;
}

/* What the XML file says that has the name of this one. */
static void find_xml(const char *path, struct pw_bdv_xml *xml)
{
    char name[4100];
    const char *dot = strrchr(path, '.');
    (void)snprintf(name, sizeof name, "%.*s.xml", (int)(dot != NULL ? (size_t)(dot - path) : strlen(path)), path);
    if (access(name, F_OK) != 0 || pw_bdv_xml_read(name, xml, NULL) != PW_OK)
        memset(xml, 0, sizeof *xml);
}

/* Steps of a level, z y x; what cannot be told is the ratio of the sizes. */
static void find_steps(hid_t file, int level, const uint64_t whole[3], const uint64_t size[3], double step[3])
{
    double all[PW_MAX_LEVELS][3];
    hsize_t extent[2] = {0};
    hid_t dataset = pw_hdf5_exists(file, "/s00/resolutions") ? H5Dopen2(file, "/s00/resolutions", H5P_DEFAULT) : -1;
    int told = 0;
    if (dataset >= 0) {
        hid_t space = H5Dget_space(dataset);
        told = H5Sget_simple_extent_ndims(space) == 2 && H5Sget_simple_extent_dims(space, extent, NULL) == 2 &&
               extent[1] == 3 && extent[0] <= PW_MAX_LEVELS && (hsize_t)level < extent[0] &&
               H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0;
        (void)H5Sclose(space);
        (void)H5Dclose(dataset);
    }
    for (int i = 0; i < 3; i++)
        step[i] = told && all[level][2 - i] > 0 ? all[level][2 - i] : (double)whole[i] / (double)size[i];
}

static enum pw_status add_level(hid_t file, const char *path, int level, struct pw_hdf5_image *image,
                                struct pw_error *error)
{
    struct pw_image_info *info = &image->info;
    char name[PATH_BYTES];
    uint64_t size[PW_MAX_RANK];
    enum pw_dtype dtype;
    double step[3];
    int rank;
    place(name, 0, 0, level);
    enum pw_status status = pw_hdf5_dataset(file, path, name, &rank, size, &dtype, error);
    if (status != PW_OK)
        return status;
    if (rank != 3)
        return pw_fail(error, PW_E_FORMAT, "%s: %s: %d axes, BigDataViewer has 3", path, name, rank);
    find_steps(file, level, info->level_shape[0] + image->n_lead, size, step);
    memcpy(info->level_shape[level], info->level_shape[0], sizeof info->level_shape[0]);
    memcpy(info->level_scale[level], info->level_scale[0], sizeof info->level_scale[0]);
    for (int i = 0; i < 3; i++) {
        int a = image->n_lead + i;
        info->level_shape[level][a] = size[i];
        info->level_scale[level][a] *= step[i];
        /* A level is made of means: its first voxel lies in the middle of those it was made of. */
        info->level_translation[level][a] = (info->level_scale[level][a] - info->level_scale[0][a]) / 2;
    }
    info->n_levels = level + 1;
    return PW_OK;
}

static enum pw_status list_datasets(hid_t file, const char *path, int level, uint64_t n_times, uint64_t n_setups,
                                    struct pw_hdf5_image *image, struct pw_error *error)
{
    char name[PATH_BYTES];
    enum pw_status status = PW_OK;
    for (uint64_t t = 0; t < n_times && status == PW_OK; t++)
        for (uint64_t s = 0; s < n_setups && status == PW_OK; s++) {
            place(name, t, s, level);
            status = has(file, t, s, level) ? pw_names_add(&image->datasets, name, error)
                                            : pw_fail(error, PW_E_FORMAT, "%s: has no %s", path, name);
        }
    return status;
}

enum pw_status pw_hdf5_bdv(hid_t file, const char *path, int level, struct pw_hdf5_image *image, struct pw_error *error)
{
    struct pw_image_info *info = &image->info;
    uint64_t n_times = 1, n_setups = 1, shape[PW_MAX_RANK];
    struct pw_bdv_xml xml;
    int rank;
    while (has(file, n_times, 0, 0))
        n_times++;
    while (has(file, 0, n_setups, 0))
        n_setups++;
    enum pw_status status = pw_hdf5_dataset(file, path, "/t00000/s00/0/cells", &rank, shape, &info->dtype, error);
    if (status == PW_OK && rank != 3)
        status = pw_fail(error, PW_E_FORMAT, "%s: /t00000/s00/0/cells: %d axes, BigDataViewer has 3", path, rank);
    if (status == PW_OK)
        status = check_setups(file, path, n_setups, shape, error);
    if (status != PW_OK)
        return status;
    if (info->dtype == PW_I16)
        info->dtype = PW_U16;
    find_xml(path, &xml);
    if (n_times > 1)
        pw_hdf5_axis(image, 't', n_times, 0, "");
    if (n_setups > 1)
        pw_hdf5_axis(image, 'c', n_setups, 0, "");
    image->n_lead = info->rank;
    for (int i = 0; i < 3; i++)
        pw_hdf5_axis(image, "zyx"[i], shape[i], xml.voxel[i], xml.unit);
    if (n_setups > 1 && xml.beyond_channel)
        (void)snprintf(info->warning, sizeof info->warning,
                       "its setups are tiles, angles or illuminations of a specimen; here each is a channel");
    for (int l = 1; l < PW_MAX_LEVELS && has(file, 0, 0, l) && status == PW_OK; l++)
        status = add_level(file, path, l, image, error);
    if (status == PW_OK && level >= info->n_levels)
        status =
            pw_fail(error, PW_E_ARGUMENT, "%s: there is no level %d; the last is %d", path, level, info->n_levels - 1);
    return status == PW_OK ? list_datasets(file, path, level, n_times, n_setups, image, error) : status;
}
