#include "store/hdf5_image.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/json.h"
#include "store/axis_names.h"
#include "store/text_header.h"

enum {
    NAME_MAX_BYTES = 1024
};

void pw_hdf5_axis(struct pw_hdf5_image *image, char letter, uint64_t size, double scale, const char *unit)
{
    struct pw_image_info *info = &image->info;
    pw_text_axis(&info->axis[info->rank], letter, scale, unit);
    info->shape[info->rank] = info->level_shape[0][info->rank] = size;
    info->level_scale[0][info->rank] = info->axis[info->rank].scale;
    info->rank++;
}

enum pw_status pw_hdf5_dataset(hid_t file, const char *path, const char *name, int *rank, uint64_t *shape,
                               enum pw_dtype *dtype, struct pw_error *error)
{
    hsize_t extent[H5S_MAX_RANK];
    int swap;
    hid_t dataset = pw_hdf5_exists(file, name) ? H5Dopen2(file, name, H5P_DEFAULT) : -1;
    if (dataset < 0 && pw_hdf5_exists(file, name))
        return pw_hdf5_cannot_open(path, name, error);
    if (dataset < 0)
        return pw_fail(error, PW_E_NOT_FOUND, "%s: has no dataset %s", path, name);
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    *rank = H5Sget_simple_extent_ndims(space);
    enum pw_status status = PW_OK;
    *dtype = pw_hdf5_dtype(type, &swap);
    if (*dtype == PW_DTYPE_NONE)
        status = pw_fail(error, PW_E_UNSUPPORTED, "%s: %s: its elements are %s", path, name, pw_hdf5_class_name(type));
    else if (*rank < 1 || *rank > PW_MAX_RANK)
        status = pw_fail(error, PW_E_UNSUPPORTED, "%s: %s: %d axes, 1 to %d are read", path, name, *rank, PW_MAX_RANK);
    else
        (void)H5Sget_simple_extent_dims(space, extent, NULL);
    for (int i = 0; status == PW_OK && i < *rank; i++) {
        shape[i] = extent[i];
        if (extent[i] == 0)
            status = pw_fail(error, PW_E_FORMAT, "%s: %s: axis %d has no elements", path, name, i);
    }
    (void)H5Tclose(type);
    (void)H5Sclose(space);
    (void)H5Dclose(dataset);
    return status;
}

/* ------------------------------------------------------------------------ *
 * A dataset as it is
 * ------------------------------------------------------------------------ */

/* The axis of a name; 0: none. */
static char letter_of(const char *name)
{
    if (strcasecmp(name, "time") == 0 || strcasecmp(name, "channel") == 0)
        return (char)(name[0] | 0x20);
    return strlen(name) == 1 && strchr("tczyxTCZYX", name[0]) != NULL ? (char)(name[0] | 0x20) : '\0';
}

/* ilastik (vigra): {"axes": [{"key": "t"}, ..]}. */
static int axistags(hid_t dataset, int rank, char letters[PW_MAX_RANK])
{
    char text[8192];
    struct json_object *meta = NULL;
    if (!pw_hdf5_text(dataset, "axistags", text, sizeof text) ||
        pw_json_parse(text, strlen(text), "axistags", &meta, NULL) != PW_OK)
        return 0;
    struct json_object *axes = pw_json_get_typed(meta, "axes", json_type_array);
    int told = axes != NULL && json_object_array_length(axes) == (size_t)rank;
    for (int i = 0; told && i < rank; i++) {
        const char *key = pw_json_text(json_object_array_get_idx(axes, (size_t)i), "key");
        told = key != NULL && strlen(key) == 1;
        letters[i] = told ? (char)(key[0] | 0x20) : '\0';
    }
    json_object_put(meta);
    return told;
}

/* netCDF-4 and xarray: each axis has a scale, a dataset whose name is that of the axis. */
static int scale_letters(hid_t dataset, int rank, char letters[PW_MAX_RANK])
{
    char names[PW_MAX_RANK][16] = {{0}};
    int told = pw_hdf5_scale_names(dataset, names[0], sizeof names[0], rank) == rank;
    for (int i = 0; told && i < rank; i++)
        told = (letters[i] = letter_of(names[i])) != '\0';
    return told;
}

/* Letters of the axes: as the file says, else the last three are z, y and x. */
static void find_letters(hid_t dataset, int rank, char letters[PW_MAX_RANK])
{
    char labels[PW_MAX_RANK][16] = {{0}};
    if (axistags(dataset, rank, letters))
        return;
    int n = rank > 1 ? pw_hdf5_texts(dataset, "DIMENSION_LABELS", labels[0], sizeof labels[0], rank) : 0;
    int told = n == rank;
    for (int i = 0; told && i < rank; i++)
        told = (letters[i] = letter_of(labels[i])) != '\0';
    if (told || scale_letters(dataset, rank, letters))
        return;
    for (int i = 0; i < rank; i++)
        letters[i] = rank - i <= 3 ? "xyz"[rank - i - 1] : '\0';
}

/* element_size_um is ilastik's, plantseg's and Fiji's, in micrometers; resolution CREMI's, in nanometers; both z y x. */
static const char *find_scales(hid_t dataset, double scale[3])
{
    if (pw_hdf5_numbers(dataset, "element_size_um", scale, 3) == 3)
        return "micrometer";
    if (pw_hdf5_numbers(dataset, "resolution", scale, 3) == 3)
        return "nanometer";
    scale[0] = scale[1] = scale[2] = 0;
    return "";
}

static enum pw_status one_dataset(hid_t file, const char *path, const char *name, struct pw_hdf5_image *image,
                                  struct pw_error *error)
{
    uint64_t shape[PW_MAX_RANK];
    char letters[PW_MAX_RANK];
    double scale[3];
    int rank;
    enum pw_status status = pw_hdf5_dataset(file, path, name, &rank, shape, &image->info.dtype, error);
    if (status != PW_OK)
        return status;
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    find_letters(dataset, rank, letters);
    const char *unit = find_scales(dataset, scale);
    (void)H5Dclose(dataset);
    for (int i = 0; i < rank; i++) {
        /* z, y and x count down in the alphabet as the scales count up. */
        int is_space = letters[i] >= 'x' && letters[i] <= 'z';
        pw_hdf5_axis(image, letters[i], shape[i], is_space ? scale['z' - letters[i]] : 0, unit);
    }
    return pw_names_add(&image->datasets, name, error);
}

/* ------------------------------------------------------------------------ *
 * Choosing
 * ------------------------------------------------------------------------ */

struct search {
    struct pw_names found;
    const char *under;
    char unreadable[256];       /* a dataset that the library cannot open: one of a later version of HDF5 */
    char other[NAME_MAX_BYTES]; /* one that would suit, were its elements numbers */
    struct pw_error *error;
    enum pw_status status;
};

/* Numbers of two axes or more are an image. */
static herr_t look(hid_t group, const char *name, const H5O_info_t *object, void *user)
{
    struct search *search = user;
    char full[NAME_MAX_BYTES];
    int rank, swap;
    if (object->type != H5O_TYPE_DATASET)
        return 0;
    hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
    if (dataset < 0) {
        (void)snprintf(search->unreadable, sizeof search->unreadable, "%s", name);
        return 0;
    }
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    rank = H5Sget_simple_extent_ndims(space);
    int is_image = rank >= 2 && rank <= PW_MAX_RANK && H5Sget_simple_extent_npoints(space) > 0;
    int suits = is_image && pw_hdf5_dtype(type, &swap) != PW_DTYPE_NONE;
    (void)H5Tclose(type);
    (void)H5Sclose(space);
    (void)H5Dclose(dataset);
    int n = snprintf(full, sizeof full, "%s%s%s", search->under, strcmp(search->under, "/") == 0 ? "" : "/", name);
    if (is_image && !suits && n > 0 && (size_t)n < sizeof full)
        memcpy(search->other, full, (size_t)n + 1);
    if (suits && n > 0 && (size_t)n < sizeof full)
        search->status = pw_names_add(&search->found, full, search->error);
    return search->status == PW_OK ? 0 : -1;
}

/* The only dataset below a group that suits. */
static enum pw_status choose_below(hid_t file, const char *path, const char *group, struct pw_hdf5_image *image,
                                   struct pw_error *error)
{
    struct search search = {.under = group, .error = error};
    char list[600];
    hid_t opened = H5Gopen2(file, group, H5P_DEFAULT);
    if (opened < 0)
        return pw_hdf5_cannot_open(path, group, error);
    (void)H5Ovisit2(opened, H5_INDEX_NAME, H5_ITER_NATIVE, look, &search, H5O_INFO_BASIC);
    (void)H5Gclose(opened);
    enum pw_status status = search.status;
    pw_names_list((const char *const *)search.found.name, search.found.n, list, sizeof list);
    if (status == PW_OK && search.found.n == 1)
        status = one_dataset(file, path, search.found.name[0], image, error);
    else if (status == PW_OK && search.unreadable[0] != '\0')
        status = pw_hdf5_cannot_open(path, search.unreadable, error);
    else if (status == PW_OK && search.found.n == 0 && search.other[0] != '\0')
        status = one_dataset(file, path, search.other, image, error); /* which says what it is */
    else if (status == PW_OK && search.found.n == 0)
        status =
            pw_fail(error, PW_E_FORMAT, "%s: has no dataset of numbers with two axes or more below %s", path, group);
    else if (status == PW_OK)
        status = pw_fail(error, PW_E_ARGUMENT, "%s: has several datasets; choose one with FILE:NAME: %s", path, list);
    pw_names_release(&search.found);
    return status;
}

static int is_dataset(hid_t file, const char *name)
{
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset >= 0)
        (void)H5Dclose(dataset);
    return dataset >= 0;
}

static enum pw_status find(hid_t file, const char *path, const char *name, int level, struct pw_hdf5_image *image,
                           struct pw_error *error)
{
    char full[NAME_MAX_BYTES];
    if (name == NULL && pw_hdf5_is_imaris(file))
        return pw_hdf5_imaris(file, path, level, image, error);
    if (name == NULL && pw_hdf5_is_bdv(file))
        return pw_hdf5_bdv(file, path, level, image, error);
    int n = snprintf(full, sizeof full, "%s%s", name != NULL && name[0] == '/' ? "" : "/", name != NULL ? name : "");
    if (n < 0 || (size_t)n >= sizeof full)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the name of a dataset is too long", path);
    while (n > 1 && full[n - 1] == '/')
        full[--n] = '\0';
    if (n > 1 && !pw_hdf5_exists(file, full))
        return pw_fail(error, PW_E_NOT_FOUND, "%s: has no dataset %s", path, full);
    return n > 1 && is_dataset(file, full) ? one_dataset(file, path, full, image, error)
                                           : choose_below(file, path, full, image, error);
}

enum pw_status pw_hdf5_image_find(hid_t file, const char *path, const char *name, int level,
                                  struct pw_hdf5_image *image, struct pw_error *error)
{
    memset(image, 0, sizeof *image);
    image->info.n_levels = 1;
    return find(file, path, name, level, image, error);
}

void pw_hdf5_image_release(struct pw_hdf5_image *image)
{
    pw_names_release(&image->datasets);
    pw_names_release(&image->channels);
}
